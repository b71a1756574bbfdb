"""WaveNet with gated activations and local conditioning (van den Oord et al. 2016, Manzelli et al. 2018 eq. 3).

    z = tanh(W_f * x + V_f * y) ⊙ σ(W_g * x + V_g * y)

Everything is a plain matrix product on ``[batch, time, channel]``: a dilated causal convolution of width 2 is two
products, one on the present and one on the samples ``dilation`` earlier, which runs an order of magnitude faster on a
CPU than Conv1d does. Two twins compute the same thing: ``forward`` whole sequences for training, ``step`` one sample with
explicit state.

The score enters twice. Frames go through convolutions to y and then, once a frame, through V to ``rows`` (the term
V·y of every layer, gate biases included). And at audio rate, as the *drive*, which is added at the input: a window of the harmonic
source, companded and linear, or in older instruments unit harmonics (after the source signal of Wang, Takaki and Yamagishi
2019, "Neural source-filter waveform models"). A mixture's means lie about the source, too; see ``renderer.output``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from orchestrion.bridge.source import HarmonicSource, plain_source
from orchestrion.renderer.coding import SOURCE_GAIN
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.output import compand_tensor, first_bias, values

_plain_source = lru_cache(maxsize=4)(plain_source)  # tables that nobody writes to, and that take longer than the rest of a network


@dataclass
class NetworkState:
    """What ``step`` remembers: the last codes ``[b, config.history - 1]``, oldest first, and every layer's past inputs.

    ``history[l]`` is ``[dilation_l, b, residual]``, a ring whose entry ``n % dilation_l`` is layer l's input at sample n -
    dilation_l; ``n`` counts the samples done.
    """

    recent: Tensor
    history: list[Tensor]
    n: int = 0


class WaveNet(nn.Module):
    """The renderer's network; see the module's docstring for the equations and ``WaveNetConfig`` for the sizes.

    Attributes:
        source: the tables of the instrument that a driven network plays, a plain tone unless set; none of its parameters.
    """

    source: HarmonicSource | None = None

    def __init__(self, config: WaveNetConfig):
        super().__init__()
        self._layer = _residual_layer
        self.config = c = config
        if c.source_window:
            self.source = _plain_source(c.sample_rate)
        if c.mixtures:
            self.w_hist = _weight(c.history, c.residual, fan_in=4)
        else:
            self.embed_now = nn.Embedding(c.levels, c.residual)
            self.embed_before = nn.Embedding(c.levels, c.residual)
        self.w_past = _weight(c.layers, c.residual, 2 * c.residual, fan_in=2 * c.residual)
        self.w_now = _weight(c.layers, c.residual, 2 * c.residual, fan_in=2 * c.residual)
        self.b_gate = nn.Parameter(torch.zeros(c.layers, 2 * c.residual))
        self.w_res = _weight(c.layers, c.residual, c.residual)
        self.b_res = nn.Parameter(torch.zeros(c.layers, c.residual))
        self.w_skip = _weight(c.layers, c.residual, c.skip, fan_in=c.layers * c.residual)
        self.b_skip = nn.Parameter(torch.zeros(c.skip))
        self.w_head, self.b_head = _weight(c.skip, c.head), nn.Parameter(torch.zeros(c.head))
        self.w_out = _weight(c.head, c.outputs)
        self.b_out = nn.Parameter(first_bias(c.mixtures) if c.mixtures else torch.zeros(c.levels))
        if c.drive_channels:
            self.w_exc = _weight(c.drive_channels, c.residual, fan_in=4 if c.source_window else 2)
        if c.conditioned:
            self.context = _CausalContext(c) if c.conditioning == "causal" else _TwoSidedContext(c)
            self.w_cond = _weight(c.conditioning_channels, c.layers * 2 * c.residual)

    def compile_layers(self) -> None:
        """Have `forward` run through torch.compile, a layer at a time: seconds where all 60 layers of the published network take minutes."""
        # Twice: for a dilation of 1 and for any other.
        self._layer = torch.compile(_residual_layer)

    def conditioning_rows(self, frames: Tensor | None, n_frames: int | None = None, batch: int = 1) -> Tensor:
        """V·y + gate biases of every layer, once a frame.

        Args:
            frames: ``[b, f, input_channels]`` from ``features.frame_features``; None when unconditioned, and then
                ``n_frames`` and ``batch`` say how many rows to repeat.

        Returns:
            ``[b, f, layers, 2 * residual]``. Frames before the first and after the last count as silent (zeros).
        """
        c = self.config
        if not c.conditioned:
            return self.b_gate.expand(batch, n_frames or 1, c.layers, 2 * c.residual)
        y = self.context(frames)
        result: Tensor = (y @ self.w_cond).unflatten(-1, (c.layers, 2 * c.residual)) + self.b_gate
        return result

    def drive(self, signal: Tensor) -> Tensor:
        """What the score adds at the input, ``[b, t, residual]``.

        Args:
            signal: the emphasised harmonic source with its margins, ``[b, t + 2 * source_window]``; or harmonics
                ``[b, t, 2 * harmonics]`` from ``features.excitation``.
        """
        return drive_inputs(signal, self.config) @ self.w_exc

    def centre(self, signal: Tensor | None, shape: torch.Size) -> Tensor:
        """What a mixture's means lie about, ``[b, t]`` (``shape``): the companded source, or 0 without one."""
        w = self.config.source_window
        return compand_tensor(signal[:, w:-w]) if w and signal is not None else self.b_skip.new_zeros(shape)

    def forward(self, codes: Tensor, rows: Tensor, drive: Tensor | None = None) -> Tensor:
        """What each sample is drawn from, given the samples before it (teacher forcing).

        Args:
            codes: ``[b, t]`` the *previous* sample's code at every t (``codes[:, 0]`` is what stood before), with t a
                multiple of hop.
            rows: ``[b, t / hop, layers, 2 * residual]``.
            drive: ``[b, t, residual]`` from `drive`, when the config has any.

        Returns:
            Logits ``[b, t, levels]``, or a mixture's parameters ``[b, t, 3 * mixtures]``.
        """
        c = self.config
        h = self.input(F.pad(codes, (c.history - 1, 0), value=c.coding.silence).unfold(-1, c.history, 1))
        if drive is not None:
            h = h + drive
        # unbind, not indexing: the gradient of an index is a whole zero-filled stack for every layer.
        weights = zip(
            c.dilations, rows.unbind(2), torch.cat([self.w_now, self.w_past], 2).unbind(), self.w_res.unbind(),
            self.b_res.unbind(), strict=True,
        )  # fmt: skip
        gated = []
        for dilation, *layer in weights:
            h, z = self._layer(h, dilation, c.hop, *layer)
            gated.append(z)
        # One product over all layers is the sum of every layer's skip connection.
        skip = torch.cat(gated, dim=-1) @ self.w_skip.flatten(0, 1)
        return self._head(skip)

    def step(self, code: Tensor, rows: Tensor, drive: Tensor | None, state: NetworkState) -> tuple[Tensor, NetworkState]:
        """What one sample is drawn from, ``[b, outputs]``, and the state after it.

        Args:
            code: ``[b]`` the previous sample's code.
            rows: ``[b, layers, 2 * residual]`` of the frame the sample lies in.
            drive: ``[b, residual]`` of the sample, or None.
        """
        recent = torch.cat([state.recent, code[:, None]], 1)
        h = self.input(recent)
        if drive is not None:
            h = h + drive
        skip = torch.zeros((), dtype=h.dtype, device=h.device)
        history = []
        for layer, ring in enumerate(state.history):
            slot = state.n % ring.shape[0]
            z = _gate(h @ self.w_now[layer] + ring[slot] @ self.w_past[layer] + rows[:, layer])
            ring = ring.clone()
            ring[slot] = h
            history.append(ring)
            skip = skip + z @ self.w_skip[layer]
            h = h + z @ self.w_res[layer] + self.b_res[layer]
        return self._head(skip), NetworkState(recent[:, 1:], history, state.n + 1)

    def initial_state(self, batch: int) -> NetworkState:
        """The state before the first sample: silence."""
        c, weight = self.config, self.b_skip
        recent = torch.full((batch, c.history - 1), c.coding.silence, device=weight.device)
        history = [weight.new_zeros(dilation, batch, c.residual) for dilation in c.dilations]
        return NetworkState(recent, history)

    def input(self, recent: Tensor) -> Tensor:
        """The last codes ``[..., history]``, oldest first, as the first layer hears them."""
        if self.config.mixtures:
            return values(recent).to(self.w_hist.dtype) @ self.w_hist
        result: Tensor = self.embed_now(recent[..., -1]) + self.embed_before(recent[..., -2])
        return result

    def _head(self, skip: Tensor) -> Tensor:
        out = F.relu(skip + self.b_skip)
        out = F.relu(out @ self.w_head + self.b_head)
        return out @ self.w_out + self.b_out


def drive_inputs(signal: Tensor, config: WaveNetConfig) -> Tensor:
    """What `WaveNet.drive` multiplies, ``[b, t, drive_channels]``: the source's window about each sample, companded and linear."""
    if not config.source_window:
        return signal
    both = torch.cat([compand_tensor(signal), SOURCE_GAIN * signal], -1).unflatten(-1, (2, -1))
    result: Tensor = both.unfold(-1, 2 * config.source_window + 1, 1).transpose(1, 2).flatten(2)
    return result


class _TwoSidedContext(nn.Module):
    """Two convolutions over frames, seeing past and future: the score is known ahead."""

    def __init__(self, config: WaveNetConfig):
        super().__init__()
        c, width = config, config.context_width
        self.first = nn.Conv1d(c.input_channels, c.context_channels, width, padding=width // 2)
        self.second = nn.Conv1d(
            c.context_channels, c.context_channels, width, padding=width // 2 * c.context_dilation, dilation=c.context_dilation
        )
        self.last = nn.Linear(c.context_channels, c.conditioning_channels)

    def forward(self, frames: Tensor) -> Tensor:
        """``[b, f, input_channels]`` to y, ``[b, f, conditioning_channels]``."""
        hidden = F.relu(self.first(frames.transpose(1, 2)))
        hidden = hidden + F.relu(self.second(hidden))
        return F.relu(self.last(hidden.transpose(1, 2)))


class _CausalContext(nn.Module):
    """The paper's reduction: one causal convolution of width 2, 128 → 16 channels, no nonlinearity."""

    def __init__(self, config: WaveNetConfig):
        super().__init__()
        self.reduce = nn.Conv1d(config.input_channels, config.conditioning_channels, 2)

    def forward(self, frames: Tensor) -> Tensor:
        """``[b, f, input_channels]`` to y, ``[b, f, conditioning_channels]``."""
        result: Tensor = self.reduce(F.pad(frames.transpose(1, 2), (1, 0))).transpose(1, 2)
        return result


def _residual_layer(h: Tensor, dilation: int, hop: int, row: Tensor, w_gate: Tensor, w_res: Tensor, b_res: Tensor) -> tuple[Tensor, Tensor]:
    """The residual stream ``[b, t, residual]`` after a layer, and z of equation 3; ``w_gate`` holds the products on the present and on the past."""
    now, past = (h @ w_gate).chunk(2, dim=-1)
    a = now + _delay(past, dilation)
    z = _gate((a.unflatten(1, (-1, hop)) + row[:, :, None]).flatten(1, 2))
    return h + z @ w_res + b_res, z


def _gate(a: Tensor) -> Tensor:
    filtered, gated = a.chunk(2, dim=-1)
    return torch.tanh(filtered) * torch.sigmoid(gated)


def _delay(x: Tensor, by: int) -> Tensor:
    """``[b, t, c]`` shifted ``by`` samples later, zeros before."""
    return F.pad(x, (0, 0, by, 0))[:, : x.shape[1]]


def _weight(*shape: int, fan_in: int | None = None) -> nn.Parameter:
    """Uniform within ±sqrt(1 / fan_in), the bound of torch's own linear layers."""
    bound = (1.0 / (fan_in or shape[-2])) ** 0.5
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
