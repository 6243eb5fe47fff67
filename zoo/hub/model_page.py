"""From a model's card to its page on the Hub, for the biologist who finds it there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from importlib import resources
from typing import Any

from beetle_lm.text import counted
from beetle_lm.zoo.hub.name import HubModel
from beetle_lm.zoo.model_file.manifest import Manifest

# Identifiers that the Hub knows; every other licence is "other", with its name.
_LICENCES = frozenset(
    (
        *("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "isc", "unlicense", "zlib"),
        *("mpl-2.0", "gpl-2.0", "gpl-3.0", "lgpl-2.1", "lgpl-3.0", "agpl-3.0", "epl-2.0"),
        *("eupl-1.1", "eupl-1.2", "osl-3.0", "odbl", "odc-by", "pddl", "cc0-1.0", "cc-by-2.0"),
        *("cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0"),
        *("cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0"),
        *("cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"),
    )
)
_TASK = "keypoint-detection"
_UNMEASURED = "Nothing was measured. Compare with your own landmarks: `beetle-lm evaluate`."
_TRIAL = """\
[Try it in the browser]({space}): nothing is installed, and no
photograph leaves the computer.

"""
_MEASURED = """\
Mean distance from landmarks that were placed by hand, on photographs that took no part in
training, in pixels of the photograph stretched to 256 x 192:

| measured on | photographs | mean distance |
|---|---:|---:|
"""


def model_page(manifest: Manifest, model: HubModel, space: str | None = None) -> str:
    """The README.md of a model's repository: YAML for the Hub, then a page for people.

    Args:
        manifest: the model file and its card.
        model: the repository, and the revision that the page recommends.
        space: address of a Space on which the model can be tried, if there is one.
    """
    return f"---\n{_front_matter(manifest, model)}---\n\n{_page(manifest, model, space)}"


def hub_licence(licence: str) -> dict[str, str]:
    """A licence as the front matter of the Hub's pages has it."""
    known = licence.strip().lower()
    if known in _LICENCES:
        return {"license": known}
    return {"license": "other", "license_name": _slug(licence) or "not-stated"}


def _front_matter(manifest: Manifest, model: HubModel) -> str:
    card = manifest.card
    part = _slug(card.spec.name)
    tags = ["beetle-lm", "onnx", "landmarks", "morphometrics", "entomology", *([part] * bool(part))]
    fields: dict[str, Any] = {
        **hub_licence(card.licence),
        "library_name": "beetle-lm",
        "pipeline_tag": _TASK,
        "tags": list(dict.fromkeys(tags)),
    }
    if card.metrics:
        results = [
            {
                "task": {"type": _TASK, "name": "Landmark placement"},
                "dataset": {"type": part or "photographs", "name": one_line(measured.data)},
                "metrics": [
                    {
                        "type": "mean-distance-px-256x192",
                        "name": "Mean distance from manual landmarks, pixels at 256 x 192"
                        f" ({counted(measured.photographs, 'photograph')})",
                        "value": round(measured.mean_px_256x192, 3),
                    }
                ],
            }
            for measured in card.metrics
        ]
        name = model.repository.partition("/")[2]
        fields["model-index"] = [{"name": name, "results": results}]
    # Every JSON value is a YAML value, and needs no library to be quoted rightly.
    lines = (f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items())
    return "\n".join(lines) + "\n"


def _page(manifest: Manifest, model: HubModel, space: str | None) -> str:
    card = manifest.card
    template = resources.files("beetle_lm.zoo.hub").joinpath("model_page.md")
    if card.metrics:
        rows = [
            (_cell(measured.data), measured.photographs, f"{measured.mean_px_256x192:.2f}")
            for measured in card.metrics
        ]
        accuracy = _MEASURED + _rows(rows)
    else:
        accuracy = _UNMEASURED
    return template.read_text(encoding="utf-8").format(
        part=one_line(card.spec.name),
        count=len(card.spec),
        version=one_line(card.version),
        reference=str(model).removesuffix("@main"),
        trial=_TRIAL.format(space=space) if space else "",
        colour="grey" if card.channels == 1 else "colour",
        size=f"{card.input_width} x {card.input_height}",
        landmarks=_rows(enumerate(map(_cell, card.spec.landmark_names), start=1)),
        accuracy=accuracy,
        provenance=one_line(card.provenance),
        licence=one_line(card.licence),
        shape=f"(N, {card.channels}, {card.input_height}, {card.input_width})",
        fit="letterboxing (proportions kept)" if card.fit == "letterbox" else "stretching",
        bytes=manifest.size,
        sha256=manifest.sha256,
    )


def _rows(rows: Iterable[Iterable[object]]) -> str:
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


def _slug(text: str) -> str:
    return re.sub("[^a-z0-9.]+", "-", text.lower()).strip("-.")[:60]


def one_line(text: str) -> str:
    """Text of a card as one line that Markdown leaves as it is."""
    return re.sub(r"([\\`*_<>\[\]#])", r"\\\1", " ".join(text.split()))


def _cell(text: str) -> str:
    return one_line(text).replace("|", "\\|")
