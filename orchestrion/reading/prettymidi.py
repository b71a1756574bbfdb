"""Scores from and to `pretty_midi.PrettyMIDI` objects."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from orchestrion.reading import midifile, midiscore
from orchestrion.reading.pedal import pressed, sustained
from orchestrion.score.notearray import notes_of
from orchestrion.score.notes import Meter, Part, Tempo
from orchestrion.score.score import Score

if TYPE_CHECKING:
    import pretty_midi

# A note that ends when it begins, or before, still sounds this long.
SHORTEST_S = 1e-3


def from_pretty_midi(midi: pretty_midi.PrettyMIDI) -> Score:
    """See `Score.from_pretty_midi`."""
    times, bpms = midi.get_tempo_changes()
    tempos = tuple(Tempo(float(time), float(bpm)) for time, bpm in zip(times, bpms, strict=True))
    meters = tuple(Meter(float(m.time), int(m.numerator), int(m.denominator)) for m in midi.time_signature_changes)
    end_s = midi.get_end_time()
    return Score(tuple(_part(instrument, end_s) for instrument in midi.instruments), tempos, meters)


def to_pretty_midi(score: Score) -> pretty_midi.PrettyMIDI:
    """See `Score.to_pretty_midi`."""
    import pretty_midi

    # pretty_midi takes tempo changes from files alone, so it is given one without parts.
    conductor = Score((), score.tempos, score.meters, score.title)
    midi = pretty_midi.PrettyMIDI(io.BytesIO(midifile.encode(midiscore.from_score(conductor))))
    for part in score.parts:
        instrument = pretty_midi.Instrument(part.program, part.is_drum, part.name)
        instrument.notes = [pretty_midi.Note(n.velocity, n.pitch, n.onset_s, n.offset_s) for n in part.notes]
        midi.instruments.append(instrument)
    return midi


def _part(instrument: pretty_midi.Instrument, end_s: float) -> Part:
    notes = instrument.notes
    onset, end, pitch, velocity = np.array([(n.start, n.end, n.pitch, n.velocity) for n in notes]).reshape(-1, 4).T
    offset = np.where(end > onset, end, onset + SHORTEST_S)
    if not instrument.is_drum:
        moves = [(c.time, c.value) for c in instrument.control_changes if c.number == midifile.SUSTAIN]
        downs, ups = pressed(sorted(moves, key=lambda move: move[0]), end_s)
        offset = sustained(onset, offset, pitch, downs, ups)
    return Part(instrument.name, instrument.program, notes_of(onset, offset, pitch, velocity), instrument.is_drum)
