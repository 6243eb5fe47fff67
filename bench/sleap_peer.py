"""SLEAP on a row of `bench/peers.py`; run by an interpreter that has `sleap-nn` and `sleap`.

The annotations become a project `.slp`, which a U-Net learns from with the settings that SLEAP's
window offers for a single animal (`baseline_medium_rf.single.yaml`), and the predictions are one
again. One in ten photographs is held back to choose the epoch.
"""

from __future__ import annotations

import csv
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

import sleap_io
import sleap_nn
from omegaconf import OmegaConf
from peer_report import numbers, options, report, timed
from sleap_nn.inference.predictor import Predictor
from sleap_nn.train import run_training
from sleap_nn.training.model_trainer import ModelTrainer

SETTINGS = "training_profiles/baseline_medium_rf.single.yaml"
EPOCHS = 200


def main() -> None:
    asked = options()
    folder = asked.folder.resolve()
    labels = sleap_io.load_coco(str(folder / "training.json"), str(folder / "training"))
    project = folder / "training.slp"
    labels.save(str(project))

    sleap = find_spec("sleap")
    assert sleap is not None
    assert sleap.origin is not None
    settings = OmegaConf.load(Path(sleap.origin).parent / SETTINGS)
    settings.data_config.train_labels_path = [str(project)]
    trainer = settings.trainer_config
    trainer.ckpt_dir, trainer.run_name = str(folder), "model"
    trainer.visualize_preds_during_training = False
    trainer.zmq.controller_port = trainer.zmq.publish_port = None  # for the window alone
    if asked.epochs is not None:
        trainer.max_epochs = asked.epochs

    learn = ModelTrainer.train

    def in_numbers(self: ModelTrainer) -> None:  # not what run_training measures afterwards
        with numbers(asked.bfloat16):
            learn(self)

    with patch.object(ModelTrainer, "train", in_numbers):
        training = timed(lambda: run_training(settings))

    photographs = [str(path) for path in sorted((folder / "test").iterdir())]
    predictor = Predictor.from_model_paths([str(folder / "model")])
    found = folder / "found.slp"
    labels = predictor.predict(sleap_io.Video.from_filename(photographs))
    labels.save(str(found))
    with (folder / "model" / "training_log.csv").open(encoding="utf-8", newline="") as log:
        epochs = max(int(row["epoch"]) for row in csv.DictReader(log))
    report(
        folder,
        f"sleap-nn {sleap_nn.__version__}",
        "random",
        f"{epochs} of at most {EPOCHS} epochs{', bfloat16' * asked.bfloat16}",
        found,
        training,
        lambda: predictor.predict(sleap_io.Video.from_filename(photographs)),
        placed_on=sum(bool(frame.instances) for frame in labels),
    )


if __name__ == "__main__":
    main()
