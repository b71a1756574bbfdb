"""Evaluation of a listening test: listeners' files in, tables out. The neighbouring files define each figure."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.listening.abx import Discrimination, discrimination
from orchestrion.evaluation.listening.answers import Clips, Session, read_key, read_sessions
from orchestrion.evaluation.listening.attention import Attention, attention_of
from orchestrion.evaluation.listening.pairs import PairChoices, Strength, strengths
from orchestrion.evaluation.listening.power import SampleSize, ratings_needed
from orchestrion.evaluation.listening.ranks import RankTest, rank_test
from orchestrion.evaluation.listening.ratings import MeanRating, Ratings, mean_rating


@dataclass(frozen=True, slots=True)
class Listener:
    """A listener's file, how attentive he was, and whether he counts."""

    listener: str
    file: str
    attention: Attention
    left_out: bool
    complete: bool | None
    check_failures: int

    def to_dict(self) -> dict[str, object]:
        """JSON-able, the attention's figures among the others."""
        last = {"left_out": self.left_out, "complete": self.complete, "check_failures": self.check_failures}
        return {"listener": self.listener, "file": self.file, **asdict(self.attention), **last}


@dataclass(frozen=True, slots=True)
class RatingResults:
    """Mean ratings by system, whether they differ by clip and by single rating, and how many ratings a difference needs."""

    means: dict[str, MeanRating]
    of_clips: RankTest
    of_single_ratings: RankTest
    power: SampleSize

    def to_dict(self) -> dict[str, object]:
        """JSON-able."""
        return {
            "ratings": {name: asdict(mean) for name, mean in self.means.items()},
            "ranks": {"of_clips": _plain(self.of_clips), "of_single_ratings": _plain(self.of_single_ratings)},
            "power": asdict(self.power),
        }


@dataclass(frozen=True, slots=True)
class Results:
    """All figures of a listening test; ``ratings`` or ``pairs`` None where nobody rated or chose."""

    study: str
    systems: object
    listeners: list[Listener]
    ratings: RatingResults | None
    pairs: dict[str, Strength] | None
    abx: dict[str, Discrimination] | None
    notes: list[str]

    def to_dict(self) -> dict[str, object]:
        """JSON-able; see `evaluate_answers`."""
        given = {"study": self.study, "systems": self.systems, "listeners": [each.to_dict() for each in self.listeners]}
        rated = {} if self.ratings is None else self.ratings.to_dict()
        chosen = {} if self.pairs is None else {"pairs": {name: asdict(found) for name, found in self.pairs.items()}}
        told = {} if self.abx is None else {"abx": {name: asdict(found) for name, found in self.abx.items()}}
        return {**given, **rated, **chosen, **told, "notes": self.notes}


def evaluate_answers(
    files: Sequence[str | os.PathLike[str]],
    key_file: str | os.PathLike[str],
    *,
    difference: float = 0.2,
    keep_all: bool = False,
    seed: int = 0,
) -> dict[str, object]:
    """All figures of a listening test, ready for JSON.

    Args:
        files: what listeners downloaded, JSON or CSV.
        difference: of mean ratings, to plan for.
        keep_all: leave no listener out.

    Returns:
        ``listeners`` (each with attention and, where left out, why), ``ratings`` by system, ``ranks``, ``power``,
        ``pairs`` by system, ``abx`` by two systems, and ``notes``.

    Raises:
        OrchestrionError: see `read_key` and `read_session`; nobody is left.
    """
    return evaluate(files, key_file, difference=difference, keep_all=keep_all, seed=seed).to_dict()


def evaluate(
    files: Sequence[str | os.PathLike[str]],
    key_file: str | os.PathLike[str],
    *,
    difference: float = 0.2,
    keep_all: bool = False,
    seed: int = 0,
) -> Results:
    """The evaluation of `evaluate_answers` before it becomes JSON."""
    key = read_key(key_file)
    sessions, dropped = read_sessions(files, key)
    attention = {session.listener: attention_of(session, key.completion_code) for session in sessions}
    kept = [session for session in sessions if keep_all or attention[session.listener].reason is None]
    if not any(session.ratings or session.choices or session.told for session in kept):
        raise OrchestrionError("No answers are left to evaluate: all listeners were left out; see --keep-all.")
    rng = np.random.default_rng(seed)
    return Results(
        study=key.study,
        systems=key.systems,
        listeners=[
            Listener(each.listener, each.file, attention[each.listener], each not in kept, each.is_complete, each.check_failures)
            for each in sessions
        ],
        ratings=_of_ratings(kept, key.clips, difference, rng),
        pairs=_of_choices(kept, key.clips, rng),
        abx=_of_told(kept, key.clips),
        notes=[f"{file} is left out: another file of that listener holds more." for file in dropped],
    )


def _of_ratings(
    sessions: Sequence[Session], clips: Clips, difference: float, rng: np.random.Generator
) -> RatingResults | None:
    rows = [
        (rated.rating, session.listener, rated.clip, clips[rated.clip]["system"])
        for session in sessions
        for rated in session.ratings
        if not rated.is_repeat
    ]
    if not rows:
        return None
    values, listeners, clip, systems = (np.array(column) for column in zip(*rows, strict=True))
    values = values.astype(float)
    names = sorted(set(systems.tolist()))
    of = {name: systems == name for name in names}
    means = {name: mean_rating(Ratings(values[at], listeners[at], clip[at]), rng) for name, at in of.items()}
    by_clip = _clip_means(values, listeners, clip)
    groups = {name: np.array([by_clip[c] for c in sorted(set(clip[at]))]) for name, at in of.items()}
    single = {name: values[at] for name, at in of.items()}
    return RatingResults(
        means, rank_test(groups), rank_test(single), ratings_needed(values, listeners, clip, systems, difference)
    )


def _of_told(sessions: Sequence[Session], clips: Clips) -> dict[str, Discrimination] | None:
    rows: dict[str, list[bool]] = {}
    for told in (told for session in sessions for told in session.told):
        rows.setdefault(" / ".join(sorted((clips[told.a]["system"], clips[told.b]["system"]))), []).append(told.is_right)
    return {name: discrimination(sum(right), len(right)) for name, right in sorted(rows.items())} or None


def _plain(test: RankTest) -> dict[str, object]:
    return asdict(test) | {"differences": [asdict(row) for row in test.differences]}


def _clip_means(values: np.ndarray, listeners: np.ndarray, clips: np.ndarray) -> dict[str, float]:
    """The mean of each clip's ratings, each listener's own mean taken out and the general mean put back."""
    own = {name: values[listeners == name].mean() for name in set(listeners)}
    centred = values - np.array([own[name] for name in listeners]) + values.mean()
    return {name: float(centred[clips == name].mean()) for name in set(clips)}


def _of_choices(sessions: Sequence[Session], clips: Clips, rng: np.random.Generator) -> dict[str, Strength] | None:
    rows = [
        (clips[c.winner]["system"], clips[c.loser]["system"], session.listener, clips[c.winner]["item"])
        for session in sessions
        for c in session.choices
        if not c.is_repeat
    ]
    if not rows:
        return None
    names = sorted({name for row in rows for name in row[:2]})
    winners, losers = (np.array([names.index(row[i]) for row in rows]) for i in (0, 1))
    listeners, items = (np.array([row[i] for row in rows]) for i in (2, 3))
    found = strengths(PairChoices(winners, losers, listeners, items), len(names), rng)
    return dict(zip(names, found, strict=True))
