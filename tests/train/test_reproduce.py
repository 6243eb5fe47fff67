"""`beetle-lm reproduce`: the paper's experiments on drawn photographs, and their report."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kinds import Command
from results import read_table

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from beetle_lm.cli import app  # noqa: E402
from beetle_lm.predict.formats.read import read_records  # noqa: E402
from beetle_lm.train.data.dataset import read_training_data  # noqa: E402
from beetle_lm.train.job import Job  # noqa: E402
from beetle_lm.train.paper import networks as paper_networks  # noqa: E402
from beetle_lm.train.reproduction.data import PAPER_PARTS  # noqa: E402
from beetle_lm.train.run import train  # noqa: E402
from beetle_lm.train.synthetic.files import render_series  # noqa: E402

FIGURES = ("10", "10b", "11", "12", "13", "15", "16", "17")


class Narrow(paper_networks.PaperNetwork):
    """The third model with narrow dense layers, for a test's sake."""

    dense = 8
    dropout = (0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True)
class Reproduced:
    """A report on four drawn photographs of each of the paper's parts, and how it was made."""

    data: Path
    report: Path
    command: tuple[str, ...]

    def table(self, name: str) -> list[dict[str, str]]:
        return read_table(self.report / f"{name}.csv")


def train_narrow(patch: pytest.MonkeyPatch) -> None:
    """Lets the paper's recipes train the narrow network."""
    for name in paper_networks.PAPER_NETWORKS:
        patch.setitem(paper_networks.PAPER_NETWORKS, name, Narrow)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    train_narrow(monkeypatch)


def moved_by(x: int, y: int, row: re.Match[str]) -> str:
    return f"{float(row[1]) + x:.5f} {float(row[2]) + y:.5f}"


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Reproduced:
    folder = tmp_path_factory.mktemp("reproduced")
    data, theirs = folder / "data", folder / "published"
    theirs.mkdir()
    for part in PAPER_PARTS:
        count = 2 if "mandible" in part else 4
        render_series(part, count, data, 0, (256, 192), False, lambda: None)
        text = (data / part / "landmarks.tps").read_text(encoding="utf-8")
        for kind, (x, y) in {"manual": (0, 0), "scratch": (3, 4), "finetuned": (0, 2)}.items():
            moved = re.sub(
                r"^([\d.]+) ([\d.]+)$",
                partial(moved_by, x, y),
                text.replace(part, "Specimen"),
                flags=re.MULTILINE,
            )
            (theirs / f"{part}-{kind}-256x192.tps").write_text(moved, encoding="utf-8")
    arguments = (
        "reproduce", data, "-o", folder / "report", "--rounds", 2, "--epochs", 2, "--recipes",
        "paper-scratch,paper-finetune", "--published", theirs,
    )  # fmt: skip
    done = Reproduced(data, folder / "report", tuple(map(str, arguments)))
    with pytest.MonkeyPatch.context() as patch:
        train_narrow(patch)
        app(list(done.command), standalone_mode=False)
    return done


def test_every_table_and_figure_is_there(reproduced: Reproduced) -> None:
    text = (reproduced.report / "report.md").read_text(encoding="utf-8")
    page = (reproduced.report / "report.html").read_text(encoding="utf-8")
    for number in range(1, 13):
        assert f"**Table {number}: " in text and f"<caption>Table {number}: " in page
        assert reproduced.table(f"tables/table-{number:02d}")
    for figure in FIGURES:
        assert f"**Figure {figure}: " in text
        assert (reproduced.report / "figures" / f"figure-{figure}.png").stat().st_size < 100_000
        assert reproduced.table(f"figures/figure-{figure}")
    assert "Left out" not in text
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (reproduced.report / link).is_file()
    assert page.count("data:image/png;base64,") == len(FIGURES)
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_numbers_are_those_of_the_predictions(reproduced: Reproduced) -> None:
    """The distance of each landmark, worked out anew from the predictions of all rounds."""
    for part, table in (("elytra", "table-08"), ("left-mandible", "table-11")):
        specimens = read_training_data(
            reproduced.data / part / "images", reproduced.data / part / "landmarks.tps", part
        ).specimens
        manual = {one.name: one.landmarks.xy for one in specimens}
        for method in ("paper-scratch", "paper-finetune"):
            runs = (reproduced.report / "jobs" / part / method).glob("round-*")
            found = [one for run in runs for one in read_records(run / "test_predictions.csv")]
            assert sorted(one.name for one in found) == sorted(manual)
            far = [np.linalg.norm(one.y_down - manual[one.name], axis=1) for one in found]
            printed = [float(row[method]) for row in reproduced.table(f"tables/{table}")]
            assert printed[:-1] == pytest.approx(np.mean(far, axis=0), abs=1e-3)
            assert printed[-1] == pytest.approx(np.mean(far), abs=1e-3)


def test_the_papers_numbers_stand_beside_ours(reproduced: Reproduced) -> None:
    first = reproduced.table("tables/table-01")
    assert [row["paper: validation loss"] for row in first][:2] == ["0.00019", "0.00021"]
    assert [bool(row["validation loss"]) for row in first] == [True] * 2 + [False] * 7
    sixth = reproduced.table("tables/table-06")
    assert [float(row["paper: fine-tune"]) for row in sixth[:-1]] == [
        2.49, 2.72, 2.65, 2.77, 2.49, 3.05, 2.68, 2.87,
    ]  # fmt: skip
    gains = {row["part"]: row for row in reproduced.table("tables/improvement")}
    assert float(gains["head"]["paper's text: fine-tune"]) == 46.4
    assert float(gains["left-mandible"]["paper's tables"]) == pytest.approx(22.8, abs=0.05)
    fourth = reproduced.table("tables/table-04")
    assert len(fourth) == 19 and fourth[10]["head, paper"] == ""


def test_published_predictions_are_compared_on_the_same_specimens(reproduced: Reproduced) -> None:
    for number in ("06", "08", "10", "11", "12"):
        for row in reproduced.table(f"tables/table-{number}"):
            assert float(row["paper's network, from scratch"]) == pytest.approx(5, abs=1e-3)
            assert float(row["paper's network, fine-tune"]) == pytest.approx(2, abs=1e-3)
    summary = reproduced.table("tables/summary")
    assert {row["photographs"] for row in summary if row["part"] == "head"} == {"4"}
    gains = reproduced.table("tables/improvement")
    assert {float(row["paper's network"]) for row in gains} == {60.0}


def test_what_is_tested_was_not_pre_trained_on(reproduced: Reproduced) -> None:
    jobs = reproduced.report / "jobs"
    for number in (1, 2):
        before = _config(jobs / "pretraining" / f"round-{number}")
        assert len(before["training"]) == 6 and before["part"] == "pronotum + elytra + head"
        for part in ("pronotum", "elytra", "head"):
            tuned = _config(jobs / part / "paper-finetune" / f"round-{number}")
            assert tuned["init"] == f"pretraining round-{number}" and len(tuned["test"]) == 2
            assert not {f"{part}/{name}" for name in tuned["test"]} & set(before["training"])
            assert not set(tuned["test"]) & set(tuned["training"])


def test_weights_are_kept_only_where_they_are_needed(reproduced: Reproduced) -> None:
    kept = sorted(reproduced.report.rglob("*.safetensors"))
    assert [path.parent.parent.name for path in kept] == ["pretraining"] * 2


def test_a_finished_report_is_replaced_only_when_asked(
    narrow: None, reproduced: Reproduced, command: Command
) -> None:
    done = command(*reproduced.command)
    assert done.code == 1 and "holds a report already; --resume goes on with it" in done.err
    jobs = {p: p.stat().st_mtime_ns for p in (reproduced.report / "jobs").rglob("*")}
    before = (reproduced.report / "report.md").read_bytes()
    done = command(*reproduced.command, "--resume")
    assert done.code == 0 and "0 of 24 jobs to do" in done.err
    assert {p: p.stat().st_mtime_ns for p in (reproduced.report / "jobs").rglob("*")} == jobs
    assert (reproduced.report / "report.md").read_bytes() == before
    for changed in (("--epochs", 3), ("--seed", 1), ("--brightening", 20), ("--batch-size", 3)):
        done = command(*reproduced.command, "--resume", *changed)
        assert done.code == 1 and "was done with other data or options" in done.err


@pytest.mark.slow
def test_an_interrupted_run_goes_on(
    narrow: None,
    reproduced: Reproduced,
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = (
        "reproduce", reproduced.data, "-o", tmp_path / "report", "--rounds", 2, "--epochs", 1,
        "--parts", "left-mandible", "--recipes", "paper-scratch,paper-finetune",
    )  # fmt: skip
    run: Any = train
    begun: list[str] = []
    steps: list[float] = []

    def stopping(job: Job, *others: Any) -> Any:
        begun.append(job.part)
        if len(begun) == 4:
            raise KeyboardInterrupt
        *most, stepped = others

        def noted(epochs: float) -> None:
            steps.append(epochs)
            stepped(epochs)

        return run(job, *most, noted)

    monkeypatch.setattr("beetle_lm.train.reproduction.jobs.train", stopping)
    done = command(*arguments)
    assert done.code == 130 and "--resume goes on" in done.err
    assert not (tmp_path / "report" / "report.md").exists()
    done = command(*arguments, "--resume")
    assert done.code == 0 and "3 of 6 jobs to do" in done.err
    assert len(begun) == 4 + 3
    assert steps.count(0.0) == 6  # told before the first epoch is done, from the first step on
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "Table 11: " in text and "Left out, because" in text and "Figure 12" in text


def _config(run: Path) -> dict[str, Any]:
    return tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))
