"""What a network predicts and what becomes of it: codes of companded audio, drawn from a softmax or a mixture of logistics.

Softmax (van den Oord et al. 2016, 2.2): one of ``levels`` µ-law classes of the samples as they are.

Mixture (after Salimans et al. 2017, "PixelCNN++", 2.1): of K logistics over the µ-law companded value in [-1, 1] (µ = 255), whose
means lie about a *centre*, the companded harmonic source. The sample is pre-emphasised first, y[n] = gain·(x[n] - p·x[n-1]),
so that soft partials of treble are not lost in the rounding. What is drawn is rounded to one of `GRID` codes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from orchestrion.renderer import mulaw

GRID = 1 << 16
MU = 255
# Of the logistics' log-scales: what the network gives is cut to a range, and moved so that a fresh network is about right.
LOG_SCALE_LOW, LOG_SCALE_HIGH, LOG_SCALE_SHIFT = -7.0, 2.0, -2.0
# Half the width of the interval whose probability training maximises, in companded units: a quarter of a µ-law level.
HALF_BIN = 1 / 1024
LEAST_REST = 1e-4  # a logistic's tails are cut there
FIRST_LOG_SCALE = -3.0  # of a fresh network
FIRST_MEANS = 0.1


@dataclass(frozen=True)
class Coding:
    """Audio as codes, and back.

    Attributes:
        levels: codes 0 to levels - 1.
        mu: of the companding.
        preemphasis: p of y[n] = gain·(x[n] - p·x[n-1]); 0 for none.
        gain: of the same.
    """

    levels: int
    mu: int
    preemphasis: float = 0.0
    gain: float = 1.0

    @property
    def silence(self) -> int:
        """The code of 0.0; also what stands before the first sample."""
        return self.levels // 2

    def emphasise(self, samples: np.ndarray, before: float = 0.0) -> np.ndarray:
        """``[n]`` audio as the network knows it, float64; ``before`` is the sample before the first."""
        x = np.asarray(samples, dtype=np.float64)
        return self.gain * (x - self.preemphasis * np.concatenate([[before], x[:-1]])) if len(x) else x

    def encode(self, samples: np.ndarray, before: float = 0.0) -> np.ndarray:
        """Audio ``[n]`` to codes ``[n]`` int64; what lies outside [-1, 1] after emphasis is clipped."""
        companded = compand(np.clip(self.emphasise(samples, before), -1.0, 1.0), self.mu)
        return np.floor((companded + 1) / 2 * (self.levels - 1) + 0.5).astype(np.int64)

    def encode_tensor(self, samples: Tensor) -> Tensor:
        """`encode` for tensors ``[..., n]``, on their device."""
        x = samples.double()
        x = self.gain * (x - self.preemphasis * F.pad(x[..., :-1], (1, 0))) if self.preemphasis else x
        companded = compand_tensor(x.clamp(-1.0, 1.0), self.mu)
        return torch.floor((companded + 1) / 2 * (self.levels - 1) + 0.5).long()

    def amplitudes(self, codes: np.ndarray) -> np.ndarray:
        """Codes ``[n]`` to emphasised audio, float32 [n]."""
        return _amplitudes(self.levels, self.mu)[np.asarray(codes, dtype=np.int64)]

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Codes ``[n]`` from the beginning of a piece to audio, float32 [n]."""
        return Deemphasis(self)(self.amplitudes(codes))


class Deemphasis:
    """Emphasised audio to audio, block after block; ``last`` is the sample before the next block's first."""

    def __init__(self, coding: Coding, last: float = 0.0):
        self._coding, self.last = coding, last

    def __call__(self, emphasised: np.ndarray) -> np.ndarray:
        """The next block, float32 [n]; the same in one block or many."""
        c = self._coding
        if not c.preemphasis or not len(emphasised):
            return emphasised
        from scipy.signal import lfilter

        x, _ = lfilter([1 / c.gain], [1.0, -c.preemphasis], np.asarray(emphasised, np.float64), zi=[c.preemphasis * self.last])
        self.last = float(x[-1])
        return np.clip(x, -1.0, 1.0).astype(np.float32)


def compand(x: np.ndarray, mu: int = MU) -> np.ndarray:
    """sign(x) ln(1 + µ|x|) / ln(1 + µ)."""
    return np.sign(x) * np.log1p(mu * np.abs(x)) / math.log1p(mu)


def compand_tensor(x: Tensor, mu: int = MU) -> Tensor:
    """`compand` of ``x`` clipped to [-1, 1]."""
    return torch.sign(x) * torch.log1p(mu * x.abs().clamp(max=1.0)) / math.log1p(mu)


@lru_cache(maxsize=4)
def _amplitudes(levels: int, mu: int) -> np.ndarray:
    if mu == levels - 1:
        return mulaw.decode_table(levels)
    companded = 2 * np.arange(levels, dtype=np.float64) / (levels - 1) - 1
    return (np.sign(companded) * np.expm1(np.abs(companded) * math.log1p(mu)) / mu).astype(np.float32)


def values(codes: Tensor, levels: int = GRID) -> Tensor:
    """Codes to companded values in [-1, 1], float32."""
    return codes.float() * (2 / (levels - 1)) - 1


def mixture(raw: Tensor, centre: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Log-weights, means and log-scales, ``[..., k]`` each, of a network's output ``[..., 3k]`` about ``centre [...]`` (companded)."""
    weight, mean, scale = raw.float().chunk(3, -1)
    return weight.log_softmax(-1), mean + centre[..., None], scale.clamp(LOG_SCALE_LOW, LOG_SCALE_HIGH) + LOG_SCALE_SHIFT


def log_probability(raw: Tensor, centre: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Of the mixture's value lying between ``low`` and ``high``, nats ``[...]``."""
    weight, mean, scale = mixture(raw, centre)
    sharp = torch.exp(-scale)
    a, b = (high[..., None] - mean) * sharp, (low[..., None] - mean) * sharp
    # log(σ(a) - σ(b)) without cancellation.
    between = F.logsigmoid(a) + F.logsigmoid(-b) + torch.log(-torch.expm1((b - a).clamp(max=-1e-6)))
    return torch.logsumexp(weight + between, -1)


def bits_of_levels(raw: Tensor, centre: Tensor, codes: Tensor, levels: int = MU + 1) -> Tensor:
    """Bits by which the mixture misses the µ-law level (of 256) that each code lies in: comparable with a softmax over them."""
    level = ((values(codes) + 1) / 2 * (levels - 1)).round()
    low, high = (level - 0.5) / (levels - 1) * 2 - 1, (level + 0.5) / (levels - 1) * 2 - 1
    low, high = torch.where(level == 0, low - 50.0, low), torch.where(level == levels - 1, high + 50.0, high)
    return -log_probability(raw, centre, low, high) / math.log(2)


def draw(raw: Tensor, centre: Tensor, u: Tensor, temperature: float = 1.0) -> Tensor:
    """Codes ``[...]`` drawn with the uniform numbers ``u [...]``: each picks a component, and what is left of it the value."""
    weight, mean, scale = mixture(raw, centre)
    share = weight.exp()
    below = share.cumsum(-1) - share
    k = ((below <= u[..., None]).sum(-1) - 1).clamp(min=0)[..., None]
    rest = ((u[..., None] - below.gather(-1, k)) / share.gather(-1, k).clamp(min=1e-12))[..., 0].clamp(LEAST_REST, 1 - LEAST_REST)
    value = mean.gather(-1, k)[..., 0] + temperature * scale.gather(-1, k)[..., 0].exp() * torch.log(rest / (1 - rest))
    return torch.floor((value.clamp(-1, 1) + 1) / 2 * (GRID - 1) + 0.5).long()


def first_bias(mixtures: int) -> Tensor:
    """Of a fresh network's last layer: means side by side, narrow scales."""
    return torch.cat([torch.zeros(mixtures), torch.linspace(-FIRST_MEANS, FIRST_MEANS, mixtures), torch.full((mixtures,), FIRST_LOG_SCALE)])
