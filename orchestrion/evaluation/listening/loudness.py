"""One loudness for all clips of a listening test.

Every clip is multiplied by one number that brings it to -23 LUFS, or lower (down to -30) if otherwise some clip's peaks would exceed
-1 dB of full scale. Nothing is limited or compressed. A clip whose peaks do not even allow -30 LUFS, such as a burst in near
silence, is made as loud as they do allow and is reported as softer than the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.audio.loudness import integrated_loudness
from orchestrion.errors import OrchestrionError

TARGET_LUFS = -23.0
PEAK_DB = -1.0
LEAST_LUFS = -30.0


@dataclass(frozen=True, slots=True)
class Level:
    """Integrated loudness in LUFS (-inf for silence) and peak in dB of full scale of one clip."""

    lufs: float
    peak_db: float

    @classmethod
    def of(cls, clip: Waveform) -> Level:
        return cls(integrated_loudness(clip), _peak_db(clip))


@dataclass(frozen=True, slots=True)
class Match:
    """The one loudness ``lufs``, the gain in dB that each clip gets, which clips are silent, and by how many dB which
    are softer than the others because of their peaks."""

    gains_db: Mapping[str, float]
    lufs: float
    silent: tuple[str, ...]
    softer_db: Mapping[str, float]


def match_loudness(levels: Mapping[str, Level], target_lufs: float = TARGET_LUFS) -> Match:
    """What brings clips of ``levels`` to one loudness, see above. Silent ones stay as they are.

    Raises:
        OrchestrionError: all are silent.
    """
    heard = {name: level for name, level in levels.items() if np.isfinite(level.lufs)}
    if not heard:
        raise OrchestrionError("All clips are silent; there is nothing to listen to.")
    # How loud each could be made before its peaks reach the limit.
    room = {name: level.lufs + PEAK_DB - level.peak_db for name, level in heard.items()}
    lufs = max(min(target_lufs, *room.values()), LEAST_LUFS)
    softer = {name: lufs - possible for name, possible in room.items() if possible < lufs}
    gains_db = {name: lufs - level.lufs - softer.get(name, 0.0) for name, level in heard.items()}
    silent = tuple(sorted(set(levels) - set(heard)))
    return Match(gains_db | dict.fromkeys(silent, 0.0), lufs, silent, softer)


def amplified(clip: Waveform, gain_db: float) -> Waveform:
    """``clip`` times a gain that keeps it below full scale."""
    return replace(clip, samples=clip.samples * np.float32(10 ** (gain_db / 20)))


def at_one_loudness(clips: Sequence[Waveform]) -> list[Waveform]:
    """``clips`` as loud as each other, for players side by side; those that are silent stay so.

    The one loudness is that of the softest of them, or, where a peak forbids that, as `match_loudness` has it.
    """
    levels = {str(i): Level.of(clip) for i, clip in enumerate(clips)}
    heard = [level.lufs for level in levels.values() if np.isfinite(level.lufs)]
    if not heard:
        return list(clips)
    match = match_loudness(levels, max(min(heard), TARGET_LUFS))
    return [amplified(clip, match.gains_db[str(i)]) for i, clip in enumerate(clips)]


def _peak_db(clip: Waveform) -> float:
    return float(20 * np.log10(max(float(np.abs(clip.samples).max()), 1e-9)))
