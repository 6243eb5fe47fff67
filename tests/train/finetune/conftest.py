"""A network to start from."""

from __future__ import annotations

from pathlib import Path

import pytest
from kinds import Command, FineTune, Finished, Pretrained
from training_data import draw_set, small_recipe, tps_record

from beetle_lm.cli import app
from beetle_lm.predict.formats.tps import read_tps


@pytest.fixture(scope="session")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Pretrained:
    folder = tmp_path_factory.mktemp("pretrained")
    data = draw_set(folder, 12)
    three = draw_set(folder / "three", 6, seed=1)
    records = read_tps(three[1])
    cut = [tps_record(str(r.image), [[x, 72 - y] for x, y in r.points[:3]]) for r in records]
    three[1].write_text("".join(cut), encoding="utf-8")
    run, full, half = (folder / name for name in ("run", "full.onnx", "half.onnx"))
    # Long enough for clear peaks: a file whose peaks are ties differs from its network by a cell.
    recipe = small_recipe(
        folder / "nano.toml", network="nano", epochs=1, steps_per_epoch=160, batch_size=8,
        averaging=0.95,
    )  # fmt: skip
    for arguments in (
        ("train", "--no-export", *data, "--part", "quad", "--recipe", recipe, "-o", run, "-q"),
        ("export", run, "-o", full),
        ("export", run, "-o", half, "--fp16", "--model-version", "2.0"),
    ):
        app([str(argument) for argument in arguments], standalone_mode=False)
    return Pretrained(data, three, run, full, half)


@pytest.fixture
def fine_tune(command: Command, pretrained: Pretrained, tmp_path: Path) -> FineTune:
    """``fine_tune(source, *options, data=..., part=..., **changes of the recipe)``."""

    def call(
        source: str | Path,
        *options: object,
        data: tuple[Path, Path] = pretrained.three,
        part: str = "triangle",
        **changes: object,
    ) -> Finished:
        entries = {"network": "nano", "epochs": 1, "steps_per_epoch": 1} | changes
        recipe = small_recipe(tmp_path / "tune.toml", **entries)
        return command(
            "train", "--no-export", *data, "--part", part, "--recipe", recipe, "--init", source,
            "-o", tmp_path / "tuned", *options,
        )  # fmt: skip

    return call
