"""The network in plain numpy float64, one sample at a time: what the kernels are held against."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from orchestrion.renderer.config import WaveNetConfig

TINY = WaveNetConfig(
    layers=5, cycle=4, residual=8, skip=12, head=20, levels=256, harmonics=2, conditioning_channels=6, context_channels=8, hop=16
)


def random_tensors(config: WaveNetConfig, seed: int = 0, gain: float = 1.0) -> dict[str, np.ndarray]:
    """Weights of every kernel-side tensor, float32, scaled so that activations stay of order one."""
    c, rng = config, np.random.default_rng(seed)

    def normal(*shape: int, fan_in: int = 1) -> np.ndarray:
        return (gain * rng.standard_normal(shape) / np.sqrt(fan_in)).astype(np.float32)

    tensors = {
        "embed_now.weight": normal(c.levels, c.residual), "embed_before.weight": normal(c.levels, c.residual),
        "w_past": normal(c.layers, c.residual, 2 * c.residual, fan_in=2 * c.residual),
        "w_now": normal(c.layers, c.residual, 2 * c.residual, fan_in=2 * c.residual),
        "b_gate": normal(c.layers, 2 * c.residual),
        "w_res": normal(c.layers, c.residual, c.residual, fan_in=c.residual), "b_res": normal(c.layers, c.residual, fan_in=9),
        "w_skip": normal(c.layers, c.residual, c.skip, fan_in=c.layers * c.residual), "b_skip": normal(c.skip),
        "w_head": normal(c.skip, c.head, fan_in=c.skip), "b_head": normal(c.head),
        "w_out": normal(c.head, c.levels, fan_in=c.head), "b_out": normal(c.levels),
    }  # fmt: skip
    if c.harmonics:
        tensors["w_exc"] = normal(2 * c.harmonics, c.residual, fan_in=2)
    return tensors


def rounded(x: np.ndarray, bound: float | None = None) -> np.ndarray:
    """As whole numbers of 127ths of ``bound``, by default the power of two above the greatest magnitude."""
    step = (bound or 2.0 ** np.frexp(np.abs(x).max())[1]) / 127
    return np.rint(x / step) * step


class Reference:
    """``step`` gives the float64 logits of the next sample of one voice.

    ``whole`` rounds what the weights multiply, as storage int8 does.
    """

    def __init__(self, config: WaveNetConfig, tensors: Mapping[str, np.ndarray], whole: bool = False):
        self.config, self.whole = config, whole
        self.t = {name: value.astype(np.float64) for name, value in tensors.items()}
        self.past = [[np.zeros(config.residual)] * dilation for dilation in config.dilations]
        self.now = self.before = config.levels // 2

    def step(self, rows: np.ndarray, excitation: np.ndarray | None) -> np.ndarray:
        """``rows [layers, 2 * residual]``, ``excitation [2 * harmonics]`` to logits ``[levels]``."""
        t, r = self.t, self.config.residual
        h = t["embed_now.weight"][self.now] + t["embed_before.weight"][self.before]
        if excitation is not None:
            h = h + excitation @ t["w_exc"]
        skip = np.zeros(self.config.skip)
        for i, past in enumerate(self.past):
            a = self.seen(past[0]) @ t["w_past"][i] + self.seen(h) @ t["w_now"][i] + rows[i]
            self.past[i] = [*past[1:], h]
            z = self.seen(np.tanh(a[:r]) / (1 + np.exp(-a[r:])), 1.0)
            skip = skip + z @ t["w_skip"][i]
            h = h + z @ t["w_res"][i] + t["b_res"][i]
        out = np.maximum(skip + t["b_skip"], 0)
        out = np.maximum(self.seen(out) @ t["w_head"] + t["b_head"], 0)
        return self.seen(out) @ t["w_out"] + t["b_out"]

    def seen(self, x: np.ndarray, bound: float | None = None) -> np.ndarray:
        """What a product sees of its input."""
        return rounded(x, bound) if self.whole else x

    def take(self, level: int) -> None:
        self.before, self.now = self.now, level


def draw(logits: np.ndarray, u: float, temperature: float = 1.0) -> int:
    """The first level at which the cumulative softmax exceeds ``u``."""
    weights = np.exp((logits - logits.max()) / temperature)
    return int(np.searchsorted(np.cumsum(weights) / weights.sum(), u, side="right"))
