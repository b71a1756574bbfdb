"""Many scores into audio files: what is finished is skipped, what fails is told at the end, and nothing is played twice.

A take is finished when its audio file and the facts kept of it (the command line's OUT.wav.json) agree: on the checksum of the
score, on that of the settings and weights, and on that of the audio. So a run that was killed goes on where it was, and a
run with other settings, weights or scores plays anew what they change.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from orchestrion import playing
from orchestrion.ensemble import split_parts
from orchestrion.errors import OrchestrionError
from orchestrion.files import refuse_shared_fault
from orchestrion.options import Playing
from orchestrion.processors import usable_processors
from orchestrion.progress import Bar, progress
from orchestrion.renderer.device import choose
from orchestrion.renderer.instrument import TAIL_S, Instrument
from orchestrion.renderer.resuming import discard
from orchestrion.score import Score
from orchestrion.version import VERSION

PLAYED, FINISHED, FAILED = "played", "finished", "failed"
# Takes are played together up to so much audio: enough to keep every processor busy, and what a kill can cost.
TOGETHER_S = {"cpu": 150.0 * usable_processors(), "cuda": 1800.0}
STREAMED_FROM_S = 120.0  # a score that keeps the processors busy alone is written as it is made


@dataclass(frozen=True)
class Take:
    """A score (a file, or the name of a built-in tune), the number of a take of it, and its audio file."""

    source: str
    number: int
    target: Path


@dataclass(frozen=True)
class Outcome:
    """What became of a take: `PLAYED` with its ``facts``, `FINISHED` before this run, or `FAILED` for a ``reason``."""

    take: Take
    status: str
    facts: Mapping[str, object] = field(default_factory=dict)
    reason: str = ""


def render_takes(
    takes: Sequence[Take],
    read: Callable[[str], Score],
    players: Sequence[playing.Player],
    options: Playing,
    *,
    settings: Mapping[str, object] | None = None,
    recorded: Callable[[Path], Mapping[str, object] | None] = lambda target: None,
    strict: bool = False,
    resume: bool = False,
) -> Iterator[Outcome]:
    """Play what is not finished, in the order of ``takes`` but for scores that are played together.

    Args:
        read: gives a source's score.
        settings: JSON-able, all that decides the audio beside score, weights and ``options``.
        recorded: the facts kept of an audio file when it was made, None where there are none.
        strict: raise what fails instead of going on with the other scores.
        resume: keep journals, see `renderer.resuming`; for one player without ``gains_db`` and ``pans``.

    Raises:
        OrchestrionError: a broken instrument; files that cannot be written (a full disk would fail for every score).
    """
    instruments = [Instrument.load(player) for player in players]
    options = replace(options, device=choose(options.device, [player.config for player in instruments], options.storage))
    decisive = {**(settings or {}), **asdict(options), "version": VERSION, "weights": [player.checksum for player in instruments]}
    del decisive["threads"]
    run = _Run(instruments, read, decisive, strict, resume, options)
    if len(takes) == 1:
        yield from run.outcomes(takes, recorded)
        return
    with progress(len(takes), _label(0, len(takes), 0)) as bar:
        counts = {PLAYED: 0, FINISHED: 0, FAILED: 0}
        run.bar = bar
        for outcome in run.outcomes(takes, recorded):
            counts[outcome.status] += 1
            bar.show(sum(counts.values()), _label(counts[PLAYED] + counts[FINISHED], len(takes), counts[FAILED]))
            yield outcome


def _label(n_done: int, n: int, n_failed: int) -> str:
    return f"{n_done} of {n} done" + (f", {n_failed} failed" if n_failed else "")


@dataclass
class _Run:
    instruments: Sequence[Instrument]
    read: Callable[[str], Score]
    decisive: Mapping[str, object]
    strict: bool
    resume: bool
    options: Playing
    bar: Bar | None = None
    checksums: dict[Take, dict[str, str]] = field(default_factory=dict)  # as they were before the score was read

    @property
    def is_alone(self) -> bool:
        return len(self.instruments) == 1 and not self.options.gains_db and not self.options.pans

    def outcomes(self, takes: Sequence[Take], recorded: Callable[[Path], Mapping[str, object] | None]) -> Iterator[Outcome]:
        together: list[tuple[Take, Score]] = []
        together_s = 0.0
        most = playing.VOICES_TOGETHER[self.options.device] // len(self.instruments)
        read = lru_cache(maxsize=1)(self._read)  # takes of one score follow each other
        for take in takes:
            checksums = self._checksums(take)
            if _is_finished(take, checksums, recorded(take.target)):
                yield Outcome(take, FINISHED)
                continue
            try:
                score = read(take.source)
            except OrchestrionError as error:
                yield self._failed(take, error)
                continue
            self.checksums[take] = checksums
            length_s = score.duration_s + TAIL_S
            if self.is_alone and (self.resume or len(takes) == 1 or length_s >= STREAMED_FROM_S):
                yield from self._stream(take, score)
                continue
            if together and (together_s + length_s > TOGETHER_S[self.options.device] or len(together) >= most):
                yield from self._play(together)
                together, together_s = [], 0.0
            together.append((take, score))
            together_s += length_s
        yield from self._play(together)

    def _read(self, source: str) -> Score:
        score = self.read(source)
        if len(self.instruments) > 1:
            playing.check_parts(split_parts(score), self.instruments)
        return score

    def _stream(self, take: Take, score: Score) -> Iterator[Outcome]:
        (instrument,) = self.instruments
        try:
            facts = playing.render_to_file(
                score, instrument, take.target, self.options, take=take.number, resume=self.resume,
                advance=self._advance(score.duration_s + TAIL_S),
            )  # fmt: skip
        except OrchestrionError as error:
            yield self._failed(take, error)
            return
        yield self._played(take, facts)

    def _play(self, together: Sequence[tuple[Take, Score]]) -> Iterator[Outcome]:
        if not together:
            return
        scores = [(score, take.number) for take, score in together]
        # Of an ensemble every player plays the whole length.
        lengths_s = [(score.duration_s + TAIL_S) * len(self.instruments) for _, score in together]
        advance = self._advance(sum(lengths_s), len(together))
        n_written = 0
        try:
            played = playing.play_all(scores, self.instruments, self.options, advance=advance)
            for (take, _), performance in zip(together, played, strict=True):
                performance.audio.write(take.target)
                n_written += 1
                yield self._played(take, performance.facts)
        except OrchestrionError as error:
            left = together[n_written:]
            if len(left) == 1 or self.strict:
                yield self._failed(left[0][0], error)
            else:  # alone, to find out whose fault it is
                refuse_shared_fault(error)
                for one in left:
                    yield from self._play([one])

    def _advance(self, length_s: float, n_takes: int = 1) -> Callable[..., None] | None:
        """Advances the bar of takes by seconds of audio."""
        bar = self.bar
        if bar is None:
            return None

        def advance(n: float = 1) -> None:
            bar(n * n_takes / length_s)

        return advance

    def _played(self, take: Take, facts: Mapping[str, object]) -> Outcome:
        discard(take.target)  # the journal of a run that was killed, for audio that is there now
        checksums = {**self.checksums.pop(take), "audio": checksum_of(take.target)}
        return Outcome(take, PLAYED, {**facts, "checksums": checksums})

    def _failed(self, take: Take, error: OrchestrionError) -> Outcome:
        if self.strict:
            raise error
        refuse_shared_fault(error)
        return Outcome(take, FAILED, reason=" ".join([str(error), *getattr(error, "__notes__", ())]))

    def _checksums(self, take: Take) -> dict[str, str]:
        settings = {**self.decisive, "take": take.number}
        return {"score": checksum_of(take.source), "settings": hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()}


def _is_finished(take: Take, checksums: Mapping[str, str], facts: Mapping[str, object] | None) -> bool:
    known = facts.get("checksums") if facts else None
    if not isinstance(known, dict) or not take.target.is_file() or checksums.items() - known.items():
        return False
    return bool(known.get("audio") == checksum_of(take.target))


def checksum_of(source: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, or of the name where there is none: a built-in tune, which the version decides."""
    try:
        with open(source, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return hashlib.sha256(os.fsencode(source)).hexdigest()
