"""What the network itself, in float64, would have drawn: what the players' draws are held against."""

from __future__ import annotations

import numpy as np
import torch

from orchestrion.bridge import ConditioningSeries
from orchestrion.randomness import uniform
from orchestrion.renderer import output
from orchestrion.renderer.features import Features
from orchestrion.renderer.network import WaveNet


@torch.no_grad()
def draws_of_the_network(
    model: WaveNet, series: ConditioningSeries, codes: np.ndarray, seed: int, voice: int, tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """The draws after each of ``codes``, [t], and where u lies within ``tolerance`` of a step of the distribution, [t]: there either side is right."""
    c = model.config
    past, future = c.context_frames
    features = Features(series, c, model.source)
    frames = torch.from_numpy(features.frames(-past, series.n_frames + future))[None].double()
    signal = torch.from_numpy(features.signal(0, series.n_frames))[None].double()
    exact = WaveNet(c).double()
    exact.load_state_dict(model.state_dict())
    rows = exact.conditioning_rows(frames)[:, past : past + series.n_frames]
    previous = torch.from_numpy(np.concatenate([[c.coding.silence], codes[:-1]]).astype(np.int64))[None]
    raw, centre = exact(previous, rows, exact.drive(signal))[0], exact.centre(signal, previous.shape)[0]
    u = uniform(seed, voice, np.arange(len(codes)))
    steps = torch.softmax(raw[:, : c.mixtures] if c.mixtures else raw, dim=-1).cumsum(dim=-1).numpy()
    drawn = output.draw(raw, centre, torch.from_numpy(u)).numpy() if c.mixtures else (steps <= u[:, None]).sum(axis=1)
    return drawn, np.abs(steps - u[:, None]).min(axis=1) < tolerance
