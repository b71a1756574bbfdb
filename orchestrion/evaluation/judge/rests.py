"""Does an instrument fall silent in rests? Plays every pitch once alone, followed by a rest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.evaluation.meters.audio_checks import RELEASE_S, rest_levels
from orchestrion.score import Note, Part, Score

NOTE_S, REST_S = 0.5, 1.0
VELOCITY = 80
SILENT_DB = -60.0  # RMS of a note that does not sound, in dB of full scale


def single_notes(low: int, high: int) -> Score:
    """Every pitch from ``low`` to ``high`` for half a second, with a second's rest after each."""
    return Score((Part("single notes", 0, tuple(_note(place, low + place) for place in range(high - low + 1))),))


def rests_below_notes(render: Callable[[Score], Waveform], pitch_range: tuple[int, int]) -> dict[int, float | None]:
    """For each MIDI pitch, how many dB below the note the rest after it lies, half a second after the note's end.

    Levels are RMS. Large is good; below 10 a listener hears no rest. None stands for a note that does not sound at all.

    Args:
        render: plays a score on the instrument, and a second after its end.
        pitch_range: lowest and highest pitch.
    """
    low, high = pitch_range
    audio = render(single_notes(low, high))
    below: dict[int, float | None] = {}
    for place in range(high - low + 1):
        first, last = (round((place + end) * (NOTE_S + REST_S) * audio.sample_rate) for end in (0, 1))
        alone = Waveform(audio.samples[first:last], audio.sample_rate)
        levels = rest_levels(alone, [_note(0, low + place)], RELEASE_S)
        below[low + place] = levels["rests_below_notes_db"] if levels["notes_db"] > SILENT_DB else None
    return below


def rest_summary(below: dict[int, float | None]) -> dict[str, float]:
    """Of `rests_below_notes`: ``silent_pitches``, how many do not sound, and over those that do ``rest_below_note_db_median``
    and ``rest_below_note_db_worst``."""
    sounding = [db for db in below.values() if db is not None]
    found: dict[str, float] = {"silent_pitches": len(below) - len(sounding)}
    if sounding:
        found |= {"rest_below_note_db_median": float(np.median(sounding)), "rest_below_note_db_worst": min(sounding)}
    return found


def _note(place: int, pitch: int) -> Note:
    onset_s = place * (NOTE_S + REST_S)
    return Note(onset_s, onset_s + NOTE_S, pitch, VELOCITY)
