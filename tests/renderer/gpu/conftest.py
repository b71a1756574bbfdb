"""The GPU's player on the GPU where there is one, and else by Triton's interpreter on the CPU's tensors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.gpu import weights
from orchestrion.renderer.network import WaveNet

# Nothing is a power of two but the hop; the longest ring has 8 slots.
TINY = WaveNetConfig(
    layers=4, cycle=3, residual=10, skip=12, head=20, levels=250, harmonics=2, conditioning_channels=6, context_channels=8,
    context_width=3, context_dilation=1, hop=8,
)  # fmt: skip
DRIVEN = replace(TINY, harmonics=0, source_window=3, mixtures=3, history=5, preemphasis=0.85, gain=2.0)
KINDS = {"softmax": TINY, "driven": DRIVEN}


@pytest.fixture(scope="session", autouse=True)
def device() -> Iterator[torch.device]:
    pytest.importorskip("triton", reason="Triton is not installed (it is in the dev extra, for Linux)")
    if not torch.cuda.is_available() and os.environ.get("TRITON_INTERPRET") != "1":
        pytest.skip("there is no GPU, and Triton was not told to interpret its kernels")
    with pytest.MonkeyPatch.context() as patch:
        if not torch.cuda.is_available():
            patch.setattr(weights, "DEVICE", torch.device("cpu"))
        yield weights.DEVICE


def random_network(config: WaveNetConfig = TINY, gain: float = 2.0) -> WaveNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = WaveNet(config).eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter.mul_(gain)
    return network


@pytest.fixture(scope="session", params=KINDS.values(), ids=KINDS)
def network(request: pytest.FixtureRequest) -> WaveNet:
    return random_network(request.param)
