"""`sample-lstm`: 500 samples through an LSTM, one sample out (Xu & Swar 2021, section 4).

The paper gives neither the size nor the loss of this baseline, nor how samples are scaled: here 256 units, the mean
squared error, and amplitudes divided by the RMS of the training audio. Generation feeds predictions back through a
window of 500 samples, so every sample is read by 500 windows; `generate` advances all of these at once, which is the
same numbers as running each from its beginning.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from orchestrion.generators.seeding import at_least, check_length, seed_or_noise
from orchestrion.generators.sequence.config import SampleLstmConfig
from orchestrion.generators.sequence.scale import SampleBySample
from orchestrion.generators.spectral.cells import LstmCell
from orchestrion.progress import Advance

REPORT_SAMPLES = 441


class SampleLstm(SampleBySample):
    """The baseline. ``level`` is the training audio's RMS, which amplitudes are divided by."""

    config: SampleLstmConfig

    def __init__(self, config: SampleLstmConfig):
        super().__init__(config)
        self.loss_of = F.mse_loss
        self.lstm = LstmCell(1, config.hidden)
        self.head = nn.Linear(config.hidden, 1)

    def forward(self, audio: Tensor) -> Tensor:
        """``[b, t]`` (divided by the level) to the prediction after each sample, ``[b, t]``."""
        hidden, _ = self.lstm(audio[..., None])
        result: Tensor = self.head(hidden)[..., 0]
        return result

    @torch.inference_mode()
    def generate(
        self, seed_audio: np.ndarray | None, n_samples: int, seed: int, progress: Advance | None = None, *,
        temperature: float | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Continue ``seed_audio`` (None: noise); the continuation alone, float32 [n_samples].

        Row k of the state belongs to the window that began at a sample n with n % window = k, silence before the seed
        included. The oldest row is read, then set to zero for the window that begins now.
        """
        check_length(n_samples)
        c, level = self.config, float(self.level)
        known = at_least(seed_or_noise(seed_audio, c.window, level, seed), c.window)[-c.window :] / level
        states = (torch.zeros(c.window, c.hidden), torch.zeros(c.window, c.hidden))
        out = np.empty(n_samples, dtype=np.float32)
        samples, off = known.tolist(), self.deviations(n_samples, seed, temperature)
        for n in range(c.window + n_samples - 1):
            states = self.advance(states, n, samples[n])
            if n >= c.window - 1:
                made = n - c.window + 1
                out[made] = float(self.head(states[0][(n + 1) % c.window])[0]) + off[made]
                samples.append(float(out[made]))
                if progress is not None and made % REPORT_SAMPLES == REPORT_SAMPLES - 1:
                    progress(REPORT_SAMPLES)
        result: np.ndarray = np.clip(out * level, -1.0, 1.0)
        return result

    def advance(self, states: tuple[Tensor, Tensor], n: int, sample: float) -> tuple[Tensor, Tensor]:
        """Feed sample number ``n`` to all windows, ``(h, c)`` each ``[window, hidden]``, one of which begins with it."""
        for state in states:
            state[n % self.config.window] = 0.0
        gates = sample * self.lstm.w[0] + self.lstm.b
        return self.lstm.step(gates, *states)
