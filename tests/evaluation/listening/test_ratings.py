"""Intervals for mean ratings hold what they promise, for listeners and clips that are simulated."""

import numpy as np
import pytest
from scipy.stats import binom

from orchestrion.evaluation.listening.ratings import Ratings, mean_rating
from tests.evaluation.listening.listeners import World, coverage, of_system

WORLDS = {
    "as Kalingeri and Grandhe, 10 listeners and 5 clips": (World(), 10, 5, 1.0),
    "more of both": (World(), 20, 8, 1.0),
    "clips that differ much": (World(clip_sd=0.8, rest_sd=0.6), 20, 6, 1.0),
    "listeners that differ much": (World(listener_sd=0.9, clip_sd=0.2), 20, 8, 1.0),
    "half of the ratings missing": (World(), 20, 6, 0.5),
    "near the ends of the scale": (World(means=(1.4, 4.6)), 12, 6, 1.0),
}


def test_intervals_cover_the_truth():
    n = 150
    world = World(means=(2.4,))
    found = coverage(world, 10, 5, n, n_resamples=300)
    # Between 93 and 97 %, give or take what 150 tests can tell (99.9 %).
    assert binom.ppf(0.0005, n, 0.93) <= found * n <= binom.ppf(0.9995, n, 0.97)


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_intervals_cover_the_truth_in_93_to_97_of_100(name):
    world, n_listeners, n_clips, share = WORLDS[name]
    found = coverage(world, n_listeners, n_clips, 2000, share=share)
    # The systems of one test share their listeners, so that 2,000 tests of two or three systems are good to about 1 %.
    assert 0.93 - 0.005 <= found <= 0.97 + 0.005


def test_where_neither_listeners_nor_clips_differ_intervals_are_wide_rather_than_narrow():
    assert coverage(World(means=(3.0,), listener_sd=0, clip_sd=0), 10, 5, 100, n_resamples=200) >= 0.94


def test_ratings_treated_as_independent_would_promise_too_much():
    """What the interval is for: the usual one, over single ratings, covers far less."""
    rng, world, hits = np.random.default_rng(0), World(means=(3.0,)), []
    for _ in range(200):
        values = world.rate(rng, 20, 5).ravel()
        half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
        hits.append(abs(values.mean() - world.true_means()[0]) <= half)
    assert np.mean(hits) < 0.75


def test_the_same_seed_gives_the_same_interval():
    ratings = of_system(World().rate(np.random.default_rng(1), 8, 5)[:, 0], np.random.default_rng(2))
    one, other = (mean_rating(ratings, np.random.default_rng(7)) for _ in range(2))
    assert one == other and one.low < one.mean < one.high
    assert (one.n_ratings, one.n_listeners, one.n_clips) == (40, 8, 5)


def test_one_listener_or_one_clip_has_no_interval():
    values = np.array([1.0, 2.0, 3.0])
    alone = mean_rating(Ratings(values, np.zeros(3, int), np.arange(3)), np.random.default_rng(0))
    assert alone.mean == 2 and alone.low is None
    assert mean_rating(Ratings(values, np.arange(3), np.zeros(3, int)), np.random.default_rng(0)).high is None


def test_equal_ratings_have_an_interval_of_no_width_within_the_scale():
    same = mean_rating(of_system(np.full((5, 4), 5.0), np.random.default_rng(0)), np.random.default_rng(0))
    assert same.low == same.mean == same.high == 5
