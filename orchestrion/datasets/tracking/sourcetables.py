"""The tables of a `HarmonicSource` out of what was found in recordings."""

from __future__ import annotations

import math

import numpy as np

from orchestrion.bridge.noise import refined
from orchestrion.bridge.source import SILENT_DB, HarmonicSource, Vibrato
from orchestrion.datasets.tracking.levels import MIDDLE_VELOCITY, MOST_PARTIALS, Levels, velocity_units
from orchestrion.datasets.tracking.residue import NoiseTable
from orchestrion.datasets.tracking.tracker import Model

LAYERS = (20, 45, 75, 110)  # velocities, between which a source goes straight in what differs from its power law
NOTES_HEARD = 2  # from so many on a pitch counts as heard
DB_OF_AN_EXPONENT = 20 / math.log(10) / MIDDLE_VELOCITY  # a unit of velocity, at velocity 64
SPARE_DB = 6.0  # partials that never come within this of the quietest are left out


def source_of(model: Model, levels: Levels, noise: NoiseTable, phases: np.ndarray, sample_rate: int, vibrato: Vibrato) -> HarmonicSource:
    """One row for every pitch of the tuning curve; those heard less than twice are marked as filled.

    Args:
        phases: complex ``[128, partials]`` whose angles are the partials' phases at the attack.
    """
    pitches = np.array(sorted(model.tuning))
    units = np.array([velocity_units(float(v)) for v in LAYERS])
    noise_db = refined(noise.db())
    columns, counts = [], []
    for pitch in pitches:
        f1, b = model.tuning[int(pitch)]
        k = np.arange(1, MOST_PARTIALS + 1)
        below = int(np.sum(k * np.sqrt((1 + b * k * k) / (1 + b)) * f1 < model.highest_hz))
        audible = np.flatnonzero(levels.level_db[pitch].max(1) > levels.level_db[pitch].min() + SPARE_DB)
        n = max(1, min(below, int(audible[-1]) + 1 if len(audible) else 1))
        counts.append(n)
        columns.append(levels.level_db[pitch, :n][None] + units[:, None, None] * levels.slope_db[pitch, :n][None, :, None])
    mean_slope = float(np.average(levels.slope_db[pitches, 0], weights=levels.heard[pitches] + 1e-6))
    return HarmonicSource(
        sample_rate, pitches.astype(np.int64), levels.heard[pitches] >= NOTES_HEARD, np.array([model.tuning[int(p)][0] for p in pitches]),
        np.array([model.tuning[int(p)][1] for p in pitches]), np.array(counts, np.int64), np.array(LAYERS, float),
        np.maximum(np.concatenate(columns, 1), SILENT_DB).astype(np.float32),
        np.concatenate([np.angle(phases[p, :n]) for p, n in zip(pitches, counts, strict=True)]).astype(np.float32),
        np.maximum(noise_db[pitches][None] + units[:, None, None, None] * noise.slope_db, SILENT_DB).astype(np.float32),
        levels.release_db_s[pitches].astype(np.float32), vibrato, float(np.clip(mean_slope / DB_OF_AN_EXPONENT, 0.2, 4.0)),
    )  # fmt: skip
