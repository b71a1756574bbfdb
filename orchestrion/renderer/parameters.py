"""A WaveNet's parameters as numpy arrays: all that playing needs of it, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from orchestrion.bridge.source import HarmonicSource, plain_source
from orchestrion.renderer.config import WaveNetConfig

if TYPE_CHECKING:
    from orchestrion.renderer.network import WaveNet


@dataclass(frozen=True, eq=False)
class Parameters:
    """Sizes, arrays named as in ``WaveNet.state_dict`` (float32), and the source of a driven instrument."""

    config: WaveNetConfig
    arrays: Mapping[str, np.ndarray]
    source: HarmonicSource | None = None

    @classmethod
    def of(cls, network: WaveNet | Parameters) -> Parameters:
        """A network's, on the processor; what they are already is handed back."""
        if isinstance(network, Parameters):
            return network
        arrays = {name: value.detach().cpu().float().numpy() for name, value in network.state_dict().items()}
        return cls(network.config, arrays, network.source)

    @classmethod
    def zeros(cls, config: WaveNetConfig) -> Self:
        """A network of nothing, which plays all the same."""
        source = plain_source(config.sample_rate) if config.source_window else None
        return cls(config, {name: np.zeros(shape, np.float32) for name, shape in shapes(config).items()}, source)

    def network(self) -> WaveNet:
        """The network in evaluation mode, its parameters not to be trained."""
        import torch

        from orchestrion.renderer.network import WaveNet

        network = WaveNet(self.config)
        network.load_state_dict({name: torch.from_numpy(array) for name, array in self.arrays.items()})
        network.source = self.source
        return network.eval().requires_grad_(False)


def shapes(config: WaveNetConfig) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a WaveNet's parameters."""
    c = config
    found: dict[str, tuple[int, ...]] = {
        "w_past": (c.layers, c.residual, 2 * c.residual), "w_now": (c.layers, c.residual, 2 * c.residual),
        "b_gate": (c.layers, 2 * c.residual), "w_res": (c.layers, c.residual, c.residual), "b_res": (c.layers, c.residual),
        "w_skip": (c.layers, c.residual, c.skip), "b_skip": (c.skip,), "w_head": (c.skip, c.head), "b_head": (c.head,),
        "w_out": (c.head, c.outputs), "b_out": (c.outputs,),
    }  # fmt: skip
    if c.mixtures:
        found["w_hist"] = (c.history, c.residual)
    else:
        found |= {"embed_now.weight": (c.levels, c.residual), "embed_before.weight": (c.levels, c.residual)}
    if c.drive_channels:
        found["w_exc"] = (c.drive_channels, c.residual)
    if c.conditioned:
        found["w_cond"] = (c.conditioning_channels, c.layers * 2 * c.residual)
    if c.conditioning == "causal":
        found |= {"context.reduce.weight": (c.conditioning_channels, c.input_channels, 2), "context.reduce.bias": (c.conditioning_channels,)}
    elif c.conditioned:
        convolution = (c.context_channels, c.context_width)
        found |= {
            "context.first.weight": (convolution[0], c.input_channels, convolution[1]), "context.first.bias": convolution[:1],
            "context.second.weight": (convolution[0], *convolution), "context.second.bias": convolution[:1],
            "context.last.weight": (c.conditioning_channels, c.context_channels), "context.last.bias": (c.conditioning_channels,),
        }  # fmt: skip
    return found
