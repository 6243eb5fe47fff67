"""What a run was made with: what goes into run.json, and what must be the same to resume it."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from beetle_lm import __version__
from beetle_lm.predict.batch.job import Settings
from beetle_lm.predict.batch.options import Options
from beetle_lm.predict.batch.reference import Reference
from beetle_lm.predict.batch.source import Source, SourceRecord


def settings(
    source: Source,
    reference: Reference | None,
    parts: Sequence[str],
    options: Options,
    batch_size: int,
) -> Settings:
    """All that the results of a part depend on, but for the photographs.

    What only changes how fast they come, or keeps a run from ending early, is left out.

    Args:
        source: what places the landmarks.
        reference: manual landmarks to compare with.
        parts: the parts of the whole run.
        options: what is written and how.
        batch_size: photographs that really go through the model at once.
    """
    scale = _scale(options)
    return {
        "list of parts": list(parts),
        "part": source.spec.name,
        "file of manual landmarks": None if reference is None else reference.sha256,
        "list of file formats": ",".join(options.formats),
        "frame of coordinates": options.exif,
        "minimum score": options.min_score,
        "choice for flagged photographs": options.flagged,
        "choice for curves": options.curves,
        # A table may have been moved since, or be named otherwise, and is the same.
        "scale": scale["sha256"] if isinstance(scale, dict) else scale,
        "choice of overlays": options.overlay,
        "batch size": batch_size,
        "limit of pixels": options.max_pixels,
        "choice of pages": options.pages,
        **source.settings,
        "version of beetle-lm": __version__,
        **{f"version of {name}": version for name, version in source.versions.items()},
        "version of numpy": np.__version__,
        "version of opencv": cv2.__version__,
    }


def summary(
    source: SourceRecord,
    photographs: Path | str,
    options: Options,
    counts: dict[str, int],
    started: str,
    seconds: float,
) -> dict[str, Any]:
    """The content of run.json.

    Args:
        source: what placed the landmarks.
        photographs: the folder that their names are below, or its address.
        options: how photographs were predicted and what was written.
        counts: of photographs and landmarks.
        started: when, in ISO format.
        seconds: how long the photographs took, over all attempts.
    """
    return {
        "beetle_lm": __version__,
        **source.record,
        "photographs": str(photographs),
        "versions": {
            "python": platform.python_version(),
            **source.versions,
            "numpy": np.__version__,
            "opencv": cv2.__version__,
        },
        "options": {**asdict(replace(options, scale=None)), "scale": _scale(options)},
        "frame": "upright" if options.exif == "apply" else "stored",
        "counts": counts,
        "started": started,
        "seconds": round(seconds, 3),
    }


def _scale(options: Options) -> object:
    return None if options.scale is None else options.scale.record
