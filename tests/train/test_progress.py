"""What a training says of its progress, and its log that is whole at any time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

pytest.importorskip("torch")

from beetle_lm.errors import CheckpointError, Hint, OutputError
from beetle_lm.train.engine import log as log_module
from beetle_lm.train.engine.log import LOG, EpochLog, TrainingLog, read_log
from beetle_lm.train.engine.progress import TrainingProgress, about


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "monotonic", made)
    return made


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def epoch(number: int) -> EpochLog:
    return EpochLog(number, 1e-3, 0.5, float("nan"))


def test_the_time_that_is_left_is_told_long_before_an_epoch_ends(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Epochs of 100 s: 30 of them, of which each step is told."""
    with TrainingProgress(30, quiet=False) as progress:
        progress.step(0.0)
        clock.now += 2
        progress.step(0.02)
        clock.now += 2
        progress.step(0.04)
        assert told(capsys)[0] == "this will take about 50 min"
        for hundredth in range(5, 101):
            clock.now += 1
            if hundredth < 100:
                progress.step(hundredth / 100)
        progress.epoch(epoch(1))
        lines = told(capsys)
        assert lines[-1] == "epoch 1: loss 0.5, about 48 min left"
        assert lines[0].startswith("epoch 1, ") and lines[0].endswith(" min left")
        for number in range(2, 16):
            clock.now += 100
            progress.epoch(epoch(number))
        assert told(capsys)[-1] == "epoch 15: loss 0.5, about 25 min left"
        for number in range(16, 31):
            clock.now += 100
            progress.epoch(epoch(number))
        assert told(capsys)[-1] == "epoch 30: loss 0.5"


def test_first_steps_that_take_long_foretell_nothing(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a GPU the first step is that in which it is prepared."""
    with TrainingProgress(10, quiet=False) as progress:
        progress.step(0.0)
        clock.now += 40
        progress.step(0.01)
        assert told(capsys) == []
        clock.now += 2
        progress.step(0.03)
        assert told(capsys)[0] == "this will take about 17 min"


def test_a_resumed_training_and_a_further_one_are_not_mistaken_for_work_done(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with TrainingProgress(20, quiet=False) as progress:
        progress.step(8.0)  # it goes on from epoch 8
        clock.now += 30
        progress.epoch(epoch(9))
        assert told(capsys)[0] == "this will take about 6 min"  # 11 epochs of 30 s
        clock.now += 30
        progress.epoch(epoch(10))
        clock.now += 600  # another fold begins, after its photographs are read
        progress.step(0.0)
        clock.now += 30
        progress.epoch(epoch(1))
        assert told(capsys)[-1] == "epoch 1: loss 0.5, about 4 min left"


def test_nothing_is_told_where_it_is_to_be_quiet(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with TrainingProgress(2, quiet=True) as progress:
        for number in (1, 2):
            progress.step(number - 1.0)
            clock.now += 50
            progress.epoch(epoch(number))
    assert told(capsys) == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (89, "89 s"),
        (95, "2 min"),
        (5000, "83 min"),
        (7100, "2 h"),
        (12_000, "3 h 20 min"),
        (200_000, "56 h"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert about(seconds) == f"about {words}"


def test_the_log_is_whole_at_any_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = TrainingLog(tmp_path, EpochLog)
    log.append(epoch(1))
    whole = (tmp_path / LOG).read_bytes()

    def killed(path: Path, pieces: object) -> None:
        raise OutputError(f"{path} cannot be written: No space left on device")

    monkeypatch.setattr(log_module, "write_text", killed)
    with pytest.raises(OutputError, match=r"log\.csv cannot be written: No space") as full:
        log.append(epoch(2))
    assert full.value.hint is Hint.RESUME
    assert (tmp_path / LOG).read_bytes() == whole
    monkeypatch.undo()
    resumed = TrainingLog(tmp_path, EpochLog, 1)
    resumed.append(epoch(2))
    assert [one.epoch for one in read_log(tmp_path, EpochLog)] == [1, 2]


@pytest.mark.parametrize("text", ["epoch\n1\n", "epoch,learning_rate\nx,y\n", "\xff"])
def test_a_damaged_log_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / LOG).write_bytes(text.encode("latin-1"))
    with pytest.raises(CheckpointError, match=r"log\.csv is not the log of a training run"):
        read_log(tmp_path, EpochLog)
