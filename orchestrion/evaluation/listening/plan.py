"""Playlists of a listening test: balanced over systems, drawn once for the whole test.

The page picks one for each listener, shuffles it and repeats some trials. It never knows which system a clip is of. If all clips
and pairs fit into one session, there is one playlist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, cycle, islice
from typing import TypeVar

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.listening.clips import ClipFile

N_LISTS = 24
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Playlist:
    """What one listener hears: ids of clips to rate, pairs of ids to choose between, and ABX trials: pairs with one of them again."""

    rate: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    abx: tuple[tuple[str, str, str], ...] = ()


def make_playlists(
    sources: Mapping[str, ClipFile], n_ratings: int | None, n_pairs: int, rng: np.random.Generator
) -> tuple[Playlist, ...]:
    """Playlists of ``n_ratings`` clips (all of them if None) and ``n_pairs`` pairs.

    Args:
        sources: by the id that the page knows.

    Raises:
        OrchestrionError: fewer ratings than systems, or pairs are asked for and no two systems share an item.
    """
    systems = sorted({source.system for source in sources.values()})
    wanted = len(sources) if n_ratings is None else min(n_ratings, len(sources))
    if 0 < wanted < len(systems):
        raise OrchestrionError(
            f"With {wanted} ratings a listener not every one of the {len(systems)} systems is rated."
        )
    pairs = _pairs(sources)
    if n_pairs and not pairs:
        raise OrchestrionError("No two systems have a clip of the same name, so there are no pairs; ask for 0 pairs.")
    is_whole = wanted in (0, len(sources)) and n_pairs in (0, sum(map(len, pairs.values())))
    return tuple(
        Playlist(_some_clips(sources, systems, wanted, rng), _some_pairs(pairs, n_pairs, rng))
        for _ in range(1 if is_whole else N_LISTS)
    )


def make_abx(
    sources: Mapping[str, ClipFile], n: int, rng: np.random.Generator
) -> tuple[tuple[tuple[str, str, str], ...], dict[str, ClipFile]]:
    """``n`` ABX trials (a, b, x), the same for all listeners, and the clips x: copies under names of their own.

    The pairs of systems come equally often; half of the copies are of each side, by chance.

    Raises:
        OrchestrionError: trials are asked for and no two systems share an item.
    """
    pairs = _pairs(sources)
    if n and not pairs:
        raise OrchestrionError("No two systems have a clip of the same name, so there is nothing to tell apart; ask for 0 ABX trials.")
    trials: list[tuple[str, str, str]] = []
    copies: dict[str, ClipFile] = {}
    waiting: list[tuple[str, str]] = []
    sides = rng.permutation(np.arange(n) % 2)
    while len(trials) < n:
        if not waiting:
            shuffled = [_shuffled(listed, rng) for listed in pairs.values()]
            waiting = [listed[row] for row in range(max(map(len, shuffled))) for listed in shuffled if row < len(listed)]
        a, b = waiting.pop(0)
        again, name = (a, b)[sides[len(trials)]], rng.bytes(5).hex()
        trials.append((a, b, name))
        copies[name] = replace(sources[again], copy_of=again)
    return tuple(trials), copies


def _some_clips(
    sources: Mapping[str, ClipFile], systems: Sequence[str], n: int, rng: np.random.Generator
) -> tuple[str, ...]:
    """The same number of each system, or one more of some."""
    waiting = {name: _shuffled([i for i, source in sources.items() if source.system == name], rng) for name in systems}
    chosen: list[str] = []
    for name in cycle(_shuffled(systems, rng)):
        if len(chosen) >= n or not any(waiting.values()):
            break
        if waiting[name]:
            chosen.append(waiting[name].pop())
    return tuple(sorted(chosen))


def _pairs(sources: Mapping[str, ClipFile]) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Pairs of clip ids of one item, by the two systems."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for one, other in combinations(sorted(sources, key=lambda i: sources[i]), 2):
        first, second = sources[one], sources[other]
        if first.item == second.item and first.system != second.system:
            found.setdefault((first.system, second.system), []).append((one, other))
    return found


def _some_pairs(
    pairs: Mapping[tuple[str, str], list[tuple[str, str]]], n: int, rng: np.random.Generator
) -> tuple[tuple[str, str], ...]:
    """Each two systems equally often, or once more for some, as far as their items reach."""
    waiting = {systems: _shuffled(listed, rng) for systems, listed in pairs.items()}
    chosen: list[tuple[str, str]] = []
    for systems in islice(cycle(_shuffled(list(pairs), rng)), n * len(pairs)) if pairs else ():
        if len(chosen) < n and waiting[systems]:
            chosen.append(waiting[systems].pop())
    return tuple(sorted(chosen))


def _shuffled(items: Sequence[Item], rng: np.random.Generator) -> list[Item]:
    return [items[i] for i in rng.permutation(len(items))]
