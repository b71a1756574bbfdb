"""The attacks of struck notes as they were recorded: what hammer, pluck or mallet adds to the partials in the first hundredths of a second."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.framenotes import FrameNotes
from orchestrion.bridge.source import ATTACK_S, HarmonicSource, faded
from orchestrion.bridge.sourcesignal import SourceSignal
from orchestrion.datasets.banks.partials import HOP


def with_attacks(source: HarmonicSource, recorded: Mapping[tuple[int, float], np.ndarray]) -> HarmonicSource:
    """``source`` with the attacks of notes.

    Args:
        recorded: by pitch and the velocity of a layer, the note as loud as its layer plays it, float ``[n]`` from its attack on. A note that
            is missing has no attack.
    """
    length = round(ATTACK_S[1] * source.sample_rate)
    share = faded(np.arange(length) / source.sample_rate)
    bare = dataclasses.replace(source, attack=None, noise_db=np.full_like(source.noise_db, -200.0), noise_shape_db=None)
    attack = np.zeros((len(source.velocity), len(source.pitch), length), np.float32)
    for (pitch, velocity), samples in recorded.items():
        layer, row = np.flatnonzero(source.velocity == velocity), np.flatnonzero(source.pitch == pitch)
        if len(layer) and len(row):
            heard = np.zeros(length)
            heard[: min(length, len(samples))] = samples[:length]
            attack[layer[0], row[0]] = share * (heard - _partials(bare, int(row[0]), int(layer[0]), length))
    return dataclasses.replace(source, attack=attack)


def _partials(source: HarmonicSource, row: int, layer: int, length: int) -> np.ndarray:
    """A held note by its partials alone, as loud as its layer, ``[length]``."""
    frames = -(-length // HOP)
    one = dataclasses.replace(
        source, velocity=source.velocity[layer : layer + 1], level_db=source.level_db[layer : layer + 1], noise_db=source.noise_db[layer : layer + 1]
    )
    velocity = int(np.clip(round(float(source.velocity[layer])), 1, 127))
    onset, offset, pitch, loudness = (np.array([value], np.int64) for value in (0, 2 * frames, int(source.pitch[row]), velocity))
    note = FrameNotes(onset, offset, pitch, loudness)
    played = SourceSignal(ConditioningSeries(note, 2 * frames, source.sample_rate, HOP), one).samples(0, frames)[:length]
    # The clock of scores has whole velocities, a layer's middle need not be one.
    return np.asarray(played * (float(source.velocity[layer]) / velocity) ** source.exponent)
