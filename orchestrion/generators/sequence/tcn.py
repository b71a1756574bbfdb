"""`tcn`: a temporal convolutional network, 512 samples in, the next one out (Xu & Swar 2021, section 6).

The paper used a published layer whose residual block has two convolutions of one dilation:

    x ─┬─ conv(d) ─ tanh ─ conv(d) ─ tanh ─┬─▶ skip
       └───────── 1×1 where widths differ ─┴─ + ─ tanh ─▶ the next block;   output = affine(Σ skips)

so that the receptive field is its equation (1), 1 + 2 (k - 1) · stacks · Σ d. Its advice is a kernel of 2 to 8 with
dilations 1 to 32 and a receptive field of about the input, 512: a kernel of 5 in one stack has 505. The number of filters
is not given: 64, the layer's own default then. Nor is the scaling: amplitudes are divided by the training audio's RMS.
Every position of a longer example that has its whole receptive field is predicted as it would be from its own 512 samples, so
training on ``targets`` positions at once is the paper's many-to-one training on as many windows.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from orchestrion.generators.seeding import at_least, check_length, seed_or_noise
from orchestrion.generators.sequence.config import TcnConfig
from orchestrion.generators.sequence.scale import SampleBySample
from orchestrion.progress import Advance

REPORT_SAMPLES = 441
LOSSES = {"huber": F.huber_loss, "log-cosh": lambda a, b: log_cosh(a - b).mean(), "mse": F.mse_loss}


def log_cosh(error: Tensor) -> Tensor:
    """ln cosh, written so that large errors do not overflow."""
    return error.abs() + F.softplus(-2 * error.abs()) - float(np.log(2))


class CausalConvolution(nn.Module):
    """y[n] = b + Σ_j x[n - j · dilation] W[j], zeros before the beginning, as one product of matrices."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int):
        super().__init__()
        self.dilation = dilation
        self.w = nn.Parameter(torch.empty(kernel, inputs, outputs).normal_(0, (kernel * inputs) ** -0.5))
        self.b = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """``[b, t, inputs]`` to ``[b, t, outputs]``."""
        (n_taps, _, _), d, t = self.w.shape, self.dilation, x.shape[1]
        padded = F.pad(x, (0, 0, (n_taps - 1) * d, 0))
        taps = [padded[:, (n_taps - 1 - j) * d :][:, :t] for j in range(n_taps)]
        return torch.cat(taps, -1) @ self.w.flatten(0, 1) + self.b


class ResidualBlock(nn.Module):
    """Two convolutions of one dilation and the way around them."""

    def __init__(self, inputs: int, filters: int, kernel: int, dilation: int):
        super().__init__()
        self.first = CausalConvolution(inputs, filters, kernel, dilation)
        self.second = CausalConvolution(filters, filters, kernel, dilation)
        self.around = nn.Linear(inputs, filters) if inputs != filters else nn.Identity()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``[b, t, inputs]`` to what the next block reads and what is summed for the output, each ``[b, t, filters]``."""
        skip = torch.tanh(self.second(torch.tanh(self.first(x))))
        return torch.tanh(skip + self.around(x)), skip


class Tcn(SampleBySample):
    """The network. ``level`` is the training audio's RMS, which amplitudes are divided by."""

    config: TcnConfig

    def __init__(self, config: TcnConfig):
        super().__init__(config)
        c = config
        self.loss_of = LOSSES[c.loss]
        widths = [1] + [c.filters] * (c.stacks * len(c.dilations) - 1)
        self.blocks = nn.ModuleList(
            ResidualBlock(width, c.filters, c.kernel, dilation)
            for width, dilation in zip(widths, c.dilations * c.stacks, strict=True)
        )
        self.head = nn.Linear(c.filters, 1)

    def forward(self, audio: Tensor) -> Tensor:
        """``[b, t]`` (divided by the level) to the prediction after each sample, ``[b, t]``."""
        x, skips = audio[..., None], []
        for block in self.blocks:
            x, skip = block(x)
            skips.append(skip)
        result: Tensor = self.head(torch.stack(skips).sum(0))[..., 0]
        return result

    @torch.inference_mode()
    def generate(
        self, seed_audio: np.ndarray | None, n_samples: int, seed: int, progress: Advance | None = None, *,
        temperature: float | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Continue ``seed_audio`` (None: noise); the continuation alone, float32 [n_samples].

        The last ``history`` samples are what the next one is predicted from; `Stepper` remembers what they gave.
        """
        check_length(n_samples)
        history, level = self.config.history, float(self.level)
        known = at_least(seed_or_noise(seed_audio, history, level, seed), history)[-history:] / np.float32(level)
        off = self.deviations(n_samples, seed, temperature)
        stepper = Stepper(self)
        for sample in known:
            following = stepper.step(float(sample))
        out = np.empty(n_samples, dtype=np.float32)
        for n in range(n_samples):
            out[n] = following + off[n]
            following = stepper.step(float(out[n]))
            if progress is not None and n % REPORT_SAMPLES == REPORT_SAMPLES - 1:
                progress(REPORT_SAMPLES)
        result: np.ndarray = np.clip(out * level, -1.0, 1.0)
        return result


class Stepper:
    """The network's twin for one sample at a time, in numpy; each convolution remembers its past inputs in a ring."""

    def __init__(self, model: Tcn):
        blocks = [block for block in model.blocks if isinstance(block, ResidualBlock)]
        self._blocks = [(_Ring(b.first), _Ring(b.second), _around(b.around)) for b in blocks]
        self._head = _affine(model.head)

    def step(self, sample: float) -> float:
        """Feed one sample (divided by the level); the prediction of the next."""
        x = np.array([sample], dtype=np.float32)
        total = np.float32(0)
        for first, second, around in self._blocks:
            skip = np.tanh(second.step(np.tanh(first.step(x))))
            total = total + skip
            x = np.tanh(skip + (x if around is None else x @ around[0] + around[1]))
        return float((total @ self._head[0] + self._head[1])[0])


class _Ring:
    def __init__(self, convolution: CausalConvolution):
        kernel, inputs, _ = convolution.w.shape
        self._w = convolution.w.detach().float().flatten(0, 1).numpy()
        self._b = convolution.b.detach().float().numpy()
        self._past = np.zeros(((kernel - 1) * convolution.dilation + 1, inputs), dtype=np.float32)
        self._delays = np.arange(kernel) * convolution.dilation
        self._n = 0

    def step(self, x: np.ndarray) -> np.ndarray:
        size = len(self._past)
        self._past[self._n % size] = x
        taken = self._past[(self._n - self._delays) % size]
        self._n += 1
        result: np.ndarray = taken.reshape(-1) @ self._w + self._b
        return result


def _around(layer: nn.Module) -> tuple[np.ndarray, np.ndarray] | None:
    return _affine(layer) if isinstance(layer, nn.Linear) else None


def _affine(layer: nn.Linear) -> tuple[np.ndarray, np.ndarray]:
    return layer.weight.detach().float().numpy().T, layer.bias.detach().float().numpy()
