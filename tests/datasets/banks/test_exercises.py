"""Exercises stay within the instrument, begin on frames and cover what they promise."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.datasets.banks.exercises import (
    LOUDEST,
    QUIETEST,
    PhraseNote,
    articulate,
    chord_phrase,
    frames,
    line_phrase,
)


def within(notes: list[PhraseNote], low: int, high: int) -> bool:
    return all(low <= n.pitch <= high and QUIETEST <= n.velocity <= LOUDEST and 0 <= n.onset < n.offset for n in notes)


@given(st.integers(0, 2**32 - 1), st.integers(55, 96))
def test_a_line_never_leaves_the_range_nor_overlaps(seed, pitch):
    notes = line_phrase(pitch, 55, 96, np.random.default_rng(seed))
    assert within(notes, 55, 96)
    assert notes[0].onset == 0 and notes[0].pitch == pitch
    assert all(a.offset <= b.onset for a, b in pairwise(notes))


@given(st.integers(0, 2**32 - 1), st.integers(21, 108))
def test_chords_never_leave_the_range(seed, pitch):
    notes = chord_phrase(pitch, 21, 108, np.random.default_rng(seed))
    assert within(notes, 21, 108)
    sounding = [sum(n.onset <= m.onset < n.offset for n in notes) for m in notes]
    assert max(sounding) <= 5


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 800), min_size=1, max_size=20))
def test_held_notes_end_before_the_next(seed, intervals):
    held = articulate(np.array(intervals), np.random.default_rng(seed))
    assert np.all(held >= 1) and np.all(held <= intervals)
    assert np.all(held >= np.minimum(intervals, frames(0.08)))


@pytest.mark.parametrize("low,high", [(55, 96), (36, 76)])
def test_same_seed_same_phrase(low, high):
    first, second = (line_phrase(60, low, high, np.random.default_rng(5)) for _ in range(2))
    assert first == second
