"""What may be asked of a composition: scale, range, polyphony, as masks over the notes.

Notes are decided one after the other from low to high, each with a chance that depends on those below. A note that is
not allowed has its chance set to zero before it is decided, so no draw is thrown away and what is forbidden never sounds.
"""

from __future__ import annotations

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.score.keys import Key


def allowed_pitches(low: int, high: int, key: Key | None, pitch_range: tuple[int, int] | None) -> np.ndarray:
    """Which of the MIDI numbers ``low`` … ``high`` may sound: uint8 [p].

    Raises:
        OrchestrionError: none may.
    """
    pitches = np.arange(low, high + 1)
    allowed = np.ones(len(pitches), dtype=bool)
    if key is not None:
        allowed &= np.isin(pitches % 12, list(key.classes))
    if pitch_range is not None:
        if not 0 <= pitch_range[0] <= pitch_range[1] <= 127:
            raise OrchestrionError(
                f"A range of pitches is two MIDI numbers, low then high, within 0 to 127, not {pitch_range}."
            )
        allowed &= (pitches >= pitch_range[0]) & (pitches <= pitch_range[1])
    if not allowed.any():
        raise OrchestrionError(
            "No pitch is left: the range and the key have none in common with the model's own range."
        )
    return allowed.astype(np.uint8)


def allowed_by_chords(
    bars: tuple[tuple[frozenset[int], ...], ...], n_steps: int, bar_steps: int, beat_steps: int, scale: frozenset[int], low: int, high: int
) -> np.ndarray:  # fmt: skip
    """Which of the MIDI numbers ``low`` … ``high`` may sound at each step [s, p] uint8; the bars go round.

    On beats the notes of the chord, between them those of ``scale`` as well.
    """
    classes = np.arange(low, high + 1) % 12
    rows = np.zeros((n_steps, len(classes)), dtype=np.uint8)
    for step in range(n_steps):
        bar, place = divmod(step, bar_steps)
        chords = bars[bar % len(bars)]
        chord = chords[place * len(chords) // bar_steps]
        rows[step] = np.isin(classes, list(chord if place % beat_steps == 0 else chord | scale))
    return rows
