"""What a network is known to be right on, learned from right landmarks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")

from beetle_lm.errors import CheckpointError  # noqa: E402
from beetle_lm.predict.quality import quality_flag  # noqa: E402
from beetle_lm.train.engine.assessment import Assessment, assess, learn_shapes  # noqa: E402
from beetle_lm.train.engine.calibration import DEFAULT  # noqa: E402
from beetle_lm.train.engine.checkpoint import Checkpoint, load_checkpoint, save_checkpoint  # noqa: E402
from beetle_lm.train.heatmap.shape_prior import ShapePrior  # noqa: E402
from beetle_lm.train.methods import load_recipe  # noqa: E402
from beetle_lm.zoo.model_file.card import ModelCard  # noqa: E402
from beetle_lm.zoo.model_file.parts import PartSpec  # noqa: E402
from beetle_lm.zoo.model_file.shape_space import Limits, ShapeSpace  # noqa: E402

SIZE = (256, 192)
RECIPE = load_recipe("compact").to_dict()
OUTLINE = 60 * np.stack((np.cos(np.arange(8) * 0.785), 0.7 * np.sin(np.arange(8) * 0.785)), 1)
OUTLINE[0] *= 1.3  # so that it has a front


def specimens(count: int, seed: int = 0) -> NDArray[np.float64]:
    """Shapes that vary in one direction much, in all others little, in varied poses."""
    rng = np.random.default_rng(seed)
    shapes = OUTLINE * np.stack((rng.normal(1, 0.08, count), np.ones(count)), 1)[:, None]
    shapes = shapes + rng.normal(0, 0.6, shapes.shape)
    angle, zoom = rng.normal(0, 0.07, count), rng.normal(1, 0.05, count)
    turn = zoom * np.exp(1j * angle)
    turned = (shapes[..., 0] + 1j * shapes[..., 1]) * turn[:, None]
    middle = rng.normal((128, 96), 4, (count, 1, 2))
    return np.stack((turned.real, turned.imag), 2) + middle


@dataclasses.dataclass
class Learned:
    shapes: ShapeSpace | None
    assessment: Assessment

    @property
    def limits(self) -> Limits:
        return self.assessment.limits


def learned(
    poses: NDArray[np.float64],
    further: NDArray[np.float64] | None = None,
    error: float = 1.0,
    seen: bool = False,
) -> Learned:
    expected = np.full(poses.shape[:2], error)
    shapes = learn_shapes(poses, poses[:0] if further is None else further)
    found = assess(DEFAULT, expected, seen, poses, shapes, 15.0, 1.2, SIZE)
    return Learned(shapes, found)


def card_of(found: Learned, count: int = 8) -> ModelCard:
    return ModelCard(
        spec=PartSpec.numbered("outline", count),
        input_width=SIZE[0],
        input_height=SIZE[1],
        channels=1,
        fit="letterbox",
        version="1",
        weights_sha256="0" * 64,
        metrics=(),
        provenance="made up",
        licence="CC0-1.0",
        shapes=found.shapes,
        limits=found.limits,
    )


def flagged(found: Learned, poses: NDArray[np.float64], error: float = 1.0) -> list[str | None]:
    card = card_of(found, poses.shape[1])
    return [quality_flag(card, xy, np.full(len(xy), error), 2.0) for xy in poses]


@pytest.mark.parametrize("count", [5, 8, 15, 30, 250])
def test_right_specimens_are_hardly_ever_flagged_however_few_were_known(count: int) -> None:
    new = specimens(200, seed=99)
    new = torch.tensor(new + np.random.default_rng(5).normal(0, 0.8, new.shape)).float()
    spread = (0.8**2 * torch.eye(2)).expand(*new.shape, 2)
    shares = []
    for seed in range(5):
        found = learned(specimens(count, seed))
        assert found.shapes is not None
        placed = ShapePrior(found.shapes, taught=0.0)(new, spread)  # as a network places them
        reasons = flagged(found, placed.double().numpy())
        shares.append(np.mean([reason is not None for reason in reasons]))
    assert np.mean(shares) <= 0.05


@pytest.mark.parametrize("count", [8, 30, 250])
def test_wrong_shapes_are_flagged(count: int) -> None:
    found, new = learned(specimens(count)), specimens(60, seed=99)
    swapped = new[:, [0, 1, 2, 3, 4, 5, 7, 6]]
    moved = new.copy()
    moved[:, 3] += [0, 40]
    mirrored = new * [-1, 1]
    mirrored[:, 1] += [0, 30]
    scattered = np.random.default_rng(3).uniform(0, 1, new.shape) * SIZE
    for wrong in (swapped, moved, mirrored, scattered):
        reasons = flagged(found, wrong)
        assert (
            np.mean([reason is not None and "shape unlike" in reason for reason in reasons]) > 0.9
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda xy: -xy, "turned 1"),
        (lambda xy: xy[..., ::-1] * [-1, 1], "degrees clockwise"),
        (lambda xy: xy[..., ::-1] * [1, -1], "degrees anticlockwise"),
        (lambda xy: xy * 2, "larger in the picture"),
        (lambda xy: xy / 2, "smaller in the picture"),
    ],
)
def test_the_same_shape_in_another_pose_is_flagged(
    change: Callable[[NDArray[np.float64]], NDArray[np.float64]], words: str
) -> None:
    reasons = flagged(learned(specimens(12)), change(specimens(20, seed=4)))
    assert all(reason is not None and words in reason for reason in reasons)
    assert not any("shape" in (reason or "") for reason in reasons)


def test_large_expected_errors_are_told_in_pixels_of_the_photograph() -> None:
    found = learned(specimens(12))
    card, xy = card_of(found), specimens(1, seed=8)[0]
    assert quality_flag(card, xy, np.full(8, 30.0), 2.0) == (
        f"expected error 60.0 px on average (limit {2 * found.limits.mean_error:.1f})"
    )
    one_bad = np.array([1.0, 1, 1, 1, 1, 1, 1, 14])
    assert quality_flag(card, xy, one_bad, 2.0) == (
        f"expected error 28.0 px at landmark 8 (limit {2 * found.limits.landmark_error:.1f})"
    )


def test_photographs_that_were_trained_on_leave_more_room() -> None:
    poses = specimens(12)
    honest, seen = learned(poses, error=4.0).limits, learned(poses, error=4.0, seen=True).limits
    assert 4 < honest.mean_error < seen.mean_error


def test_further_shapes_in_other_units_and_poses_tell_of_shape_alone() -> None:
    poses, further = specimens(6), -50 * specimens(200, seed=2)
    alone, more = learned(poses), learned(poses, further)
    assert alone.shapes is not None and more.shapes is not None
    assert alone.shapes.specimens == 6 and more.shapes.specimens == 206
    assert more.limits.size == pytest.approx(alone.limits.size, rel=1e-6)
    assert more.limits.rotation == pytest.approx(alone.limits.rotation, abs=2)
    assert more.shapes.distance_limit < alone.shapes.distance_limit


@pytest.mark.parametrize("landmarks", [1, 2])
def test_a_point_or_two_have_no_shape(landmarks: int) -> None:
    poses = specimens(12)[:, :landmarks]
    found = learned(poses)
    assert found.shapes is None
    assert flagged(found, poses) == [None] * 12
    assert flagged(found, poses, error=100.0) != [None] * 12


def test_few_or_incomplete_specimens_have_no_shapes() -> None:
    assert learned(specimens(3)).shapes is None
    poses = specimens(12)
    poses[3:, 2] = np.nan
    assert learned(poses).shapes is None
    poses = specimens(12)
    poses[9:, 2] = np.nan
    known = learned(poses).shapes
    assert known is not None and known.specimens == 9


def test_three_landmarks_and_equal_specimens_are_no_trouble() -> None:
    same = np.repeat(specimens(1), 6, axis=0)
    for poses in (same, same[:, :3], specimens(40)[:, :3]):
        assert flagged(learned(poses), poses) == [None] * len(poses)


def test_a_checkpoint_keeps_shapes_and_assessment(tmp_path: Path) -> None:
    found = learned(specimens(20))
    spec = PartSpec.numbered("outline", 8)
    weights = {"weight": torch.zeros(2)}
    made = Checkpoint(
        recipe=RECIPE,
        spec=spec,
        input_width=SIZE[0],
        input_height=SIZE[1],
        fit="letterbox",
        seed=0,
        epoch=3,
        validation_px=1.5,
        shapes=found.shapes,
        assessment=found.assessment,
        tensors=weights,
    )
    save_checkpoint(tmp_path / "weights.safetensors", made)
    kept = load_checkpoint(tmp_path)
    assert (kept.shapes, kept.assessment) == (found.shapes, found.assessment)
    bare = dataclasses.replace(made, shapes=None, assessment=None)
    save_checkpoint(tmp_path / "weights.safetensors", bare)
    kept = load_checkpoint(tmp_path)
    assert (kept.shapes, kept.assessment) == (None, None)


@pytest.mark.parametrize("damaged", ["limits", "shapes"])
def test_a_checkpoint_of_impossible_statistics_is_damaged(tmp_path: Path, damaged: str) -> None:
    found = learned(specimens(20))
    if damaged == "limits":
        found.limits.__dict__["mean_error"] = -1.0
    else:
        found.shapes.__dict__["rest_variance"] = -1.0
    spec = PartSpec.numbered("outline", 8)
    made = Checkpoint(
        recipe=RECIPE,
        spec=spec,
        input_width=SIZE[0],
        input_height=SIZE[1],
        fit="letterbox",
        seed=0,
        epoch=3,
        validation_px=1.5,
        shapes=found.shapes,
        assessment=found.assessment,
        tensors={},
    )
    save_checkpoint(tmp_path / "weights.safetensors", made)
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(tmp_path)
