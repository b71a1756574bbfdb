"""Small composers for tests: every kind of input, few units."""

from dataclasses import replace

import torch

from orchestrion.composer.config import PRESETS, ComposerConfig
from orchestrion.composer.network import Biaxial

TINY_PUBLISHED = replace(PRESETS["repo"], pitch_low=50, pitch_high=70, time_sizes=(10, 9), note_sizes=(8, 7))
TINY_FORM = replace(PRESETS["compact-melodies"], pitch_low=55, pitch_high=79, time_sizes=(12,), note_sizes=(9, 5, 6), foresight=7)
TINY_CHORD = replace(TINY_FORM, hears_chord=True)
TINY_BAR = replace(TINY_FORM, clock="bar", lags_bars=(), foresight=0)


def random_model(config: ComposerConfig, seed: int = 0, bias: float = -1.5) -> Biaxial:
    """Weights large enough that every input matters."""
    torch.manual_seed(seed)
    model = Biaxial(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
        model.out.bias.fill_(bias)
    return model


def random_grid(n_steps: int, n_pitches: int, seed: int = 0) -> torch.Tensor:
    """[1, s, p, 2] in 0/1, nothing articulated that does not sound."""
    generator = torch.Generator().manual_seed(seed)
    grid = (torch.rand(1, n_steps, n_pitches, 2, generator=generator) < 0.3).float()
    grid[..., 1] *= grid[..., 0]
    return grid
