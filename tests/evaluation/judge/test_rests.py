"""Single notes and the rests after them."""

import numpy as np
import pytest

from orchestrion.audio import Waveform
from orchestrion.evaluation.judge.rests import rest_summary, rests_below_notes, single_notes
from orchestrion.score import Score

RATE = 16000


def ringing(ring_db: dict[int, float | None]):
    """Plays each note at an amplitude of 0.5, and as far below it as given all through the rest after it; None: not at all."""

    def render(score: Score) -> Waveform:
        time_s = np.arange(round((score.duration_s + 1.0) * RATE)) / RATE
        samples = np.zeros(len(time_s))
        for note in score.notes:
            if ring_db[note.pitch] is None:
                continue
            tone = 0.5 * np.sin(2 * np.pi * 440 * 2 ** ((note.pitch - 69) / 12) * time_s)
            played = (time_s >= note.onset_s) & (time_s < note.offset_s)
            rest = (time_s >= note.offset_s) & (time_s < note.offset_s + 1.0)
            samples += tone * played + tone * rest * 10 ** (-ring_db[note.pitch] / 20)
        return Waveform(samples.astype(np.float32), RATE)

    return render


def test_each_pitch_is_played_once_with_a_rest_after_it():
    score = single_notes(60, 63)
    assert [note.pitch for note in score.notes] == [60, 61, 62, 63]
    gaps = [b.onset_s - a.offset_s for a, b in zip(score.notes, score.notes[1:], strict=False)]
    assert gaps == pytest.approx([1.0] * 3)


def test_what_rings_on_is_found_at_its_pitch():
    below = rests_below_notes(ringing({60: 40.0, 61: 3.0, 62: 60.0}), (60, 62))
    assert below == pytest.approx({60: 40.0, 61: 3.0, 62: 60.0}, abs=0.3)
    found = {"silent_pitches": 0, "rest_below_note_db_median": 40.0, "rest_below_note_db_worst": 3.0}
    assert rest_summary(below) == pytest.approx(found, abs=0.3)


def test_a_note_that_does_not_sound_is_no_rest():
    below = rests_below_notes(ringing({60: 40.0, 61: None, 62: None}), (60, 62))
    assert below[61] is None and below[60] == pytest.approx(40.0, abs=0.3)
    assert rest_summary(below)["silent_pitches"] == 2 and rest_summary(below)["rest_below_note_db_worst"] == below[60]
    assert rest_summary(dict.fromkeys(below)) == {"silent_pitches": 3}
