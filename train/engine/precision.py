"""In which numbers a device computes fastest."""

from __future__ import annotations

import torch


def mixed_precision(device: torch.device) -> torch.autocast:
    """bfloat16 where the device computes in it, float32 elsewhere."""
    capabilities = torch.cpu.get_capabilities()
    native = device.type != "cpu" or any(
        capabilities.get(name) for name in ("avx512_bf16", "amx_bf16")
    )
    return torch.autocast(device.type, torch.bfloat16, enabled=native)
