import numpy as np
import pytest
from scipy import stats
from scipy.stats import binom

from orchestrion.evaluation.listening.pairs import PairChoices, bradley_terry, strengths
from orchestrion.evaluation.listening.power import ratings_needed
from orchestrion.evaluation.listening.ranks import holm, rank_test
from tests.evaluation.listening.listeners import World


def test_holm_by_hand():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(holm(np.array([0.5, 0.6])), [1.0, 1.0])


def test_dunn_by_hand():
    # Ranks 1-3 against 4-6 without ties: mean ranks 2 and 5, variance 6·7/12 · (1/3 + 1/3).
    found = rank_test({"a": np.array([1.0, 2, 3]), "b": np.array([4.0, 5, 6])})
    z = (2 - 5) / np.sqrt(3.5 * 2 / 3)
    assert found.differences[0].z == pytest.approx(z)
    assert found.differences[0].p == pytest.approx(2 * stats.norm.sf(abs(z)))
    # Of two groups, Kruskal–Wallis is Dunn's z squared, ties or not.
    assert found.h == pytest.approx(z**2)
    tied = rank_test({"a": np.array([1.0, 2, 2, 3]), "b": np.array([2.0, 3, 3, 5])})
    assert tied.h == pytest.approx(tied.differences[0].z ** 2)


def test_nothing_to_compare():
    assert rank_test({"a": np.ones(3), "b": np.ones(3)}).h is None
    assert rank_test({"a": np.arange(3.0)}).p is None
    assert rank_test({"a": np.arange(3.0), "b": np.array([])}).p is None


def test_clips_as_observations_keep_the_promised_error_and_single_ratings_do_not():
    rng, n = np.random.default_rng(0), 200
    world = World(means=(3.0, 3.0, 3.0))
    wrong = {"clips": 0, "ratings": 0}
    for _ in range(n):
        ratings = world.rate(rng, 20, 5)
        wrong["clips"] += rank_test(dict(enumerate(ratings.mean(axis=0)))).p < 0.05
        wrong["ratings"] += rank_test({s: ratings[:, s].ravel() for s in range(3)}).p < 0.05
    assert wrong["clips"] <= binom.ppf(0.999, n, 0.05)
    assert wrong["ratings"] > 0.2 * n


def played(rng: np.random.Generator, strength: np.ndarray, n_listeners: int, n_items: int) -> PairChoices:
    """Every listener chooses once between every two systems for every item."""
    rows = []
    for listener in range(n_listeners):
        for item in range(n_items):
            for a in range(len(strength)):
                for b in range(a):
                    first = rng.random() < 1 / (1 + np.exp(strength[b] - strength[a]))
                    rows.append((a, b, listener, item) if first else (b, a, listener, item))
    return PairChoices(*np.array(rows).T)


def test_bradley_terry_of_two_systems_is_the_log_odds():
    wins = np.array([[0.0, 300.0], [100.0, 0.0]])
    found = bradley_terry(wins[None])[0]
    assert found[0] - found[1] == pytest.approx(np.log(3), abs=0.02)


def test_bradley_terry_finds_the_strengths():
    truth = np.array([-1.0, -0.2, 0.3, 0.9])
    found = strengths(played(np.random.default_rng(0), truth, 20, 20), 4, np.random.default_rng(1), 50)
    np.testing.assert_allclose([row.strength for row in found], truth, atol=0.12)
    assert all(row.n == 3 * 400 for row in found)


def test_bradley_terry_intervals_cover():
    truth, n, hits = np.array([-0.5, 0.0, 0.5]), 40, 0
    rng = np.random.default_rng(3)
    for _ in range(n):
        row = strengths(played(rng, truth, 10, 6), 3, rng, 150)[2]
        hits += row.low <= truth[2] <= row.high
    # At least 93 %: where choices are independent, as here, drawing both listeners and items is on the wide side.
    assert hits >= binom.ppf(0.001, n, 0.93)


def test_a_system_that_never_lost_has_a_finite_strength():
    choices = PairChoices(np.zeros(6, int), np.ones(6, int), np.arange(6), np.arange(6))
    found = strengths(choices, 2, np.random.default_rng(0), 20)
    assert 0.5 < found[0].strength < 5 and found[0].wins == 6 and found[1].wins == 0


def table(world: World, n_listeners: int, n_clips: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    values = world.rate(np.random.default_rng(seed), n_listeners, n_clips)
    listener, system, clip = np.indices(values.shape).reshape(3, -1)
    return values.ravel(), listener, system * n_clips + clip, system


def test_a_difference_of_a_fifth_takes_390_independent_ratings_of_deviation_1():
    rng = np.random.default_rng(0)
    n = 4000
    values = rng.normal(3, 1, 2 * n)
    systems = np.repeat([0, 1], n)
    found = ratings_needed(values, np.arange(2 * n), np.arange(2 * n), systems, 0.2)
    assert found.ratings == pytest.approx(392, rel=0.05)
    # Fifty ratings, as Kalingeri and Grandhe had of each model, find 0.56 at best.
    fifty = ratings_needed(values[:: n // 50], np.arange(2 * 50), np.arange(2 * 50), systems[:: n // 50], 0.2)
    assert fifty.detectable == pytest.approx(0.56, abs=0.12)


def test_clips_bound_what_listeners_can_find():
    found = ratings_needed(*table(World(clip_sd=0.6), 200, 30), 0.2)
    # Clips of deviation 0.6 (about, after rounding and averaging): 2 · 0.36 · (2.8 / 0.2)².
    assert found.clips == pytest.approx(2 * 0.36 * 14**2, rel=0.4)
    assert found.listeners is None
    assert ratings_needed(*table(World(clip_sd=0.0), 200, 30), 0.2).listeners is not None


def test_the_number_of_listeners_is_enough():
    """Power of the difference of two systems of the same clips and listeners, checked by simulation."""
    world = World(means=(3.0, 3.3), clip_sd=0.0)
    planned = ratings_needed(*table(World(means=(3.0, 3.3), clip_sd=0.0), 300, 10), 0.3).listeners
    assert planned is not None
    rng, n, found = np.random.default_rng(5), 300, 0
    for _ in range(n):
        by_listener = world.rate(rng, planned, 10).mean(axis=2)
        found += abs(stats.ttest_rel(by_listener[:, 0], by_listener[:, 1]).statistic) > 1.96 if planned > 1 else 1
    assert found / n > 0.72
