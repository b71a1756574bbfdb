"""Hypothesis strategies for scores."""

from itertools import pairwise

from hypothesis import strategies as st

from orchestrion.score import Meter, Note, Part, Score, Tempo

PITCHES = st.integers(0, 127)
VELOCITIES = st.integers(1, 127)


@st.composite
def notes(draw, longest_s: float = 5.0, latest_s: float = 60.0):
    """A note anywhere in the first minute."""
    onset_s = draw(st.floats(0.0, latest_s))
    return Note(onset_s, onset_s + draw(st.floats(1e-3, longest_s)), draw(PITCHES), draw(VELOCITIES))


@st.composite
def grid_cells(draw, n_steps: int = 40, pitches=PITCHES):
    """Notes (onset step, offset step, pitch) of which no two of one pitch overlap; some repeat without a gap."""
    cells = []
    for pitch in draw(st.lists(pitches, max_size=4, unique=True)):
        bounds = sorted(draw(st.sets(st.integers(0, n_steps), min_size=2, max_size=8)))
        for start, stop in pairwise(bounds):
            if draw(st.booleans()):
                cells.append((start, stop, pitch))
    return sorted(cells)


@st.composite
def scores(draw):
    """Scores with several parts, tempo and meter changes; notes of one pitch in one part do not overlap."""
    parts = []
    for index in range(draw(st.integers(1, 3))):
        cells = draw(grid_cells())
        step_s = draw(st.floats(0.05, 0.5))
        made = tuple(Note(a * step_s, b * step_s, pitch, draw(VELOCITIES)) for a, b, pitch in cells)
        parts.append(Part(f"part {index}", draw(st.integers(0, 127)), made, draw(st.booleans())))
    # Times further apart than a tick, and tempos that stay different when a file rounds them.
    tempos = [Tempo(0.0, draw(st.integers(20, 300)) + 0.25)]
    tempos += [Tempo(at / 3, draw(st.integers(20, 300)) / 1.7) for at in draw(st.sets(st.integers(1, 60), max_size=3))]
    meters = [Meter(0.0, draw(st.integers(1, 12)), draw(st.sampled_from([2, 4, 8])))]
    return Score(tuple(parts), tuple(tempos), tuple(meters), draw(st.sampled_from(["", "Süß", "A tune"])))
