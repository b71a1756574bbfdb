"""Output distributions of a network: codes of companded audio (see `renderer.coding`), drawn from a softmax or a mixture of logistics.

Softmax (van den Oord et al. 2016, 2.2): over ``levels`` µ-law classes of the samples.

Mixture (after Salimans et al. 2017, "PixelCNN++", 2.1): K logistics over the µ-law companded value in [-1, 1] (µ = 255). Their
means are relative to a *centre*, the companded harmonic source. Draws are rounded to one of `GRID` codes.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from orchestrion.renderer.coding import GRID, LEAST_REST, LOG_SCALE_HIGH, LOG_SCALE_LOW, LOG_SCALE_SHIFT, MU, Coding

# Half the width of the interval whose probability training maximises, in companded units: a quarter of a µ-law level.
HALF_BIN = 1 / 1024
FIRST_LOG_SCALE = -3.0  # of a fresh network
FIRST_MEANS = 0.1


def encode_tensor(samples: Tensor, coding: Coding) -> Tensor:
    """`Coding.encode` for tensors ``[..., n]``, on their device."""
    x = samples.double()
    x = coding.gain * (x - coding.preemphasis * F.pad(x[..., :-1], (1, 0))) if coding.preemphasis else x
    companded = compand_tensor(x.clamp(-1.0, 1.0), coding.mu)
    return torch.floor((companded + 1) / 2 * (coding.levels - 1) + 0.5).long()


def compand_tensor(x: Tensor, mu: int = MU) -> Tensor:
    """`compand` of ``x`` clipped to [-1, 1]."""
    return torch.sign(x) * torch.log1p(mu * x.abs().clamp(max=1.0)) / math.log1p(mu)


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
