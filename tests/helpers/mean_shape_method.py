"""A third method of training, as small as one can be: its network answers the mean shape."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from beetle_lm.train.data.dataset import load_tensors
from beetle_lm.train.engine.assessment import assess, learn_shapes
from beetle_lm.train.engine.calibration import DEFAULT
from beetle_lm.train.engine.checkpoint import WEIGHTS, Checkpoint, save_checkpoint
from beetle_lm.train.engine.locator import Located, Locator, predict
from beetle_lm.train.engine.log import EpochLog, TrainingLog, draw_losses
from beetle_lm.train.engine.method import Method, Metrics, Task
from beetle_lm.train.engine.recipe import Recipe

INPUT = (64, 48)


@dataclass(frozen=True)
class MeanShapeRecipe(Recipe):
    name: str
    network: str
    epochs: int
    batch_size: int = 1

    channels = 1


class MeanShape(Locator):
    def __init__(self, landmarks: int, channels: int) -> None:
        super().__init__()
        self.head = nn.Linear(1, 2 * landmarks)

    def locate(self, images: Tensor) -> Located:
        brightness = images.float().mean(dim=(1, 2, 3))[:, None]
        xy: Tensor = self.head(brightness).unflatten(1, (-1, 2))
        return Located.without_curves(xy, torch.ones_like(xy[..., 0]))


def train(recipe: MeanShapeRecipe, task: Task) -> tuple[Checkpoint, Metrics]:
    images = load_tensors(task.spec, task.training, INPUT, recipe.channels, "stretch", False)
    network = MeanShape(len(task.spec), recipe.channels)
    nn.init.zeros_(network.head.weight)
    network.head.bias.data = images.xy.nanmean(dim=0).flatten()
    xy, spread, *_ = predict(network, images.images, task.device)
    log = TrainingLog(task.run, EpochLog)
    for number in range(1, recipe.epochs + 1):
        epoch = EpochLog(number, 0.0, float((xy - images.xy).norm(dim=2).nanmean()), math.nan)
        log.append(epoch)
        task.report(epoch)
    draw_losses(log.epochs, task.run / "losses.png")
    poses = images.xy.double().numpy()
    shapes = learn_shapes(poses, poses[:0])
    expected = DEFAULT.expected(spread.double(), INPUT).numpy()
    trained = Checkpoint(
        tensors=network.state_dict(),
        recipe=recipe.to_dict(),
        spec=task.spec,
        input_width=INPUT[0],
        input_height=INPUT[1],
        fit="stretch",
        seed=task.seed,
        epoch=recipe.epochs,
        validation_px=math.nan,
        shapes=shapes,
    )
    assessment = assess(DEFAULT, expected, True, poses, shapes, 0.0, 1.0, INPUT)
    trained = replace(trained, assessment=assessment)
    save_checkpoint(task.run / WEIGHTS, trained)
    return trained, {
        "epoch": trained.epoch,
        "input": list(INPUT),
        "training": {"photographs": len(images)},
        "validation": {"photographs": 0, "mean_px_of_input": None},
    }


MEAN_SHAPE = Method(MeanShapeRecipe, {"mean-shape": MeanShape}, train)
