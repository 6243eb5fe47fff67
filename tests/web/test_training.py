"""A training that the page starts says how far it is, and fails with its reason."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from pages import draw_photographs, quadrangle

from beetle_lm.errors import RequestError
from beetle_lm.web.project import Project, annotation_project
from beetle_lm.web.runs import Run
from beetle_lm.web.training import Training
from beetle_lm.zoo.model_file.parts import PartSpec


def project(folder: Path, accepted: int) -> Project:
    names = [f"sub/{i:02}.png" for i in range(5)]
    photographs = draw_photographs(folder / "photographs", names)
    made = annotation_project([photographs], folder / "wing.tps", PartSpec.numbered("wing", 4))
    for i in range(accepted):
        made.save(i, 0, "accepted", np.array(quadrangle(i)), 0.0)
    return made


@pytest.mark.parametrize(
    ("line", "epoch", "left"),
    [
        ("this will take about 3 min", 0.0, "about 3 min"),
        ("epoch 3, 40% done, about 2 h 10 min left", 2.4, "about 2 h 10 min"),
        ("epoch 4: loss 11, about 1 s left", 0.0, "about 1 s"),
        ("wing, 4 landmarks: 8 photographs to train on; 3 epochs on cpu", 0.0, ""),
    ],
)
def test_what_a_training_says(tmp_path: Path, line: str, epoch: float, left: str) -> None:
    made = project(tmp_path, 0)
    training = Training(made, lambda run, resume: [], lambda model: None)
    training.hear(line)
    status = training.status()
    assert (status["epoch"], status["left"], status["said"]) == (epoch, left, [line])
    made.close()


def test_too_few_photographs_are_not_trained_on(tmp_path: Path) -> None:
    made = project(tmp_path, 3)
    training = Training(made, lambda run, resume: [], lambda model: None)
    with pytest.raises(RequestError, match="4 accepted"):
        training.start()
    assert not made.runs.folder.exists()
    made.close()


@pytest.mark.slow
def test_a_training_has_a_folder_and_a_landmark_file_of_its_own(tmp_path: Path) -> None:
    made = project(tmp_path, 4)
    asked: list[Run] = []

    def command_of(run: Run, resume: bool) -> list[str]:
        asked.append(run)
        return ["evaluate", "absent.tps", "absent.tps"]  # fails sooner than `train`

    training = Training(made, command_of, lambda model: None)
    for _ in range(2):
        training.start()
        with pytest.raises(RequestError, match="at work"):
            training.start()
        while training.is_running:
            time.sleep(0.05)
    assert [run.folder.name for run in asked] == ["run-1", "run-2"]
    text = asked[0].landmarks.read_text(encoding="utf-8")
    assert text.count("LM=4") == 4 and "IMAGE=sub/00.png" in text
    status = training.status()
    assert status["stage"] == "failed" and "absent.tps" in status["problem"]
    made.close()
