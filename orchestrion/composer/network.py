"""The biaxial LSTM: one recurrent net along time, shared by all pitches; one along pitch, from low to high.

    previous step ─features─▶ time axis (LSTM over s, batch b·p) ─▶ note axis (LSTM over p, batch b·s) ─▶ 2 logits
    earlier bars ─────▲  ▲    the note below as drawn, the chord below ─▲
    given notes ─▶ foresight (LSTM over s backwards, batch b·p)

Johnson, "Composing Music With Recurrent Neural Networks" (2015), and EvoMUSART 2017.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from orchestrion.composer.config import ComposerConfig
from orchestrion.composer.features import chord_below, given_inputs, note_inputs, previous_steps
from orchestrion.composer.recurrence import LstmInBfloat16


class Lstm(nn.Module):
    """One LSTM layer with a single bias: gates i, f, g, o in ``w_in`` [4u, i], ``w_hidden`` [4u, u], ``bias`` [4u]."""

    def __init__(self, n_inputs: int, n_units: int):
        super().__init__()
        bound = 1 / math.sqrt(n_units)
        self.w_in = nn.Parameter(torch.empty(4 * n_units, n_inputs).uniform_(-bound, bound))
        self.w_hidden = nn.Parameter(torch.empty(4 * n_units, n_units).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(4 * n_units))
        with torch.no_grad():
            self.bias[n_units : 2 * n_units] = 1  # begin by remembering

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[time, batch, i] → [time, batch, u], from a zero state."""
        if self.training and x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            result: torch.Tensor = LstmInBfloat16.apply(x, self.w_in, self.w_hidden, self.bias)
            return result
        zero = x.new_zeros(1, x.shape[1], self.w_hidden.shape[1])
        weights = [self.w_in, self.w_hidden, self.bias, torch.zeros_like(self.bias)]
        return torch.lstm(x, (zero, zero), weights, True, 1, 0.0, self.training, False, False)[0]


class Biaxial(nn.Module):
    """``forward`` gives the logits of whole grids; its twin, one step at a time, is ``sampler.Sampler``."""

    def __init__(self, config: ComposerConfig):
        super().__init__()
        self.config = config
        n_time = len(config.time_sizes)
        self.time_axis = nn.ModuleList(Lstm(*sizes) for sizes in config.layers[:n_time])
        self.note_axis = nn.ModuleList(Lstm(*sizes) for sizes in config.layers[n_time : n_time + len(config.note_sizes)])
        self.foresight = Lstm(*config.layers[-1]) if config.foresight else None
        self.out = nn.Linear(config.note_sizes[-1], 2)
        nn.init.constant_(self.out.bias, -3.0)  # few notes sound: begin near their frequency

    def forward(
        self,
        grid: torch.Tensor,
        clock: torch.Tensor,
        before: torch.Tensor | None = None,
        heard: torch.Tensor | None = None,
        memory: torch.Tensor | None = None,
        given: torch.Tensor | None = None,
        lowest: torch.Tensor | None = None,
        ahead: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Logits [b, s, p, 2] of (play, articulate) given all earlier steps and the lower notes of the same step.

        Args:
            grid: [b, s, p, 2] in 0/1, (sounding, articulated), pitches ``config.pitch_low`` … ``pitch_high``.
            clock: [b, s, w] from ``features.clock_rows``.
            before: [b, p, 2], the step before the first; silence when None.
            heard: [b, s, p, 2], what stands for ``grid`` as the past of later steps; None for the same.
            memory: [b, s, m, p, 2], the rolls of earlier bars (`features`); None for silence.
            given: [b, s, p, 3], (known, sounding, articulated) of notes that are known beforehand, zeros where they are not;
                None where none are. They are seen from the first step on.
            lowest: [b], where each piece is given p keys of the keyboard alone, outside which nothing sounds: the index of the
                first. The note axis begins there, so that chances differ slightly from those on the whole keyboard.
            ahead: [b, s, p, foresight], what is heard of the given notes, instead of what ``look_ahead`` makes of them.
        """
        previous = previous_steps(grid if heard is None else heard)
        if before is not None:
            previous = torch.cat([before[:, None], previous[:, 1:]], dim=1)
        inputs = note_inputs(previous, clock, self.config, memory, lowest)
        if self.foresight is not None:
            if ahead is None:
                ahead = self.look_ahead(given, lowest) if given is not None else inputs.new_zeros(*inputs.shape[:-1], self.config.foresight)
            inputs = torch.cat([inputs, ahead.to(inputs)], dim=-1)
        first = None if not self.config.hears_chord else (grid.new_zeros(len(grid), dtype=torch.long) if lowest is None else lowest)
        chord = None if first is None else chord_below(grid, first + self.config.pitch_low)
        return self._along_notes(self._along_time(inputs), grid, chord)

    def look_ahead(self, given: torch.Tensor, lowest: torch.Tensor | None = None) -> torch.Tensor:
        """What step s should know of the ``given`` notes [b, s, p, 3] from s on: [b, s, p, foresight], zeros where a piece has none."""
        assert self.foresight is not None
        b, s, p, _ = given.shape
        first = given.new_zeros(b, dtype=torch.long) if lowest is None else lowest
        x = given_inputs(given, first + self.config.pitch_low).transpose(0, 1).reshape(s, b * p, -1)
        ahead = self.foresight(x.flip(0)).flip(0).view(s, b, p, -1).transpose(0, 1)
        result: torch.Tensor = ahead * (given[..., 0] > 0).flatten(1).any(dim=1)[:, None, None, None]
        return result

    def _along_time(self, inputs: torch.Tensor) -> torch.Tensor:
        b, s, p, _ = inputs.shape
        x = inputs.transpose(0, 1).reshape(s, b * p, -1)
        for layer in self.time_axis:
            x = self._dropped(layer(x))
        return x.view(s, b, p, -1)

    def _along_notes(self, thoughts: torch.Tensor, grid: torch.Tensor, chord: torch.Tensor | None) -> torch.Tensor:
        s, b, p, _ = thoughts.shape
        below = torch.nn.functional.pad(grid, (0, 0, 1, 0))[:, :, :-1]  # the lowest note has silence below it
        if chord is not None:
            below = torch.cat([below, chord], dim=-1)
        x = torch.cat([thoughts.permute(2, 0, 1, 3), below.permute(2, 1, 0, 3).to(thoughts)], dim=-1).reshape(
            p, s * b, -1
        )
        for layer in self.note_axis:
            x = self._dropped(layer(x))
        result: torch.Tensor = self.out(x).view(p, s, b, 2).permute(2, 1, 0, 3)
        return result

    def _dropped(self, x: torch.Tensor) -> torch.Tensor:
        """Dropout with one mask a sequence, the same along the recurrent axis, as in the published program."""
        if not self.training or self.config.dropout == 0:
            return x
        keep = 1 - self.config.dropout
        mask = torch.empty(1, *x.shape[1:], dtype=x.dtype, device=x.device).bernoulli_(keep) / keep
        return x * mask
