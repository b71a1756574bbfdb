"""From listeners' files to tables; see the package's other files for what each figure means."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.listening.answers import Session, read_key, read_sessions
from orchestrion.evaluation.listening.attention import attention_of
from orchestrion.evaluation.listening.pairs import Choices, strengths
from orchestrion.evaluation.listening.power import ratings_needed
from orchestrion.evaluation.listening.ranks import RankTest, rank_test
from orchestrion.evaluation.listening.ratings import Ratings, mean_rating


def evaluate_answers(
    files: Sequence[str | os.PathLike[str]],
    key_file: str | os.PathLike[str],
    *,
    difference: float = 0.2,
    keep_all: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """All figures of a listening test, ready for JSON.

    Args:
        files: what listeners downloaded, JSON or CSV.
        difference: of mean ratings, to plan for.
        keep_all: leave no listener out.

    Returns:
        ``listeners`` (each with attention and, where left out, why), ``ratings`` by system, ``ranks``, ``power``,
        ``pairs`` by system, and ``notes``.

    Raises:
        OrchestrionError: see `read_key` and `read_session`; nobody is left.
    """
    key = read_key(key_file)
    sessions, dropped = read_sessions(files, key)
    options = key.get("options")
    code = options.get("completion_code") if isinstance(options, dict) else None
    attention = {session.listener: attention_of(session, code) for session in sessions}
    kept = [session for session in sessions if keep_all or attention[session.listener].reason is None]
    listeners = [
        {
            "listener": session.listener, "file": session.file, **asdict(attention[session.listener]),
            "left_out": session not in kept, "complete": session.is_complete, "check_failures": session.check_failures,
        }
        for session in sessions
    ]  # fmt: skip
    if not any(session.ratings or session.choices for session in kept):
        raise OrchestrionError("No answers are left to evaluate: all listeners were left out; see --keep-all.")
    rng = np.random.default_rng(seed)
    result: dict[str, Any] = {"study": key["study"], "systems": key.get("systems"), "listeners": listeners}
    result |= _of_ratings(kept, key["clips"], difference, rng)
    result |= _of_choices(kept, key["clips"], rng)
    return result | {"notes": [f"{file} is left out: another file of that listener holds more." for file in dropped]}


def _of_ratings(
    sessions: Sequence[Session], clips: Mapping[str, Mapping[str, str]], difference: float, rng: np.random.Generator
) -> dict[str, Any]:
    rows = [
        (rated.rating, session.listener, rated.clip, clips[rated.clip]["system"])
        for session in sessions
        for rated in session.ratings
        if not rated.is_repeat
    ]
    if not rows:
        return {}
    values, listeners, clip, systems = (np.array(column) for column in zip(*rows, strict=True))
    values = values.astype(float)
    names = sorted(set(systems.tolist()))
    of = {name: systems == name for name in names}
    means = {name: mean_rating(Ratings(values[at], listeners[at], clip[at]), rng) for name, at in of.items()}
    by_clip = _clip_means(values, listeners, clip)
    groups = {name: np.array([by_clip[c] for c in sorted(set(clip[at]))]) for name, at in of.items()}
    return {
        "ratings": {name: asdict(mean) for name, mean in means.items()},
        "ranks": {
            "of_clips": _plain(rank_test(groups)),
            "of_single_ratings": _plain(rank_test({name: values[at] for name, at in of.items()})),
        },
        "power": asdict(ratings_needed(values, listeners, clip, systems, difference)),
    }


def _plain(test: RankTest) -> dict[str, Any]:
    return asdict(test) | {"differences": [asdict(row) for row in test.differences]}


def _clip_means(values: np.ndarray, listeners: np.ndarray, clips: np.ndarray) -> dict[str, float]:
    """The mean of each clip's ratings, each listener's own mean taken out and the general mean put back."""
    own = {name: values[listeners == name].mean() for name in set(listeners)}
    centred = values - np.array([own[name] for name in listeners]) + values.mean()
    return {name: float(centred[clips == name].mean()) for name in set(clips)}


def _of_choices(
    sessions: Sequence[Session], clips: Mapping[str, Mapping[str, str]], rng: np.random.Generator
) -> dict[str, Any]:
    rows = [
        (clips[c.winner]["system"], clips[c.loser]["system"], session.listener, clips[c.winner]["item"])
        for session in sessions
        for c in session.choices
        if not c.is_repeat
    ]
    if not rows:
        return {}
    names = sorted({name for row in rows for name in row[:2]})
    winners, losers = (np.array([names.index(row[i]) for row in rows]) for i in (0, 1))
    listeners, items = (np.array([row[i] for row in rows]) for i in (2, 3))
    found = strengths(Choices(winners, losers, listeners, items), len(names), rng)
    return {"pairs": {name: asdict(strength) for name, strength in zip(names, found, strict=True)}}
