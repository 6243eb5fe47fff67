"""Makes `docs/models.md`, the gallery of the bundled models, out of the registry and their cards.

python bench/gallery.py docs/models.md
"""

from __future__ import annotations

import argparse
from pathlib import Path

from beetle_lm.zoo.model_file.manifest import Manifest
from beetle_lm.zoo.registry import bundled_model, bundled_models

BEGIN = """# The bundled models

These come with beetle-lm and work without a network. `beetle-lm zoo show NAME` has the whole card
of each; models of others are on the [Hub or in a laboratory's registry](zoo.md), and your own is
[trained in minutes](train.md). Errors are means over test photographs that took no part in
training.

| model | landmarks | mean error | test photographs | version | size |
|---|---|---|---|---|---|
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.parse_args().output.write_text(gallery(), encoding="utf-8")


def gallery() -> str:
    """The page, in Markdown."""
    rows, sections = [], []
    for name in sorted(bundled_models()):
        manifest = Manifest.of_file(bundled_model(name))
        card = manifest.card
        errors = "; ".join(f"{one.mean_px_256x192:.2f} px at 256 x 192" for one in card.metrics)
        counts = "; ".join(str(one.photographs) for one in card.metrics)
        rows.append(
            f"| [{name}](#{name}) | {len(card.spec)} | {errors} | {counts} | {card.version} |"
            f" {manifest.size / 1e6:.1f} MB |\n"
        )
        measures = ", ".join(one.name for one in card.spec.measurements)
        sections.append(
            f"\n## {name}\n\n![The landmarks of {name}](parts/{name}.jpg)\n\n"
            f"`beetle-lm predict photographs/ --part {name} -o landmarks --overlay`\n\n"
            f"- Landmarks: {'; '.join(card.spec.landmark_names)}.\n"
            + (f"- Measures: {measures}.\n" if measures else "")
            + f"- Input: {card.input_width} x {card.input_height} pixels.\n"
            f"- Licence: {card.licence}.\n- Learned from: {card.provenance}.\n"
            f"- SHA-256: `{manifest.sha256}`\n"
        )
    return BEGIN + "".join(rows + sections)


if __name__ == "__main__":
    main()
