"""What to cite; `CITATION.cff` says the same to programs."""

from beetle_lm import __version__

ADDRESS = "https://github.com/beetle-lm/beetle-lm"

SOFTWARE = f"The beetle-lm developers. beetle-lm, version {__version__}. {ADDRESS}"
"""This software."""

PAPER = (
    "Le V.L., Beurton-Aimar M., Zemmari A. & Parisey N. (2018) Deep learning for landmarking on"
    " morphometry anatomical images. Published in a later form as EB-Net in Ecological Informatics"
    " 60 (2020) 101175."
)
"""The paper whose method it builds on."""

SHAPE_SOURCES = (
    "Goodall C. (1991) Procrustes methods in the statistical analysis of shape. Journal of the"
    " Royal Statistical Society B 53: 285-339.",
    "Klingenberg C.P. & McIntyre G.S. (1998) Geometric morphometrics of developmental instability:"
    " analyzing patterns of fluctuating asymmetry with Procrustes methods. Evolution 52:"
    " 1363-1375.",
    "Zelditch M.L., Swiderski D.L. & Sheets H.D. (2012) Geometric morphometrics for biologists: a"
    " primer. 2nd edition. Academic Press.",
    "Fruciano C. (2016) Measurement error in geometric morphometrics. Development Genes and"
    " Evolution 226: 139-158.",
)
"""Where the comparison of shapes comes from."""
