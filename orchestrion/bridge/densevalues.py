"""Notes recovered from dense conditioning values: the inverse of `ConditioningSeries.values`."""

from __future__ import annotations

import numpy as np

from orchestrion.bridge.framenotes import FrameNotes
from orchestrion.score.notes import N_PITCHES


def notes_from_values(values: np.ndarray, groups: tuple[str, ...]) -> FrameNotes:
    """The notes that would best explain ``values`` [f, 128 * len(groups)]; the caller checks that they do.

    A note begins where the level held changes to another one above 0, or where there is an attack. With ``onset``
    alone, each note lasts one frame. A note in frame 0 without an attack (where ``onset`` is given) gets onset -1.
    """
    columns = {name: values[:, i * N_PITCHES : (i + 1) * N_PITCHES] for i, name in enumerate(groups)}
    onset = _levels(columns["onset"]) if "onset" in columns else None
    if "velocity" in columns:
        held = _levels(columns["velocity"])
    elif "sounding" in columns:
        held = np.where(_levels(columns["sounding"]) > 0, 127, 0)
    else:
        held = np.zeros((len(values), N_PITCHES), dtype=np.int64) if onset is None else onset
    starts = _starts(held, onset)
    ends = np.vstack([(held[:-1] > 0) & ((held[1:] == 0) | starts[1:]), held[-1:] > 0])
    # Both are read pitch by pitch, so the n-th start and the n-th end of a pitch belong together.
    pitch, onset_frame = np.nonzero(starts.T)
    offset_frame = np.nonzero(ends.T)[1] + 1
    velocity = held[onset_frame, pitch]
    if onset is not None:
        velocity = _attack_velocity(onset, held, onset_frame, pitch, trusted="velocity" in columns)
        began_before = (onset_frame == 0) & (onset[0, pitch] == 0)
        onset_frame = onset_frame - began_before
    order = np.lexsort((pitch, onset_frame))
    return FrameNotes(onset_frame[order], offset_frame[order], pitch[order], velocity[order])


def _levels(group: np.ndarray) -> np.ndarray:
    finite = np.nan_to_num(group, nan=0.0, posinf=0.0, neginf=0.0)
    result: np.ndarray = np.clip(np.floor(finite * 127.0 + 0.5), 0, 127).astype(np.int64)
    return result


def _starts(held: np.ndarray, onset: np.ndarray | None) -> np.ndarray:
    before = np.vstack([np.zeros((1, N_PITCHES), dtype=held.dtype), held[:-1]])
    changed = (held > 0) & (held != before)
    result: np.ndarray = changed if onset is None else changed | ((onset > 0) & (held > 0))
    return result


def _attack_velocity(
    onset: np.ndarray, held: np.ndarray, frame: np.ndarray, pitch: np.ndarray, *, trusted: bool
) -> np.ndarray:
    """Velocity of each note: that held where the group ``velocity`` is given (``trusted``), else that of the attack."""
    struck = onset[frame, pitch]
    result: np.ndarray = held[frame, pitch] if trusted else np.where(struck > 0, struck, held[frame, pitch])
    return result
