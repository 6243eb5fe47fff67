"""What `beetle-lm reproduce` does with which photographs: parts, rounds, methods, arguments."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from kinds import Command
from results import read_table
from training_data import draw_set, small_recipe

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from beetle_lm.errors import RequestError  # noqa: E402
from beetle_lm.train.paper.recipe import PaperRecipe  # noqa: E402
from beetle_lm.train.reproduction.data import pretraining_data, read_parts  # noqa: E402
from beetle_lm.train.reproduction.methods import Settings, load_methods  # noqa: E402
from beetle_lm.train.reproduction.paper_numbers import paper_numbers  # noqa: E402
from beetle_lm.train.synthetic.files import render_series  # noqa: E402
from beetle_lm.zoo.model_file.parts import PARTS  # noqa: E402


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photographs of each of the three parts that networks are pre-trained on."""
    folder = tmp_path_factory.mktemp("drawn")
    for part in ("pronotum", "elytra", "head"):
        render_series(part, 4, folder, 0, (256, 192), False, lambda: None)
    return folder


def test_templates_are_compared_where_they_fit(command: Command, tmp_path: Path) -> None:
    data, report = tmp_path / "data", tmp_path / "report"
    render_series("left-mandible", 4, data, 0, (816, 612), False, lambda: None)
    render_series("elytra", 2, data, 0, (816, 612), False, lambda: None)
    arguments = ("reproduce", data, "-o", report, "--rounds", 2, "--recipes", "transfer")
    assert command(*arguments).code == 0
    text = (report / "report.md").read_text(encoding="utf-8")
    assert "elytra 0 of 2 placed, left-mandible 4 of 4 placed" in text
    summary = read_table(report / "tables" / "summary.csv")
    rows = {(row["part"], row["method"]): row for row in summary}
    assert ("elytra", "transfer") not in rows
    placed, blind = (rows["left-mandible", name] for name in ("transfer", "mean position"))
    assert placed["photographs"] == "4"
    assert float(placed["mean px"]) < 0.5 * float(blind["mean px"])
    done = command(*arguments, "--resume")
    assert done.code == 0 and "0 of 4 jobs to do" in done.err
    done = command(*arguments, "--resume", "--seed", 1)
    assert done.code == 1 and "was done with other data or options" in done.err


@pytest.mark.slow
def test_two_processes_share_the_work(tmp_path: Path) -> None:
    draw_set(tmp_path / "data" / "quad", 6)
    small = small_recipe(tmp_path / "small.toml", network="nano", epochs=1, steps_per_epoch=1)
    arguments = (
        sys.executable, "-m", "beetle_lm", "reproduce", tmp_path / "data", "-o",
        tmp_path / "report", "--rounds", "3", "--recipes", small, "--resume",
    )  # fmt: skip
    both = [
        subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for _ in range(2)
    ]
    said = "".join(process.communicate(timeout=240)[1] for process in both)
    assert [process.returncode for process in both] == [0, 0], said
    begun = Counter(re.findall(r"^quad small round-\d$", said, re.MULTILINE))
    assert begun == {f"quad small round-{number}": 1 for number in range(1, 4)}
    report = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "Average distance per landmark, quad" in report


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--parts", "prontum"), 2, "has no part prontum; there are: pronotum, elytra"),
        (("--rounds", 5), 2, "5 rounds need as many photographs of each part, and pronotum has"),
        (("--recipes", "paper-skratch"), 1, "unknown recipe 'paper-skratch'"),
        (("--recipes", "compact,compact:3"), 2, "two recipes are called compact"),
        (("--published", "nowhere"), 2, "--published: there is no folder nowhere"),
    ],
)
def test_wrong_arguments_are_named(
    drawn: Path,
    command: Command,
    tmp_path: Path,
    options: tuple[object, ...],
    code: int,
    message: str,
) -> None:
    done = command("reproduce", drawn, "-o", tmp_path / "report", *options)
    assert done.code == code and message in done.err
    assert not (tmp_path / "report").exists()


def test_folders_without_parts_are_refused(command: Command, tmp_path: Path) -> None:
    done = command("reproduce", tmp_path, "-o", tmp_path / "report")
    assert done.code == 2 and "holds no part" in done.err
    draw_set(tmp_path / "quad", 3)
    done = command("reproduce", tmp_path, "-o", tmp_path / "report", "--rounds", 2)
    assert done.code == 2 and "needs a pre-training on pronotum, elytra or head" in done.err


def test_problems_of_all_parts_are_told_at_once(command: Command, tmp_path: Path) -> None:
    for part in ("quad", "square"):
        _, landmarks = draw_set(tmp_path / part, 3)
        text = landmarks.read_text(encoding="utf-8")
        landmarks.write_text(text.replace("drawn_001", "lost"), encoding="utf-8")
    arguments = ("reproduce", tmp_path, "-o", tmp_path / "report", "--recipes", "nano:1")
    done = command(*arguments, "--rounds", 2)
    assert done.code == 1 and "2 problems" in done.err
    assert "quad: landmarks.tps" in done.err and "square: landmarks.tps" in done.err


def test_rounds_test_every_photograph_once(drawn: Path) -> None:
    parts = read_parts(drawn, ["pronotum", "head"], 3, 0, False)
    for part in parts.values():
        names = sorted(specimen.name for specimen in part.data.specimens)
        assert sorted(name for test in part.tests for name in test) == names
        for number, test in enumerate(part.tests):
            assert sorted([*part.training(number), *test]) == names


def test_pre_training_takes_eight_landmarks_of_each_part(drawn: Path) -> None:
    parts = read_parts(drawn, ["pronotum", "elytra", "head"], 2, 0, False)
    combined = pretraining_data(list(parts.values()))
    assert len(combined.specimens) == 12 and len(combined.spec) == 8
    left_out = {"pronotum": [], "elytra": [1, 6, 9], "head": [5, 6]}
    for name, part in parts.items():
        kept = [i for i in range(len(PARTS[name])) if i + 1 not in left_out[name]]
        for one in part.data.specimens:
            [same] = [s for s in combined.specimens if s.name == f"{name}/{one.name}"]
            assert np.array_equal(same.landmarks.xy, one.landmarks.xy[kept])


def test_epochs_of_the_papers_recipes_keep_their_proportion() -> None:
    methods = load_methods(
        ["paper-scratch", "paper-finetune-constant", "compact:3", "paper-finetune:7"],
        Settings(epochs=30, batch_size=16, brightening=20),
    )
    assert {name: recipe.epochs for name, recipe in methods.items()} == {
        "paper-scratch": 30, "paper-finetune-constant": 60, "compact": 3, "paper-finetune": 7,
    }  # fmt: skip
    scratch = methods["paper-scratch"]
    assert isinstance(scratch, PaperRecipe)
    assert (scratch.batch_size, scratch.brightening) == (16, 20)
    assert load_methods(["paper-scratch"], Settings())["paper-scratch"].epochs == 5000


def test_names_that_are_no_folders_are_refused(tmp_path: Path) -> None:
    path = small_recipe(tmp_path / "small.toml", name="../elsewhere")
    with pytest.raises(RequestError, match="cannot be that of a folder"):
        load_methods([str(path)], Settings())


def test_the_papers_numbers_fit_its_parts() -> None:
    numbers = paper_numbers()
    for kind in ("scratch", "finetune"):
        for part, distances in numbers.distances[kind].items():
            assert len(distances) == len(PARTS[part])
    # Section 7.2 has those of left and right mandible the wrong way round.
    swapped = {"left-mandible": "right-mandible", "right-mandible": "left-mandible"}
    for part, percent in numbers.improvement.items():
        told = swapped.get(part, part)
        before, after = (np.array(numbers.distances[k][told]) for k in ("scratch", "finetune"))
        assert 100 * (1 - after.mean() / before.mean()) == pytest.approx(percent, abs=0.05)
    for rounds in numbers.losses.values():
        assert {len(values) for part in rounds.values() for values in part.values()} == {9}
