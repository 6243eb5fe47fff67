"""From a model's card to its page on the Hub, for the biologist who finds it there."""

from __future__ import annotations

import json
import re
from typing import Any

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


def model_page(manifest: Manifest, model: HubModel) -> str:
    """The README.md of a model's repository: YAML for the Hub, then a page for people.

    Args:
        manifest: the model file and its card.
        model: the repository, and the revision that the page recommends.
    """
    return f"---\n{_front_matter(manifest, model)}---\n\n{_page(manifest, model)}"


def _front_matter(manifest: Manifest, model: HubModel) -> str:
    card = manifest.card
    known = card.licence.strip().lower()
    licence: dict[str, Any] = {"license": known}
    if known not in _LICENCES:
        licence = {"license": "other", "license_name": _slug(card.licence) or "not-stated"}
    part = _slug(card.spec.name)
    tags = ["beetle-lm", "onnx", "landmarks", "morphometrics", "entomology", *([part] * bool(part))]
    fields: dict[str, Any] = {
        **licence,
        "library_name": "beetle-lm",
        "pipeline_tag": _TASK,
        "tags": list(dict.fromkeys(tags)),
    }
    if card.metrics:
        results = [
            {
                "task": {"type": _TASK, "name": "Landmark placement"},
                "dataset": {"type": part or "photographs", "name": _line(measured.data)},
                "metrics": [
                    {
                        "type": "mean-distance-px-256x192",
                        "name": "Mean distance from manual landmarks, pixels at 256 x 192"
                        f" ({measured.photographs} photographs)",
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


def _page(manifest: Manifest, model: HubModel) -> str:
    card = manifest.card
    part, count = _line(card.spec.name), len(card.spec)
    reference = str(model).removesuffix("@main")
    shape = f"(N, {card.channels}, {card.input_height}, {card.input_width})"
    landmarks = "\n".join(
        f"| {number} | {_cell(name)} |"
        for number, name in enumerate(card.spec.landmark_names, start=1)
    )
    size = f"{card.input_width} x {card.input_height}"
    colour = "grey" if card.channels == 1 else "colour"
    return f"""# {part}: {count} landmarks

Places {count} landmarks on photographs of the part *{part}*, for geometric morphometrics, and
writes them as TPS and CSV for tpsDig, geomorph, MorphoJ or R. Version {_line(card.version)}.

## Use

```sh
pip install "beetle-lm[cpu]"
beetle-lm predict photographs/ --model {reference} -o landmarks --overlay
```

The model is downloaded once and checked; afterwards this works without a network. For a computer
that never has one, download `model.onnx` from this page's files and give its path with `--model`.

## Photographs

One specimen per photograph. The part should fill the picture, in the position and orientation of
the photographs that the model was trained on. Any size will do: the model itself looks at a
{colour} picture of {size} pixels, and gives the landmarks in pixels of the
photograph, with the error to expect of each. Photographs of another kind, turned or cut off are
flagged in `specimens.csv`; `beetle-lm review-list` shows which to check first.

## Landmarks

| number | landmark |
|---:|---|
{landmarks}

## How accurate

{_accuracy(manifest)}

## Trained on

{_line(card.provenance)}

## Licence

{_line(card.licence)}

## For programs

`model.onnx` needs no Python and nothing beside it: input `image`, uint8 {shape};
outputs `landmarks`, float32 (N, {count}, 2) in pixels of the input, `score`, float32
(N, {count}) from 0 to 1, and `expected_error`, float32 (N, {count}), the expected distance from the
true landmark in pixels of the input. Photographs are fitted into the input by {_fit(card.fit)}.
`card.json` says all this to programs.

| file | size | SHA-256 |
|---|---:|---|
| `model.onnx` | {manifest.size} bytes | `{manifest.sha256}` |
"""


def _accuracy(manifest: Manifest) -> str:
    metrics = manifest.card.metrics
    if not metrics:
        return "Nothing was measured. Compare with your own landmarks: `beetle-lm evaluate`."
    rows = "\n".join(
        f"| {_cell(measured.data)} | {measured.photographs} | {measured.mean_px_256x192:.2f} |"
        for measured in metrics
    )
    return (
        "Mean distance from landmarks that were placed by hand, on photographs that took no part in"
        "\ntraining, in pixels of the photograph stretched to 256 x 192:\n\n"
        f"| measured on | photographs | mean distance |\n|---|---:|---:|\n{rows}"
    )


def _fit(fit: str) -> str:
    return "letterboxing (proportions kept)" if fit == "letterbox" else "stretching"


def _slug(text: str) -> str:
    return re.sub("[^a-z0-9.]+", "-", text.lower()).strip("-.")[:60]


def _line(text: str) -> str:
    """Text of a card as one line that Markdown leaves as it is."""
    return re.sub(r"([\\`*_<>\[\]#])", r"\\\1", " ".join(text.split()))


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")
