"""Shape space of a run of `beetle-lm predict`: superimposition and principal components.

    python examples/pca.py landmarks

reads `landmarks.tps` and `specimens.csv` of the folder, leaves flagged and incomplete specimens out
and says how many, and writes `pca.csv` and `pca.png` there. ktch does the superimposition
(`pip install ktch`).
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import matplotlib
import numpy as np
from ktch.landmark import GeneralizedProcrustesAnalysis, centroid_size
from sklearn.decomposition import PCA

from beetle_lm import read_tps

matplotlib.use("Agg")
from matplotlib import pyplot

COMPONENTS = 2


def main(folder: Path) -> None:
    """Writes the principal components of one part's results, a table and a picture."""
    with (folder / "specimens.csv").open(encoding="utf-8-sig", newline="") as file:
        status = {row["image"]: row["status"] for row in csv.DictReader(file)}
    records = read_tps(folder / "landmarks.tps")
    kept = [
        record
        for record in records
        if status.get(record.name) == "ok" and np.isfinite(record.points).all()
    ]
    print(f"{len(kept)} of {len(records)} specimens are complete and not flagged")

    shapes = np.stack([record.points for record in kept])
    aligned = GeneralizedProcrustesAnalysis(scaling=True).fit_transform(
        shapes.reshape(len(kept), -1)
    )
    pca = PCA(COMPONENTS)
    scores = pca.fit_transform(aligned)
    shares = pca.explained_variance_ratio_
    for number, share in enumerate(shares, start=1):
        print(f"PC{number}: {share:.1%} of the variance of shape")

    with (folder / "pca.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image", "centroid_size", "pc1", "pc2"])
        for record, shape, (first, second) in zip(kept, shapes, scores, strict=True):
            # In units where the file has a scale, else in pixels.
            size = float(centroid_size(shape)) * (record.scale or 1)
            table.writerow([record.name, f"{size:.2f}", f"{first:.6f}", f"{second:.6f}"])

    figure, (space, along) = pyplot.subplots(1, 2, figsize=(9, 4), layout="constrained")
    space.scatter(scores[:, 0], scores[:, 1], color="#0072b2")
    space.set(xlabel=f"PC1 ({shares[0]:.0%})", ylabel=f"PC2 ({shares[1]:.0%})", aspect="equal")
    ends = (scores[:, 0].min(), scores[:, 0].max())
    for end, colour in zip(ends, ("#0072b2", "#d55e00"), strict=True):
        shape = (pca.mean_ + end * pca.components_[0]).reshape(-1, 2)
        along.scatter(*shape.T, color=colour, label=f"PC1 = {end:+.3f}")
    along.set(aspect="equal", title="from one end of PC1 to the other")
    along.legend()
    figure.savefig(folder / "pca.png", dpi=120)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
