"""The network in plain numpy float64, one sample at a time: what the kernels are held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.parameters import shapes

TINY = WaveNetConfig(
    layers=5, cycle=4, residual=8, skip=12, head=20, levels=256, harmonics=2, conditioning_channels=6, context_channels=8, hop=16
)
DRIVEN = replace(
    TINY, harmonics=0, source_window=3, mixtures=3, history=5, preemphasis=0.85, gain=2.0, sample_rate=24000
)  # fmt: skip
KINDS = {"softmax": TINY, "driven": DRIVEN}


def random_tensors(config: WaveNetConfig, seed: int = 0, gain: float = 1.0) -> dict[str, np.ndarray]:
    """Weights of every tensor, float32; those of the sample loop are scaled so that activations stay of order one."""
    c, rng = config, np.random.default_rng(seed)

    def normal(*shape: int, fan_in: int = 1) -> np.ndarray:
        return (gain * rng.standard_normal(shape) / np.sqrt(fan_in)).astype(np.float32)

    embeddings = {"embed_now.weight": normal(c.levels, c.residual), "embed_before.weight": normal(c.levels, c.residual)}
    history = {"w_hist": normal(c.history, c.residual, fan_in=2)}
    tensors = {
        **(history if c.mixtures else embeddings),
        "w_past": normal(c.layers, c.residual, 2 * c.residual, fan_in=2 * c.residual),
        "w_now": normal(c.layers, c.residual, 2 * c.residual, fan_in=2 * c.residual),
        "b_gate": normal(c.layers, 2 * c.residual),
        "w_res": normal(c.layers, c.residual, c.residual, fan_in=c.residual), "b_res": normal(c.layers, c.residual, fan_in=9),
        "w_skip": normal(c.layers, c.residual, c.skip, fan_in=c.layers * c.residual), "b_skip": normal(c.skip),
        "w_head": normal(c.skip, c.head, fan_in=c.skip), "b_head": normal(c.head),
        "w_out": normal(c.head, c.outputs, fan_in=c.head), "b_out": normal(c.outputs),
    }  # fmt: skip
    # The kernels' tests give them rows and drive, so nothing comes of the score.
    return {name: np.zeros(shape, np.float32) for name, shape in shapes(c).items()} | tensors


def rounded(x: np.ndarray, bound: float | None = None) -> np.ndarray:
    """As whole numbers of 127ths of ``bound``, by default the power of two above the greatest magnitude."""
    step = (bound or 2.0 ** np.frexp(np.abs(x).max())[1]) / 127
    return np.rint(x / step) * step


class Reference:
    """``step`` gives what the next sample of one voice is drawn from, in float64.

    ``whole`` rounds what the weights multiply, as storage int8 does.
    """

    def __init__(self, config: WaveNetConfig, tensors: Mapping[str, np.ndarray], whole: bool = False):
        self.config, self.whole = config, whole
        self.t = {name: value.astype(np.float64) for name, value in tensors.items()}
        self.past = [[np.zeros(config.residual)] * dilation for dilation in config.dilations]
        self.recent = [config.coding.silence] * config.history

    def step(self, rows: np.ndarray, drive: np.ndarray | None) -> np.ndarray:
        """``rows [layers, 2 * residual]``, ``drive [residual]`` to logits ``[levels]`` or a mixture's ``[3 * mixtures]``."""
        t, r = self.t, self.config.residual
        h = self.input()
        if drive is not None:
            h = h + drive
        skip = np.zeros(self.config.skip)
        for i, past in enumerate(self.past):
            a = self.seen(past[0]) @ t["w_past"][i] + self.seen(h) @ t["w_now"][i] + rows[i]
            self.past[i] = [*past[1:], h]
            z = self.seen(np.tanh(a[:r]) / (1 + np.exp(-a[r:])), 1.0)
            skip = skip + z @ t["w_skip"][i]
            h = h + z @ t["w_res"][i] + t["b_res"][i]
        out = np.maximum(skip + t["b_skip"], 0)
        out = np.maximum(self.seen(out) @ t["w_head"] + t["b_head"], 0)
        # The few columns of a mixture are multiplied in float32 whatever the storage.
        return (out if self.config.mixtures else self.seen(out)) @ t["w_out"] + t["b_out"]

    def input(self) -> np.ndarray:
        """The last codes as the first layer hears them."""
        if self.config.mixtures:
            return (2 * np.array(self.recent) / (self.config.coding.levels - 1) - 1) @ self.t["w_hist"]
        return self.t["embed_now.weight"][self.recent[-1]] + self.t["embed_before.weight"][self.recent[-2]]

    def seen(self, x: np.ndarray, bound: float | None = None) -> np.ndarray:
        """What a product sees of its input."""
        return rounded(x, bound) if self.whole else x

    def take(self, code: int) -> None:
        self.recent = [*self.recent[1:], code]


def draw(logits: np.ndarray, u: float, temperature: float = 1.0) -> int:
    """The first level at which the cumulative softmax exceeds ``u``."""
    weights = np.exp((logits - logits.max()) / temperature)
    return int(np.searchsorted(np.cumsum(weights) / weights.sum(), u, side="right"))


def draw_mixture(raw: np.ndarray, centre: float, u: float, temperature: float = 1.0) -> int:
    """The code of the logistic that ``u`` falls to, at the quantile that is left of ``u`` in its share.

    The constants are those that ``renderer.output`` states: log-scales from -7 to 2, moved by -2; tails cut at 1e-4.
    """
    weights, means, scales = np.split(raw.astype(np.float64), 3)
    shares = np.exp(weights - weights.max())
    shares /= shares.sum()
    bounds = np.concatenate([[0.0], np.cumsum(shares)])
    k = min(int(np.searchsorted(bounds[1:], u, side="right")), len(shares) - 1)
    rest = np.clip((u - bounds[k]) / max(shares[k], 1e-12), 1e-4, 1 - 1e-4)
    value = means[k] + centre + temperature * np.exp(np.clip(scales[k], -7, 2) - 2) * np.log(rest / (1 - rest))
    return int(np.floor((np.clip(value, -1, 1) + 1) / 2 * 65535 + 0.5))
