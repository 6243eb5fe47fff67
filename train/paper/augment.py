"""The paper's augmentation: seven grey images of each photograph (section 4)."""

from __future__ import annotations

import torch
from torch import Tensor

VERSIONS = 7
"""Images made of each photograph, itself among them."""

_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601, as wherever photographs are made grey


def seven_versions(images: Tensor, brightening: int, generator: torch.Generator) -> Tensor:
    """Seven grey images of each colour photograph.

    First itself; then three with a constant added to one channel, each drawn uniformly from 1 to
    `brightening` and capped at white; then each channel alone. A photograph that is grey has three
    equal channels: adding to one of them then is a slight brightening, and a channel alone is the
    photograph itself.

    Args:
        images: (N, 3, H, W) uint8, RGB.
        brightening: the greatest constant, the paper's N, which it does not give.
        generator: of the constants, on the images' device.

    Returns:
        (7 N, 1, H, W) uint8, the seven of each photograph one after another.
    """
    device, count = images.device, len(images)
    constants = torch.randint(
        1, brightening + 1, (count, 3), generator=generator, device=device, dtype=torch.int16
    )
    made = [_grey(images)]
    for channel in range(3):
        brighter = images.to(torch.int16)
        brighter[:, channel] += constants[:, channel, None, None]
        made.append(_grey(brighter.clamp_(max=255)))
    made += [images[:, channel] for channel in range(3)]
    return torch.stack(made, dim=1).reshape(VERSIONS * count, 1, *images.shape[2:])


def _grey(images: Tensor) -> Tensor:
    weights = torch.tensor(_GREY, device=images.device)
    return torch.einsum("nchw,c->nhw", images.float(), weights).round().to(torch.uint8)
