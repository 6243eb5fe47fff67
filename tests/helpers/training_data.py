"""Drawn photographs to train on: a dark quadrangle whose corners are the landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

SIZE = (96, 72)


def draw_set(folder: Path, count: int, seed: int = 0) -> tuple[Path, Path]:
    """Writes `count` images and their TPS file; returns the image folder and the TPS file."""
    rng = np.random.default_rng(seed)
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    records = []
    for number in range(count):
        corners = np.array([[25, 20], [70, 18], [74, 52], [22, 55]]) + rng.uniform(-6, 6, (4, 2))
        large = np.full((SIZE[1] * 4, SIZE[0] * 4), rng.uniform(180, 240), np.uint8)
        cv2.fillPoly(large, [np.rint(corners * 4).astype(np.int32)], 40)
        pixels = cv2.resize(large, SIZE, interpolation=cv2.INTER_AREA)
        name = f"drawn_{number:03d}.png"
        cv2.imwrite(str(images / name), pixels)
        records.append(tps_record(name, corners))
    landmarks = folder / "landmarks.tps"
    landmarks.write_text("".join(records), encoding="utf-8")
    return images, landmarks


def tps_record(name: str, xy: Sequence[Sequence[float]] | np.ndarray, height: int = SIZE[1]) -> str:
    lines = [f"{x:.5f} {height - y:.5f}" for x, y in xy]
    return "\n".join([f"LM={len(lines)}", *lines, f"IMAGE={name}", f"ID={name}", ""])


def small_recipe(path: Path, **changes: object) -> Path:
    """A recipe for drawn images that trains in a second or two."""
    entries: dict[str, object] = {
        "name": "small", "network": "compact", "input_pixels": 12288, "channels": 1, "epochs": 3,
        "steps_per_epoch": 3, "batch_size": 4, "learning_rate": 3e-3, "weight_decay": 1e-2,
        "averaging": 0.9, "target_sigma": 1.0, "coordinate_weight": 0.5,
    }  # fmt: skip
    augmentation: dict[str, object] = {
        "least_rotation": 5, "rotation": 10, "scale": 1.1, "stretch": 1.05, "shift": 0.05,
        "elastic": 0.005, "shape_transfer": 0.5, "light": 0.3, "blur": 0.5, "noise": 0.02,
        "patches": 1, "dots": 2,
    }  # fmt: skip
    for name, value in changes.items():
        (augmentation if name in augmentation else entries)[name] = value
    lines = [f"{key} = {_toml(value)}" for key, value in entries.items()]
    lines += ["[augmentation]", *(f"{key} = {_toml(v)}" for key, v in augmentation.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
