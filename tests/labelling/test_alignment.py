"""Scores on the clock of recordings: the cheapest path, the band around it, and notes where they were played."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.labelling import warping
from orchestrion.labelling.alignment import align
from orchestrion.labelling.warping import warp
from orchestrion.score import Note, Part, Score
from tests.labelling.sounds import played


def cheapest(one: np.ndarray, other: np.ndarray) -> float:
    """The least total cost by the textbook's recursion over all pairs."""
    cost = 0.5 * np.square(one[:, None] - other[None]).sum(axis=2)
    total = np.full((len(one), len(other)), np.inf)
    for i in range(len(one)):
        for j in range(len(other)):
            before = [cost[0, 0]] if i == j == 0 else []
            before += [total[i - 1, j - 1] + 1.5 * cost[i, j]] if i and j else []
            before += [total[i - 1, j] + cost[i, j]] if i else []
            before += [total[i, j - 1] + cost[i, j]] if j else []
            total[i, j] = min(before)
    return float(total[-1, -1])


def cost_of(path: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    costs = 0.5 * np.square(one[path[:, 0]] - other[path[:, 1]]).sum(axis=1)
    diagonal = np.all(np.diff(path, axis=0) == 1, axis=1)
    return float(costs[0] + np.sum(costs[1:] * np.where(diagonal, 1.5, 1.0)))


def test_the_path_is_the_cheapest():
    rng = np.random.default_rng(0)
    one, other = rng.random((30, 4)).astype(np.float32), rng.random((41, 4)).astype(np.float32)
    path = warp(one, other)
    assert tuple(path[0]) == (0, 0) and tuple(path[-1]) == (29, 40)
    assert set(map(tuple, np.diff(path, axis=0))) <= {(1, 1), (1, 0), (0, 1)}
    assert cost_of(path, one, other) == pytest.approx(cheapest(one, other), rel=1e-5)


def test_the_band_finds_what_the_whole_search_finds(monkeypatch):
    rng = np.random.default_rng(1)
    one = np.repeat(rng.random((120, 6)), 6, axis=0).astype(np.float32)
    stretched = np.interp(np.arange(900), np.sort(rng.uniform(0, 900, 40)), np.linspace(0, 719, 40)).astype(int)
    other = one[stretched] + 0.05 * rng.random((900, 6)).astype(np.float32)
    whole = warp(one, other)
    monkeypatch.setattr(warping, "MOST_COARSE_FRAMES", 60)
    assert cost_of(warp(one, other), one, other) <= 1.02 * cost_of(whole, one, other)


def test_memory_grows_with_the_length_and_not_with_its_square(monkeypatch):
    cells: list[int] = []
    plain = warping._path

    def counted(a, b, low, high):
        cells.append(int(np.sum(high - low)))
        return plain(a, b, low, high)

    monkeypatch.setattr(warping, "_path", counted)
    finest = []
    for n in (4000, 8000):
        features = np.repeat(np.random.default_rng(0).random((n // 10, 2)), 10, axis=0).astype(np.float32)
        warp(features, features)
        finest.append(cells[-1])
    assert finest[1] < 2.2 * finest[0] and finest[1] < 8000**2 / 30


def tune() -> tuple[Note, ...]:
    rng = np.random.default_rng(5)
    notes, at_s = [], 0.0
    for _ in range(40):
        pitches = rng.choice(np.arange(48, 80), size=int(rng.integers(1, 4)), replace=False)
        step_s = float(rng.choice([0.2, 0.3, 0.4]))
        notes += [Note(at_s, at_s + 0.9 * step_s, int(pitch), 80) for pitch in pitches]
        at_s += step_s
    return tuple(notes)


def test_a_score_finds_its_performance():
    score = tune()
    knots = np.cumsum([1.2, 2.1, 3.4, 2.2, 5.0, 2.0])  # seconds of the performance, after 1.2 s of silence
    where = np.linspace(0, max(n.offset_s for n in score), len(knots))

    def performed(s: float) -> float:
        return float(np.interp(s, where, knots))

    truth = [Note(performed(n.onset_s), performed(n.offset_s), n.pitch, n.velocity) for n in score]
    found = align(Score((Part("", 0, score),)), played(truth, seconds=17.0))
    assert len(found) == len(score)
    by_order = sorted(truth)
    errors = [min(abs(a.onset_s - b.onset_s) for b in found if b.pitch == a.pitch) for a in by_order]
    assert np.median(errors) < 0.015 and np.mean(np.array(errors) < 0.05) > 0.95


def test_velocities_come_from_the_score_or_else_from_the_sound():
    score = [Note(0.5 * i, 0.5 * i + 0.45, 60 + i, 100 if i % 2 else 40) for i in range(8)]
    audio = played(score)
    assert [note.velocity for note in align(score, audio)] == [note.velocity for note in score]
    flat = [Note(n.onset_s, n.offset_s, n.pitch, 64) for n in score]
    heard = [note.velocity for note in align(flat, audio)]
    assert min(heard[1::2]) > max(heard[0::2])


def test_what_cannot_be_aligned_is_refused():
    audio = played([Note(0.0, 1.0, 60, 80)])
    with pytest.raises(OrchestrionError, match="same piece"):
        align([Note(0.0, 1.0, 60, 80), Note(100.0, 101.0, 62, 80)], audio)
    with pytest.raises(OrchestrionError, match="nothing to align"):
        align([Note(0.0, 1.0, 5, 80)], audio)
