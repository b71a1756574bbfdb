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
