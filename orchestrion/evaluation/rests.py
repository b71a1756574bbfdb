"""Does an instrument fall silent where the score rests? Every pitch once by itself, and a rest after it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from orchestrion.bridge import Note, Part, Score, Waveform
from orchestrion.evaluation.audio_checks import RELEASE_S, rest_levels

NOTE_S, REST_S = 0.5, 1.0
VELOCITY = 80


def single_notes(low: int, high: int) -> Score:
    """Every pitch from ``low`` to ``high`` for half a second, with a second's rest after each."""
    return Score((Part("single notes", 0, tuple(_note(place, low + place) for place in range(high - low + 1))),))


def rests_below_notes(render: Callable[[Score], Waveform], pitch_range: tuple[int, int]) -> dict[int, float]:
    """For each MIDI pitch, how many dB below the note the rest after it lies, half a second after the note's end.

    Levels are RMS. Strings and rooms are still at 20 to 60 there (large is good); below 10 a listener hears no rest.

    Args:
        render: plays a score on the instrument, and a second after its end.
        pitch_range: lowest and highest pitch.
    """
    low, high = pitch_range
    audio = render(single_notes(low, high))
    below = {}
    for place in range(high - low + 1):
        first, last = (round((place + end) * (NOTE_S + REST_S) * audio.sample_rate) for end in (0, 1))
        alone = Waveform(audio.samples[first:last], audio.sample_rate)
        below[low + place] = rest_levels(alone, [_note(0, low + place)], RELEASE_S)["rests_below_notes_db"]
    return below


def summary(below: dict[int, float]) -> dict[str, float]:
    """``rest_below_note_db_median`` and ``rest_below_note_db_worst`` over the pitches of `rests_below_notes`."""
    return {
        "rest_below_note_db_median": float(np.median(list(below.values()))),
        "rest_below_note_db_worst": min(below.values()),
    }


def _note(place: int, pitch: int) -> Note:
    onset_s = place * (NOTE_S + REST_S)
    return Note(onset_s, onset_s + NOTE_S, pitch, VELOCITY)
