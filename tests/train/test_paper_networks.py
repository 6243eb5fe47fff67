"""The paper's networks, their augmentation, their recipes and how they are trained."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from kinds import Command
from results import read_table
from training_data import draw_set

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from safetensors.torch import load_file  # noqa: E402
from torch import Tensor  # noqa: E402

from beetle_lm.errors import RecipeError  # noqa: E402
from beetle_lm.predict.predictor import Predictor  # noqa: E402
from beetle_lm.train.engine.log import EpochLog, TrainingLog  # noqa: E402
from beetle_lm.train.engine.schedule import linear  # noqa: E402
from beetle_lm.train.finetune import open_source  # noqa: E402
from beetle_lm.train.methods import build_network, load_recipe  # noqa: E402
from beetle_lm.train.paper import networks as paper_networks  # noqa: E402
from beetle_lm.train.paper import trainer  # noqa: E402
from beetle_lm.train.paper.augment import seven_versions  # noqa: E402
from beetle_lm.train.paper.recipe import PaperRecipe  # noqa: E402
from beetle_lm.train.paper.trainer import mean_square  # noqa: E402

PAPER = ("paper-scratch", "paper-scratch-1", "paper-scratch-2", "paper-pretrain", "paper-finetune")


class Small(paper_networks.PaperNetwork):
    """The third model with narrow dense layers, for a test's sake."""

    dense = 16
    dropout = (0.1, 0.2, 0.3, 0.5)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the paper's recipes train the small network."""
    monkeypatch.setitem(paper_networks.PAPER_NETWORKS, "paper-3", Small)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return draw_set(tmp_path_factory.mktemp("drawn"), 6)


@pytest.mark.parametrize(
    ("name", "outputs", "dense", "weights"),
    [
        ("paper-1", 16, 500, 45_932_488),
        ("paper-2", 16, 1000, 92_323_488),
        ("paper-3", 16, 1000, 92_323_488),
        ("paper-3", 36, 1000, 92_343_508),
    ],
)
def test_layers_of_the_paper(name: str, outputs: int, dense: int, weights: int) -> None:
    network = build_network(name, outputs // 2, 1).eval()
    assert isinstance(network, paper_networks.PaperNetwork)
    shapes: list[tuple[int, ...]] = []
    for layer in network.layers():
        layer.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    found = network(torch.rand(2, 1, 192, 256))
    assert shapes == [
        (32, 190, 254), (64, 94, 126), (128, 46, 62), (dense,), (dense,), (outputs,)
    ]  # fmt: skip
    assert found.shape == (2, outputs // 2, 2)
    kernels = [layer.kernel_size for layer in network.layers()[:3]]
    assert kernels == [(3, 3), (2, 2), (2, 2)]
    counted = sum(p.numel() for p in network.parameters())
    assert counted == weights
    for layer in network.layers():
        receptive = layer.weight[0, 0].numel()
        fan = sum(layer.weight.shape[:2]) * receptive
        assert layer.weight.abs().max().item() == pytest.approx((6 / fan) ** 0.5, rel=0.1)
        assert not layer.get_parameter("bias").any()


def test_dropout_is_where_the_paper_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    dropout = torch.nn.functional.dropout

    def recorded(x: Tensor, share: float, training: bool) -> Tensor:
        seen.append((tuple(x.shape[1:]), share, training))
        dropped: Tensor = dropout(x, share, training)
        return dropped

    monkeypatch.setattr(torch.nn.functional, "dropout", recorded)
    build_network("paper-3", 8, 1)(torch.rand(1, 1, 192, 256))
    assert seen == [
        ((32, 95, 127), 0.1, True),
        ((64, 47, 63), 0.2, True),
        ((128, 23, 31), 0.3, True),
        ((1000,), 0.5, True),
    ]


def test_coordinates_are_pixels_of_the_image() -> None:
    network = Small(3)
    torch.nn.init.zeros_(network.head.weight)
    network.head.bias.data = torch.tensor([-1.0, -1, 0, 0, 1, 1])
    xy, spread, *_ = network.eval().locate(torch.zeros(2, 1, 192, 256, dtype=torch.uint8))
    assert xy[1].tolist() == [[0, 0], [128, 96], [256, 192]]
    assert spread.tolist() == [[1, 1, 1]] * 2


def test_seven_images_of_each_photograph() -> None:
    images = torch.randint(0, 256, (4, 3, 6, 8), dtype=torch.uint8)
    made = seven_versions(images, 50, torch.Generator().manual_seed(0))
    assert made.shape == (28, 1, 6, 8) and made.dtype == torch.uint8
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    for photograph, seven in zip(images, made.reshape(4, 7, 6, 8).int(), strict=True):
        assert (seven[0] - (photograph * weights).sum(0)).abs().max() <= 0.5001
        for channel in range(3):
            assert torch.equal(seven[4 + channel], photograph[channel].int())
            lighter = seven[1 + channel] - seven[0]
            assert lighter.min() >= 0
            assert lighter.max() <= weights[channel] * 50 + 1
            # White in the channel that is made brighter stays as it is.
            capped = photograph[channel] == 255
            assert not lighter[capped].any()


def test_constants_are_drawn_for_each_image_and_channel() -> None:
    grey = torch.full((200, 3, 1, 1), 100, dtype=torch.uint8)
    made = seven_versions(grey, 50, torch.Generator().manual_seed(1)).reshape(200, 7).int()
    assert (made[:, 0] == 100).all() and (made[:, 4:] == 100).all()
    for channel, weight in enumerate((0.299, 0.587, 0.114)):
        added = (made[:, 1 + channel] - 100) / weight
        assert added.min() < 1 + 5 + 1 / weight and added.max() > 45 - 1 / weight
        assert added.max() <= 50 + 1 / weight
    least = seven_versions(grey, 1, torch.Generator()).reshape(200, 7)
    assert (least[:, 2] == 101).all()  # 0.587 rounds to 1


@pytest.mark.parametrize("name", PAPER)
def test_schedules_of_the_paper(name: str) -> None:
    recipe = load_recipe(name)
    assert isinstance(recipe, PaperRecipe)
    assert recipe.epochs == (10_000 if name == "paper-pretrain" else 5_000)
    ends = {
        "rate": (recipe.first_learning_rate, recipe.last_learning_rate),
        "momentum": (recipe.first_momentum, recipe.last_momentum),
    }
    assert ends == {"rate": (0.03, 0.00001), "momentum": (0.9, 0.9999)}
    for start, stop in ends.values():
        values = [
            linear(epoch, recipe.epochs, start, stop) for epoch in range(1, recipe.epochs + 1)
        ]
        assert values[0] == start
        assert values[-1] == pytest.approx(stop)
        assert np.mean(values[recipe.epochs // 2 - 1 : recipe.epochs // 2 + 1]) == pytest.approx(
            (start + stop) / 2
        )
        steps = [later - earlier for earlier, later in pairwise(values)]
        assert steps == pytest.approx([steps[0]] * len(steps))
    assert linear(1, 1, 0.03, 0.00001) == 0.03


def test_constants_of_the_public_code() -> None:
    recipe = load_recipe("paper-finetune-constant")
    assert isinstance(recipe, PaperRecipe)
    assert recipe.pretrained and recipe.epochs == 10_000
    assert (recipe.first_learning_rate, recipe.last_learning_rate) == (0.01, 0.01)
    assert (recipe.first_momentum, recipe.last_momentum) == (0.9, 0.9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, "batch_size must be a positive whole number, got 0"),
        ({"validation_share": 1.5}, "validation_share must be a number from 0 to 0.9, got 1.5"),
        ({"last_momentum": 1.0}, "last_momentum must be a number from"),
        ({"brightening": 256}, "brightening must be a whole number from 1 to 255"),
        ({"frozen": 6}, "frozen must be a whole number from 0 to 5"),
        ({"pretrained": 1}, "pretrained must be true or false, got 1"),
        ({"warp": 3}, "unknown entry 'warp'"),
    ],
)
def test_wrong_entries_are_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        PaperRecipe.from_dict(load_recipe("paper-scratch").to_dict() | changes, "mine.toml")


def test_loss_leaves_missing_landmarks_out() -> None:
    found = torch.zeros(1, 2, 2, requires_grad=True)
    wanted = torch.tensor([[[0.5, -1.0], [torch.nan, torch.nan]]])
    loss = mean_square(found, wanted)
    assert loss.item() == pytest.approx((0.25 + 1) / 2)
    loss.backward()  # type: ignore[no-untyped-call]  # torch's
    assert torch.isfinite(found.grad).all()


def test_images_are_divided_whatever_the_photograph() -> None:
    learnt, validating = trainer.divide(1820, 0.4, seed=0)
    assert len(learnt) == 1092 and len(validating) == 728
    assert torch.equal(torch.cat((learnt, validating)).sort().values, torch.arange(1820))
    assert len(trainer.divide(7, 0.0, seed=0)[1]) == 0


def test_training_exporting_and_predicting(
    small: None, drawn: tuple[Path, Path], command: Command, tmp_path: Path
) -> None:
    images, landmarks = drawn
    run = tmp_path / "run"
    arguments = (
        "train",
        "--no-export",
        images,
        landmarks,
        "--part",
        "quad",
        "--recipe",
        "paper-scratch",
    )
    done = command(*arguments, "-o", run, "--epochs", 12)
    assert done.code == 0, done.err
    assert "6 photographs to train on, 0 to validate" in done.err
    log = read_table(run / "log.csv")
    assert float(log[0]["learning_rate"]) == 0.03 and float(log[-1]["momentum"]) == 0.9999
    assert float(log[-1]["training_loss"]) < 0.5 * float(log[0]["training_loss"])
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["training"]["images"] == 25 and metrics["validation"]["images"] == 17
    assert not (run / "last.safetensors").exists()
    assert command("export", run, "-o", tmp_path / "paper.onnx").code == 0
    source = open_source(str(tmp_path / "paper.onnx"))
    weights = load_file(run / "weights.safetensors")
    assert all(torch.equal(source.tensors[name], weights[name]) for name in weights)
    predictor = Predictor.load(tmp_path / "paper.onnx")
    assert predictor.card.fit == "stretch" and predictor.card.input_width == 256
    [result] = predictor.predict([images / "drawn_000.png"])
    assert result.landmarks is not None
    assert np.abs(result.landmarks.xy - [[25, 20], [70, 18], [74, 52], [22, 55]]).mean() < 12
    again = command(*arguments, "-o", run, "--epochs", 12, "--resume")
    assert again.code == 0 and len(read_table(run / "log.csv")) == 12


def test_a_run_that_was_stopped_ends_with_the_same_weights(
    small: None,
    drawn: tuple[Path, Path],
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images, landmarks = drawn
    arguments = (
        "train", images, landmarks, "--part", "quad", "--recipe", "paper-scratch", "--epochs", 5,
        "--no-export",
    )  # fmt: skip
    assert command(*arguments, "-o", tmp_path / "whole").code == 0
    monkeypatch.setattr("beetle_lm.train.paper.trainer._SECONDS", -1e9)  # saves after each epoch
    count = 0
    append = TrainingLog.append

    def stopping(self: TrainingLog[EpochLog], epoch: EpochLog) -> None:
        nonlocal count
        count += 1
        if count == 4:
            raise KeyboardInterrupt
        append(self, epoch)

    monkeypatch.setattr(TrainingLog, "append", stopping)
    assert command(*arguments, "-o", tmp_path / "stopped").code == 130
    assert (tmp_path / "stopped" / "last.safetensors").exists()
    assert command(*arguments, "-o", tmp_path / "stopped", "--resume").code == 0
    whole, stopped = (
        load_file(tmp_path / name / "weights.safetensors") for name in ("whole", "stopped")
    )
    assert all(torch.equal(whole[name], stopped[name]) for name in whole)
    logs = [read_table(tmp_path / name / "log.csv") for name in ("whole", "stopped")]
    assert logs[0] == logs[1]


def test_fine_tuning_keeps_every_weight_but_those_of_the_last_layer(
    small: None, drawn: tuple[Path, Path], command: Command, tmp_path: Path
) -> None:
    images, landmarks = drawn
    first, tuned = tmp_path / "first", tmp_path / "tuned"
    train = ("train", "--no-export", images, landmarks, "--epochs", 1)
    assert command(*train, "--part", "quad", "--recipe", "paper-scratch", "-o", first).code == 0
    recipe = load_recipe("paper-finetune").to_dict() | {"frozen": 5}
    path = tmp_path / "frozen.toml"
    path.write_text("\n".join(f"{k} = {json.dumps(v)}" for k, v in recipe.items()), "utf-8")
    tune = (*train, "--part", "another", "--recipe", path, "-o", tuned)
    done = command(*tune)
    assert done.code == 2 and "starts from another training; add --init" in done.err
    assert not tuned.exists()
    done = command(*tune, "--init", first)
    assert done.code == 0, done.err
    assert "loaded 5 of 6 layers" in done.err and "new: the head" in done.err
    before, after = (load_file(folder / "weights.safetensors") for folder in (first, tuned))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"head.weight", "head.bias"}


def test_what_these_networks_cannot_do_is_said(
    small: None, drawn: tuple[Path, Path], command: Command, tmp_path: Path
) -> None:
    images, landmarks = drawn
    done = command(
        "train", images, landmarks, "--part", "quad", "--recipe", "paper-scratch", "--shapes",
        landmarks, "-o", tmp_path / "run",
    )  # fmt: skip
    assert (
        done.code == 2
        and "paper-scratch has no use for further shapes; leave --shapes out" in done.err
    )
