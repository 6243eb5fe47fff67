"""Time per epoch of the paper's third network against two lower bounds.

    python bench/paper_loop.py [--batch-size 128] [--steps 4] [--device cpu]
        [--compile] [--float32] [--give-back]

The last three are what training does not do: networks that torch compiles, 32 bit numbers
throughout, memory that is given back to the system after use.

An epoch is that of the paper: 1,820 images, of which 1,092 are learnt from and 728 are measured. Of
the device's own speed, measured here, follows how long an epoch must take at least:

- arithmetic: the multiplications of forward and backward pass at the rate of a large product of
  matrices, in the number type that training uses;
- memory: in each step every weight is read forwards and backwards, its gradient is written, and
  the update reads weight, gradient and velocity and writes weight and velocity: 32 bytes per weight
  at the rate at which a tensor of the network's size is copied.

On a CPU, processor time is measured, which other programs change less than the time that passes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import nn

from beetle_lm.train.engine.device import keep_freed_memory, mixed_precision
from beetle_lm.train.paper import trainer
from beetle_lm.train.paper.networks import PAPER_NETWORKS, PaperNetwork
from beetle_lm.train.paper.trainer import GreyImages, _measure, _pass

LEARNT, VALIDATING, LANDMARKS = 1092, 728, 8
BYTES_PER_WEIGHT = 32


def seconds(device: torch.device, work: Callable[[], object]) -> float:
    """Of the device, or processor time of each thread."""
    if device.type == "cuda":
        torch.cuda.synchronize()
        begin = time.perf_counter()
        work()
        torch.cuda.synchronize()
        return time.perf_counter() - begin
    begin = time.process_time()
    work()
    return (time.process_time() - begin) / torch.get_num_threads()


def best(device: torch.device, work: Callable[[], object], times: int = 4) -> float:
    return min(seconds(device, work) for _ in range(times))


def matmul_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Floating point operations per second."""
    side = 2048 if device.type == "cpu" else 8192
    a, b = (torch.rand(side, side, device=device).to(dtype) for _ in range(2))
    return 2 * side**3 / best(device, lambda: a @ b)


def copy_rate(device: torch.device, count: int) -> float:
    """Bytes read and written per second."""
    source = torch.rand(count, device=device)
    target = torch.empty_like(source)
    return 8 * count / best(device, lambda: target.copy_(source))


def forward_operations(network: PaperNetwork) -> int:
    """Multiplications and additions for an image."""
    total = 0

    def count(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        places = output[0, 0].numel() if output.dim() == 4 else 1
        total += 2 * layer.weight.numel() * places

    handles = [layer.register_forward_hook(count) for layer in network.layers()]
    network(torch.zeros(1, 1, 192, 256))
    for handle in handles:
        handle.remove()
    return total


def full_precision(device: torch.device) -> torch.autocast:
    """What `--float32` puts in the place of training's own precision."""
    return torch.autocast(device.type, enabled=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    for name in ("--compile", "--float32", "--give-back"):
        parser.add_argument(name, action="store_true")
    options = parser.parse_args()
    device, batch = torch.device(options.device), options.batch_size

    if not options.give_back:
        keep_freed_memory()
    precision = full_precision if options.float32 else mixed_precision
    vars(trainer).update(mixed_precision=precision)
    network = PAPER_NETWORKS["paper-3"](LANDMARKS)
    operations = forward_operations(network)
    weights = sum(parameter.numel() for parameter in network.parameters())
    network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's
    if options.compile:
        network.features = torch.compile(network.features)
    optimiser = torch.optim.SGD(
        network.parameters(), lr=1e-3, momentum=0.9, nesterov=True, fused=True
    )
    count = batch * options.steps
    images = GreyImages(
        torch.randint(0, 256, (count, 1, 192, 256), dtype=torch.uint8, device=device),
        torch.rand(count, LANDMARKS, 2, device=device) * 190,
    )

    def learn() -> object:
        return _pass(network, optimiser, images, batch, 0, 1)

    learn()
    step = best(device, learn, 3) / options.steps
    measured = best(device, lambda: _measure(network, images, batch), 3) / count
    epoch = step * LEARNT / batch + measured * VALIDATING

    dtype = torch.bfloat16 if precision(device)._enabled else torch.float32
    rate, bandwidth = matmul_rate(device, dtype), copy_rate(device, weights)
    arithmetic = operations * (3 * LEARNT + VALIDATING) / rate
    memory = BYTES_PER_WEIGHT * weights * LEARNT / batch / bandwidth
    print(f"{device}, {torch.get_num_threads()} threads, {dtype}, {batch} images in a step")
    print(f"{weights:,} weights, {operations / 1e9:.3f} G operations an image, forwards")
    print(f"matrices {rate / 1e9:.0f} G operations/s, copying {bandwidth / 1e9:.1f} GB/s")
    print(f"step {step * 1e3:.0f} ms, {step / batch * 1e3:.1f} ms an image")
    print(f"measuring {measured * 1e3:.1f} ms an image")
    print(f"epoch {epoch:.2f} s; at least {arithmetic:.2f} s (arithmetic), {memory:.2f} s (memory)")
    print(f"ratio to the greater bound {epoch / max(arithmetic, memory):.1f}")


if __name__ == "__main__":
    main()
