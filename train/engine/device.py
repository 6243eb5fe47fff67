"""The device that trains: which one, in which numbers it computes, how it keeps its memory."""

from __future__ import annotations

import ctypes
import sys

import torch

from beetle_lm.errors import DeviceError, Hint

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # parameters of glibc's mallopt


def choose_device(name: str) -> torch.device:
    """'cpu', 'cuda', or with 'auto' the GPU where there is one.

    Raises:
        DeviceError: CUDA was asked for and cannot be had.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise DeviceError(
            "CUDA was asked for and torch cannot use it here", Hint.TRAIN_WITHOUT_CUDA
        )
    return torch.device("cuda" if name != "cpu" and available else "cpu")


def mixed_precision(device: torch.device) -> torch.autocast:
    """bfloat16 where the device computes in it natively, float32 elsewhere."""
    capabilities = torch.cpu.get_capabilities()
    native = device.type != "cpu" or any(
        capabilities.get(name) for name in ("avx512_bf16", "amx_bf16")
    )
    return torch.autocast(device.type, torch.bfloat16, enabled=native)


def keep_freed_memory() -> None:
    """Lets the C library keep freed memory until the process ends, where it is glibc.

    Tensors of more than 32 MB otherwise go back to the system at once, and the next ones are
    fetched and cleared page by page in every step: half of the time of the paper's networks on a
    CPU. Elsewhere nothing is changed.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_MMAP_MAX, 0)
        library.mallopt(_TRIM_THRESHOLD, -1)
