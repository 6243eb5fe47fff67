"""SLEAP on a row of `bench/peers.py`; run by an interpreter that has `sleap-nn` and `sleap`.

The annotations become a project `.slp`, which a U-Net learns from with the settings that SLEAP's
window offers for a single animal (`baseline_medium_rf.single.yaml`), and the predictions are one
again. One in ten photographs is held back to choose the epoch.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import sleap_io
import sleap_nn
from omegaconf import OmegaConf
from peer_report import numbers, options, report, timed
from sleap_nn.inference.predictor import Predictor
from sleap_nn.train import run_training

SETTINGS = "training_profiles/baseline_medium_rf.single.yaml"


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
    with numbers(asked.bfloat16):
        training = timed(lambda: run_training(settings))

    photographs = [str(path) for path in sorted((folder / "test").iterdir())]
    predictor = Predictor.from_model_paths([str(folder / "model")])
    found = folder / "found.slp"
    predictor.predict(sleap_io.Video.from_filename(photographs)).save(str(found))
    report(
        folder,
        f"sleap-nn {sleap_nn.__version__}",
        "random",
        str(asked.epochs or "default"),
        found,
        training,
        lambda: predictor.predict(sleap_io.Video.from_filename(photographs)),
    )


if __name__ == "__main__":
    main()
