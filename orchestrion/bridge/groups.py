"""Channel groups of the conditioning series: what each says of a note, defined once for every renderer.

    sounding   1 while a note is held (the binary series of Manzelli et al. 2018, section 3)
    onset      velocity / 127 in the frame of the attack
    velocity   velocity / 127 while a note is held
    decay      velocity / 127 while held, falling by 1/e every `DECAY_S` since the attack: how old the note is

Each group has a channel a pitch, and is 0 where nothing else is said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from orchestrion.bridge.framenotes import FrameNotes
from orchestrion.score.notes import N_PITCHES

GROUPS = ("sounding", "onset", "velocity", "decay")
DECAY_S = 0.4


def group_values(
    notes: FrameNotes,
    groups: Sequence[str],
    start: int,
    stop: int,
    *,
    frame_s: float,
    pitch_low: int = 0,
    pitch_high: int = N_PITCHES - 1,
) -> np.ndarray:
    """The groups side by side in frames [start, stop): float32 [stop - start, len(groups) * n_pitches].

    A frame's numbers do not depend on the interval that it was asked for in, so that streaming, batching and resuming
    agree bit for bit. Frames before the first note or after the last are silent.

    Args:
        groups: some of `GROUPS`, in the order wanted.
        frame_s: seconds a frame, by which `DECAY_S` is measured.
        pitch_low, pitch_high: MIDI pitches of the first and the last channel of each group; other notes are left out.
    """
    n_pitches = pitch_high - pitch_low + 1
    dense = np.zeros((stop - start, len(groups), n_pitches), dtype=np.float32)
    fall = math.exp(-frame_s / DECAY_S)
    for onset, offset, pitch, velocity in notes.rows(start, stop):
        if not pitch_low <= pitch <= pitch_high:
            continue
        first, last = max(onset, start), min(offset, stop)
        level = velocity / 127
        for channel, group in enumerate(groups):
            cells = dense[first - start : last - start, channel, pitch - pitch_low]
            if group == "sounding":
                cells[:] = 1.0
            elif group == "velocity":
                cells[:] = level
            elif group == "decay":
                cells[:] = level * fall ** np.arange(first - onset, last - onset)
            elif first == onset:
                cells[0] = level
    return dense.reshape(stop - start, len(groups) * n_pitches)
