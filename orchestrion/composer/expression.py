"""Velocities and timing with shape: metrical accents, phrase arcs, a broadening at the end. The same score gives the same result.

With ``amount`` 1 a downbeat is 10 louder than an unaccented beat and what lies between beats 8 softer, a phrase of four bars swells by
12 towards its middle, the top line and high notes come out as a pianist plays them (`touch`, learnt from performances), and the last bar
slows down to 65 % of the tempo.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from orchestrion.composer import touch
from orchestrion.composer.cadence import strong_steps
from orchestrion.score import Note, Part, Score, Tempo
from orchestrion.score.tempomap import TempoMap

DOWNBEAT, STRONG, OFF_BEAT = 10.0, 5.0, -8.0
ARC, PHRASE_BARS = 12.0, 4
SLOWEST = 0.65
STEPS_PER_BEAT = 4


def expressed(score: Score, amount: float) -> Score:
    """``score``, of one tempo and meter, played with expression; 0 leaves it as it is."""
    if amount == 0 or not score.notes:
        return score
    before = TempoMap.from_tempos(score.tempos)
    bar_beats, pickup = score.meter.bar_quarters, score.pickup_quarters
    n_bars = max(1, round(np.ceil((float(before.to_beats([score.duration_s])[0]) - pickup) / bar_beats - 1e-6)))
    tempos = _broadening(score.tempos[0].bpm, (n_bars - 1) * bar_beats + pickup, bar_beats, amount)
    after = TempoMap.from_tempos(tempos)
    touched = _touches(score)

    def played(note: Note) -> Note:
        beats = before.to_beats([note.onset_s, note.offset_s])
        onset, offset = after.to_seconds(beats)
        beat = float(beats[0]) - pickup
        louder = accent(beat, score) + arc(beat / bar_beats) + touched[note]
        velocity = int(np.clip(round(note.velocity + amount * louder), 1, 127))
        return replace(note, onset_s=float(onset), offset_s=float(offset), velocity=velocity)

    parts = tuple(Part(part.name, part.program, tuple(map(played, part.notes)), part.is_drum) for part in score.parts)
    return replace(score, parts=parts, tempos=tempos)


def _touches(score: Score) -> dict[Note, float]:
    """What the notes around each add to its velocity; drums are left as they are."""
    pitched = sorted((note for part in score.parts if not part.is_drum for note in part.notes), key=lambda note: note.onset_s)
    found = {note: 0.0 for part in score.parts for note in part.notes}
    if pitched:
        onsets, offsets, pitches = (np.array([getattr(note, name) for note in pitched], dtype=float) for name in ("onset_s", "offset_s", "pitch"))
        found |= dict(zip(pitched, touch.louder(onsets, offsets, pitches).tolist(), strict=True))
    return found


def accent(beat: float, score: Score) -> float:
    """What the place in the bar adds to a velocity."""
    meter = (score.meter.numerator, score.meter.denominator)
    step = beat % score.meter.bar_quarters * STEPS_PER_BEAT
    place = round(step)
    if abs(step - place) > 1e-3 or place % STEPS_PER_BEAT and place not in strong_steps(meter):
        return OFF_BEAT
    return DOWNBEAT if place == 0 else STRONG if place in strong_steps(meter) else 0.0


def arc(bar: float) -> float:
    """What the place in the phrase adds: half of `ARC` less at its ends, half more in its middle."""
    return float(ARC * (np.sin(np.pi * (bar % PHRASE_BARS) / PHRASE_BARS) - 0.5))


def _broadening(bpm: float, begin_beat: float, beats: float, amount: float) -> tuple[Tempo, ...]:
    """A tempo from the start, and slower ones from beat to beat of the last bar."""
    n = max(1, round(beats))
    shares = [1 - (1 - SLOWEST) * amount * (i + 1) / n for i in range(n)]
    tempos, time_s = [Tempo(0.0, bpm)], begin_beat * 60 / bpm
    for share in shares:
        tempos.append(Tempo(time_s, bpm * share))
        time_s += beats / n * 60 / (bpm * share)
    return tuple(tempos)
