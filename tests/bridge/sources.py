"""Small harmonic sources whose sound is known."""

from __future__ import annotations

import dataclasses

import numpy as np

from orchestrion.bridge.noise import N_FINE
from orchestrion.bridge.source import N_AGES, SILENT_DB, HarmonicSource, plain_source

RATE, HOP = 24000, 96


def tables(pitches=(60,), levels_db=((-20.0, -26.0, -32.0),), velocities=(100,), **changes) -> HarmonicSource:
    """Pitches in equal temperament; ``levels_db[d][k]`` of partial k + 1 in layer d at all ages, all starting at phase 0."""
    n, k = len(pitches), len(levels_db[0])
    pitch = np.array(pitches)
    level = np.repeat(np.tile(np.array(levels_db, np.float32), n)[:, :, None], N_AGES, axis=2)
    given = {
        "pitch": pitch, "heard": np.ones(n, bool), "f1_hz": 440.0 * 2.0 ** ((pitch - 69) / 12), "inharmonicity": np.zeros(n), "n_partials": np.full(n, k),
        "velocity": np.array(velocities, dtype=np.float64), "level_db": level, "phase": np.zeros(n * k, np.float32),
        "noise_db": np.full((len(velocities), n, N_FINE, N_AGES), SILENT_DB, np.float32), "release_db_s": np.full(n, 120, np.float32),
    }  # fmt: skip
    return dataclasses.replace(plain_source(RATE), **(given | changes))
