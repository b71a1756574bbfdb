import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.reading.pedal import pressed, sustained

TIMES = st.integers(0, 50)


def test_the_pedal_is_down_from_64_on_and_repeated_values_change_nothing():
    downs, ups = pressed([(1, 63), (2, 64), (3, 127), (4, 0), (5, 0), (6, 100)], end=9)
    assert downs.tolist() == [2, 6] and ups.tolist() == [4, 9]


def sustain(notes, moves, end=100):
    onset, offset, pitch = (np.array(column, dtype=float) for column in zip(*notes, strict=True))
    return sustained(onset, offset, pitch, *pressed(moves, end)).tolist()


def test_a_released_key_sounds_until_the_pedal_comes_up():
    assert sustain([(0, 2, 60), (0, 5, 64)], [(1, 127), (4, 0)]) == [4, 5]


def test_the_next_attack_of_the_pitch_ends_it_earlier():
    assert sustain([(0, 2, 60), (3, 3.5, 60), (2.5, 3, 64)], [(1, 127), (4, 0)]) == [3, 4, 4]


def test_a_pedal_that_goes_down_with_the_release_does_not_catch():
    assert sustain([(0, 1, 60)], [(1, 127), (4, 0)]) == [1]


def test_a_pedal_that_stays_down_holds_until_the_end():
    assert sustain([(0, 2, 60)], [(1, 127)], end=7) == [7]


@given(
    st.lists(st.tuples(TIMES, st.integers(1, 20), st.integers(60, 62)), min_size=1, max_size=12),
    st.lists(st.tuples(TIMES, st.integers(0, 127)), max_size=8),
)
def test_it_agrees_with_looking_at_one_note_at_a_time(rows, moves):
    moves.sort(key=lambda move: move[0])
    notes = [(start, start + length, pitch) for start, length, pitch in rows]
    downs, ups = pressed(moves, 100)
    expected = []
    for _, offset, pitch in notes:
        end = next((up for down, up in zip(downs, ups, strict=True) if down < offset < up), offset)
        attacks = [start for start, _, other in notes if other == pitch and start >= offset]
        expected.append(min([end, *attacks]) if end > offset else offset)
    assert sustain(notes, moves) == expected
