import numpy as np

from orchestrion.bridge.reach import Reach


def test_a_block_looks_at_the_notes_that_sound_in_it_alone():
    """What keeps two hours at twice the cost of one: the notes looked at do not grow with the score."""
    rng = np.random.default_rng(0)
    for n in (100, 10_000):
        onset = np.sort(rng.integers(0, 50 * n, n))
        end = onset + rng.integers(1, 200, n)
        found = Reach(onset, end).between(2000, 2064)
        assert np.array_equal(found, np.flatnonzero((end > 2000) & (onset < 2064)))
        near = np.searchsorted(np.maximum.accumulate(end), 2000, side="right"), np.searchsorted(onset, 2064)
        assert near[1] - near[0] < 20
