"""The three networks of the paper: a grey image in, the coordinates of the landmarks out.

Le Van Linh et al., section 5, and the first author's public code for what the text leaves out.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from beetle_lm.train.engine.locator import Located, Locator

PAPER_INPUT = (256, 192)
"""Width and height of the input of all three, in pixels."""

_FEATURES = 128 * 23 * 31  # what the last pooling layer leaves


class PaperNetwork(Locator):
    """The first model: three convolutions with maximum pooling, three dense layers, no dropout.

    All layers but the last have ReLU. Weights start as Glorot's uniform, biases as zero, the
    defaults of the authors' framework. The last layer is called `head`: it alone knows the part.

    Args:
        landmarks: their number K.
        channels: of the images: always 1.
    """

    dense = 500
    dropout: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """After each pooling, and between the first two dense layers."""

    def __init__(self, landmarks: int, channels: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 2)
        self.conv3 = nn.Conv2d(64, 128, 2)
        self.fc1 = nn.Linear(_FEATURES, self.dense)
        self.fc2 = nn.Linear(self.dense, self.dense)
        self.head = nn.Linear(self.dense, 2 * landmarks)
        for layer in self.layers():
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.get_parameter("bias"))

    def layers(self) -> list[nn.Conv2d | nn.Linear]:
        """The layers that have weights, from the image to the landmarks."""
        return [self.conv1, self.conv2, self.conv3, self.fc1, self.fc2, self.head]

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 1, 192, 256) from 0 to 1 to coordinates (N, K, 2), see `place`."""
        return self.place(self.features(images))

    def features(self, images: Tensor) -> Tensor:
        """Images (N, 1, 192, 256) from 0 to 1 to what the last layer makes coordinates of."""
        x = images
        for layer, share in zip((self.conv1, self.conv2, self.conv3), self.dropout, strict=False):
            # Pooling goes before ReLU, which leaves the same on a fourth of the values.
            x = F.dropout(F.relu(F.max_pool2d(layer(x), 2)), share, self.training)
        x = F.dropout(F.relu(self.fc1(x.flatten(1))), self.dropout[3], self.training)
        return F.relu(self.fc2(x))

    def place(self, features: Tensor) -> Tensor:
        """Features (N, 500 or 1000) to coordinates (N, K, 2), from -1 to 1 inside the image.

        ``x = (px - 128) / 128``, ``y = (py - 96) / 96`` in pixels of the input.
        """
        xy: Tensor = self.head(features).unflatten(1, (-1, 2))
        return xy

    def locate(self, images: Tensor) -> Located:
        """Landmarks of images (N, 1, 192, 256) of 0 to 255, and a spread of 1 px for each.

        The network does not say how certain it is, so all its landmarks have the same spread.
        """
        found = self(images.float() / 255.0)
        xy = found * half_input(found) + half_input(found)
        return Located.without_curves(xy, torch.ones_like(xy[..., 0]))


class _Second(PaperNetwork):
    """Twice as many outputs of the first two dense layers."""

    dense = 1000


class _Third(_Second):
    """The second with dropout, which the paper keeps. 92,323,488 weights for 8 landmarks."""

    dropout = (0.1, 0.2, 0.3, 0.5)


PAPER_NETWORKS: dict[str, type[PaperNetwork]] = {
    "paper-1": PaperNetwork,
    "paper-2": _Second,
    "paper-3": _Third,
}


def half_input(like: Tensor) -> Tensor:
    """Half the width and height of the input, (2,), in pixels."""
    return torch.tensor(PAPER_INPUT, device=like.device, dtype=torch.float32) / 2


def normalised(xy: Tensor) -> Tensor:
    """From landmarks (..., 2) in pixels of the input to what the networks put out."""
    return xy / half_input(xy) - 1.0
