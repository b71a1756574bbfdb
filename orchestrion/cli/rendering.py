"""Rendering scores into files: what is skipped, what is told of each, and the summary of many."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrion.cli.options import ParamType
from orchestrion.cli.output import (
    check_names,
    printable,
    report,
    settings_file_of,
    write_settings,
)
from orchestrion.cli.streams import echo
from orchestrion.errors import OrchestrionError
from orchestrion.options import Arranging, AudioFormat, Playing
from orchestrion.suffixes import AUDIO_WRITTEN

if TYPE_CHECKING:
    from orchestrion.rendering import Outcome
    from orchestrion.score import Score

MAX_SETTINGS_BYTES = 1 << 20
STATUS_ERROR = 1


class Shard(ParamType):
    """``3/64``: the third of 64 shares."""

    name = "K/N"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        number, slash, count = str(value).partition("/")
        if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count) <= 1_000_000):
            self.fail(f"{value!r} is not a share such as 3/64: one of 1 to 64, of 64.", param, ctx)
        return int(number), int(count)


@dataclass(frozen=True)
class Rendering:
    """What a command was asked: who plays which scores, and how."""

    instruments: Sequence[str]
    arranging: Arranging
    playing: Playing
    wanted: AudioFormat
    resume: bool
    force: bool
    as_json: bool
    cluster: str | None = None

    def arrangement(self) -> dict[str, object]:
        """What of the arranging decides the audio."""
        return {name: value for name, value in asdict(self.arranging).items() if name != "strict"}

    def read(self, source: str) -> Score:
        """The score as it is to be played."""
        from orchestrion.arranging import arranged

        # The end is the playing's, which knows where the whole would have ended.
        return arranged(source, self.arranging if self.arranging.tail else replace(self.arranging, end=None))


def render_files(ctx: click.Context, asked: Rendering, targets: Mapping[str, Sequence[Path]], *, skipping: bool) -> None:
    """Render each score to its files, one a take; ``skipping`` keeps those that are finished, and goes on after failures."""
    from orchestrion.casting import is_assigned
    from orchestrion.cluster import connected
    from orchestrion.renderer.resuming import discard
    from orchestrion.rendering import Take, render_takes

    score_of = lru_cache(maxsize=1)(asked.read)

    @lru_cache(maxsize=1)  # takes of one score follow each other
    def read(source: str) -> Score:
        check_names(targets[source], AUDIO_WRITTEN, resumable=asked.resume)
        score = score_of(source)
        tell_drums(score)
        return score

    def cast(source: str) -> tuple[str, ...]:
        return players_of(score_of(source), asked.instruments, say=len(targets) == 1)

    is_fixed = bool(asked.instruments) and not any(map(is_assigned, asked.instruments))
    players: Sequence[str] | Callable[[str], Sequence[str]] = asked.instruments if is_fixed else lru_cache(maxsize=1)(cast)
    if asked.resume:
        _check_resumable(asked, list(targets), players)
    takes = [Take(source, number, target) for source, paths in targets.items() for number, target in enumerate(paths)]
    if asked.force:
        for take in takes:
            discard(take.target)
    told = _Told(ctx, len(takes), asked.as_json)
    with connected(asked.cluster, partial(echo, err=True)) if asked.cluster else nullcontext() as cluster:
        outcomes = render_takes(
            takes, read, players, asked.playing, settings=asked.arrangement(),
            recorded=_recorded if skipping and not asked.force else lambda target: None,
            strict=len(targets) == 1, resume=asked.resume, wanted=asked.wanted, cluster=cluster,
        )  # fmt: skip
        for outcome in outcomes:
            told.tell(outcome)
    if skipping:
        told.sum_up()


def _check_resumable(asked: Rendering, sources: Sequence[str], players: Sequence[str] | Callable[[str], Sequence[str]]) -> None:
    """Refuse, before anything is played, an ensemble, whichever score asks for one."""

    def count(source: str) -> int:
        try:
            return len(players(source) if callable(players) else players)
        except OrchestrionError:
            return 0  # told of when its turn comes

    if asked.playing.gains_db or asked.playing.pans or any(count(source) > 1 for source in sources):
        raise click.UsageError("--resume is for one instrument, without --gain and --pan; choose one by -i.")


def players_of(score: Score, wishes: Sequence[str] = (), *, say: bool) -> tuple[str, ...]:
    """As `casting.players_of`; ``say``: told where parts are given to several instruments by what they say of themselves."""
    from orchestrion import casting

    players = casting.players_of(score, wishes)
    if say and (not wishes or any(map(casting.is_assigned, wishes))):
        tell_players(score, players, chosen=bool(wishes))
    return tuple(players)


def tell_players(score: Score, players: Sequence[object], *, chosen: bool) -> None:
    """Say who plays which part, where there are several; ``chosen``: by a person, who needs no advice."""
    from orchestrion.ensemble import split_parts

    if len(players) > 1:
        names = [part.parts[0].name or f"part {number}" for number, part in enumerate(split_parts(score), 1)]
        echo(f"Who plays: {', '.join(f'{printable(n)} {p}' for n, p in zip(names, players, strict=True))}{'' if chosen else ' (-i chooses others)'}.", err=True)


def tell_drums(score: Score) -> None:
    """Say which parts are drums, which no instrument plays."""
    drums = [part.name or "drums" for part in score.parts if part.is_drum and part.notes]
    if drums:
        echo(f"Left out: drums ({', '.join(map(printable, drums))}).", err=True)


def _recorded(target: Path) -> dict[str, object] | None:
    """What the settings file of ``target`` says, if there is one that can be read."""
    path = settings_file_of(target)
    try:
        if path.stat().st_size > MAX_SETTINGS_BYTES:
            return None
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


class _Told:
    """Counts outcomes and tells of them: a line for each file written, and a summary where there were many."""

    def __init__(self, ctx: click.Context, n_takes: int, as_json: bool):
        self._ctx, self._n, self._as_json = ctx, n_takes, as_json
        self._n_played = self._n_finished = 0
        self._failed: list[Outcome] = []

    def tell(self, outcome: Outcome) -> None:
        source, target = printable(outcome.take.source), outcome.take.target
        if outcome.status == "failed":
            self._failed.append(outcome)
            if self._as_json:
                echo(json.dumps({"score": source, "error": outcome.reason}))
        elif outcome.status == "finished":
            self._n_finished += 1
            if self._as_json:
                echo(json.dumps({"output": printable(target), "score": source, "skipped": "finished"}))
        else:
            self._n_played += 1
            settings_file = write_settings(target, self._ctx, {"score": source, "take": outcome.take.number, **outcome.facts})
            report(target, settings_file, f"{outcome.facts['duration_s']:.1f} s{self._place(outcome.left_s)}", self._as_json)

    def _place(self, left_s: float) -> str:
        """How far a run of many is, for logs that have no bar."""
        if self._n == 1:
            return ""
        n_done = self._n_played + self._n_finished + len(self._failed)
        failed = f", {len(self._failed)} failed" if self._failed else ""
        return f"; {n_done} of {self._n}{failed}, {_duration(left_s)} left"

    def sum_up(self) -> None:
        """The summary, and a line for each failure, on standard error; status 1 where there was one."""
        for outcome in self._failed:
            source = printable(outcome.take.source)
            reason = outcome.reason if source in outcome.reason else f"{source}: {outcome.reason}"
            echo(f"Failed: {' '.join(reason.split())}", err=True)
        if not self._n:
            echo("There are fewer scores than shares; none is in this one.", err=True)
        elif self._failed or self._n_finished:
            finished = f", {self._n_finished} finished before (--force plays them again)" if self._n_finished else ""
            echo(f"{self._n_played} of {self._n} played{finished}, {len(self._failed)} failed.", err=True)
        if self._failed:
            self._ctx.exit(STATUS_ERROR)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if seconds < 90 else f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"
