"""Simulated listeners: each rating is system + listener + clip + chance, rounded to 1 … 5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestrion.evaluation.listening.codes import completion_code
from orchestrion.evaluation.listening.ratings import Ratings


@dataclass(frozen=True)
class World:
    """Means of systems, and the standard deviations of listeners, clips, and of what is left."""

    means: Sequence[float] = (2.4, 3.0, 3.6)
    listener_sd: float = 0.5
    clip_sd: float = 0.4
    rest_sd: float = 0.8

    def rate(self, rng: np.random.Generator, n_listeners: int, n_clips: int) -> np.ndarray:
        """Ratings [listener, system, clip]."""
        listener = rng.normal(0, self.listener_sd, (n_listeners, 1, 1))
        clip = rng.normal(0, self.clip_sd, (1, len(self.means), n_clips))
        rest = rng.normal(0, self.rest_sd, (n_listeners, len(self.means), n_clips))
        return rounded(np.array(self.means)[None, :, None] + listener + clip + rest)

    def true_means(self) -> np.ndarray:
        """Of rounded ratings by all listeners of all clips: the mean over a normal density."""
        z = np.linspace(-6, 6, 20001)
        density = np.exp(-np.square(z) / 2)
        sd = np.sqrt(self.listener_sd**2 + self.clip_sd**2 + self.rest_sd**2)
        return np.array([np.average(rounded(mean + sd * z), weights=density) for mean in self.means])


def rounded(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 1, 5)


def of_system(ratings: np.ndarray, rng: np.random.Generator, share: float = 1.0) -> Ratings:
    """Ratings [listener, clip] as a table, of which each is there with probability ``share``."""
    there = rng.random(ratings.shape) < share
    listeners, clips = np.nonzero(there)
    return Ratings(ratings[there], listeners, clips)


def key(n_systems: int = 3, n_clips: int = 4) -> dict:
    """A key file's content; clip ids are ``s<system>c<clip>``."""
    clips = {
        f"s{s}c{c}": {"system": f"system{s}", "item": f"item{c}"} for s in range(n_systems) for c in range(n_clips)
    }
    return {"format": "orchestrion-listening-key", "version": 1, "study": "5eed", "options": {"completion_code": None},
            "systems": [f"system{s}" for s in range(n_systems)], "clips": clips}  # fmt: skip


def session(
    name: str, ratings: np.ndarray, again: np.ndarray | None = None, wins: Sequence[tuple[str, str]] = ()
) -> dict:
    """A listener's file: ratings [system, clip], those of the first clips once more, and (winner, loser) choices."""
    clips = [f"s{s}c{c}" for s in range(ratings.shape[0]) for c in range(ratings.shape[1])]
    values = ratings.ravel().astype(int).tolist()
    rows = [(clip, value, False) for clip, value in zip(clips, values, strict=True)]
    rows += [(clip, int(value), True) for clip, value in zip(clips, again if again is not None else (), strict=False)]
    answers: list[dict] = [
        {"trial": i, "kind": "rate", "clip": clip, "repeat": repeat, "answer": value, "plays": [1], "seconds": 9.0}
        for i, (clip, value, repeat) in enumerate(rows)
    ]
    answers += [{"kind": "pair", "a": a, "b": b, "repeat": False, "answer": "a", "plays": [1, 1]} for a, b in wins]
    return {"format": "orchestrion-listening", "version": 1, "study": "5eed", "listener": name, "complete": True,
            "code": completion_code("5eed", name), "check_failures": 0, "answers": answers}  # fmt: skip


def coverage(
    world: World, n_listeners: int, n_clips: int, n: int, seed: int = 0, share: float = 1.0, n_resamples: int = 400
) -> float:
    """Share of intervals, over ``n`` tests and all systems, that hold the true mean."""
    from orchestrion.evaluation.listening.ratings import mean_rating

    rng, truth, hits = np.random.default_rng(seed), world.true_means(), []
    for _ in range(n):
        ratings = world.rate(rng, n_listeners, n_clips)
        for system, mean in enumerate(truth):
            found = mean_rating(of_system(ratings[:, system], rng, share), rng, n_resamples)
            assert found.low is not None and found.high is not None
            hits.append(found.low <= mean <= found.high)
    return float(np.mean(hits))
