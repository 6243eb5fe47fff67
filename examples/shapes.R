# Shapes of a run of `beetle-lm predict`, with geomorph: superimposition, principal components, allometry.
#
#   Rscript examples/shapes.R landmarks
#
# reads landmarks.tps and specimens.csv of the folder, and sliders.csv where the run was made with
# `--curves append`; leaves flagged and incomplete specimens out, says how many, and writes shapes.pdf
# and shapes.csv there. Needs geomorph 4 (install.packages("geomorph")).

suppressPackageStartupMessages(library(geomorph))

folder <- commandArgs(trailingOnly = TRUE)[1]
in_folder <- function(name) file.path(folder, name)

specimens <- read.csv(in_folder("specimens.csv"), fileEncoding = "UTF-8-BOM")

# negNA: a missing landmark is -1 -1 in a TPS file. With a SCALE= in every record, coordinates are in units.
# geomorph names specimens by IMAGE= without the ending; those of `--many` have a number in ID= alone.
id <- if (any(grepl("~specimen", specimens$image))) "ID" else "imageID"
landmarks <- readland.tps(in_folder("landmarks.tps"), specID = id, negNA = TRUE, warnmsg = FALSE)

names_of <- function(files) sub("\\.[^.]*$", "", basename(files))
status <- specimens$status[match(dimnames(landmarks)[[3]], names_of(specimens$image))]
stopifnot("a record of landmarks.tps is not in specimens.csv" = !anyNA(status))
complete <- apply(landmarks, 3, function(one) !anyNA(one))
kept <- which(status == "ok" & complete)
cat(sprintf("%d of %d specimens are complete and not flagged\n", length(kept), dim(landmarks)[3]))
landmarks <- landmarks[, , kept]

sliders <- if (file.exists(in_folder("sliders.csv"))) as.matrix(read.csv(in_folder("sliders.csv")))
superimposed <- gpagen(landmarks, curves = sliders, print.progress = FALSE)

components <- gm.prcomp(superimposed$coords)
invisible(summary(components))

data <- geomorph.data.frame(superimposed)
allometry <- procD.lm(coords ~ log(Csize), data = data, iter = 999, print.progress = FALSE)
print(summary(allometry))

pdf(in_folder("shapes.pdf"))
plot(components, pch = 19, main = "Principal components of shape")
plotAllometry(allometry, size = data$Csize, logsz = TRUE, method = "RegScore", pch = 19)
invisible(plotOutliers(superimposed$coords))
invisible(dev.off())

table <- data.frame(image = dimnames(landmarks)[[3]], centroid_size = superimposed$Csize, components$x[, 1:2])
write.csv(table, in_folder("shapes.csv"), row.names = FALSE)
