"""Many scores into audio files: what is finished is skipped, what fails is told at the end, and nothing is played twice.

A take is finished when its audio file and the facts kept of it (the command line's OUT.wav.json) agree: on the checksum of the
score, on that of the settings and weights, and on that of the audio. So a run that was killed goes on where it was, and a
run with other settings, weights or scores plays anew what they change.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from orchestrion import playing
from orchestrion.cluster import Cluster, Shared
from orchestrion.ensemble import split_parts
from orchestrion.errors import OrchestrionError
from orchestrion.files import atomic_write, refuse_shared_fault
from orchestrion.options import AudioFormat, Playing
from orchestrion.processors import usable_processors
from orchestrion.progress import ProgressBar, progress
from orchestrion.renderer.device import choose
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.resuming import discard
from orchestrion.renderer.span import Span
from orchestrion.score import Score
from orchestrion.version import VERSION

PLAYED, FINISHED, FAILED = "played", "finished", "failed"
# Takes are played together up to so much audio: enough to keep every processor busy, and what a kill can cost.
TOGETHER_S = {"cpu": 150.0 * usable_processors(), "cuda": 1800.0}
MOST_TOGETHER = 1 << 20  # takes: as many as there are voices
GROUPS_A_WORKER = 4  # of a cluster: the last ones then end at about one time, and a dead worker costs little
STREAMED_FROM_S = 120.0  # a score that keeps the processors busy alone is written as it is made


@dataclass(frozen=True)
class Take:
    """A score (a file, or the name of a built-in tune), the number of a take of it, and its audio file."""

    source: str
    number: int
    target: Path


@dataclass(frozen=True)
class Outcome:
    """What became of a take: `PLAYED` with its ``facts``, `FINISHED` before this run, or `FAILED` for a ``reason``.

    ``left_s``: seconds that the takes to come will last, by what was played so far; 0 while nothing was.
    """

    take: Take
    status: str
    facts: Mapping[str, object] = field(default_factory=dict)
    reason: str = ""
    left_s: float = 0.0


def render_takes(
    takes: Sequence[Take],
    read: Callable[[str], Score],
    players: Sequence[playing.Player] | Callable[[str], Sequence[playing.Player]],
    options: Playing,
    *,
    settings: Mapping[str, object] | None = None,
    recorded: Callable[[Path], Mapping[str, object] | None] = lambda target: None,
    strict: bool = False,
    resume: bool = False,
    wanted: AudioFormat | None = None,
    cluster: Cluster | None = None,
) -> Iterator[Outcome]:
    """Play what is not finished, in the order of ``takes`` but for scores that are played together.

    Scores are read one at a time; in memory are only those that are about to be played together, by the same players.

    Args:
        read: gives a source's score; asked again for the same one at once.
        players: of all scores, or of each source.
        settings: JSON-able, all that decides the audio beside score, weights and ``options``.
        recorded: the facts kept of an audio file when it was made, None where there are none.
        strict: raise what fails instead of going on with the other scores.
        resume: keep journals, see `renderer.resuming`; for one player without ``gains_db`` and ``pans``.
        wanted: rate, channels and bits of the files.
        cluster: plays them, in the order in which its workers are done; what is finished is found out, and files are written, here.

    Raises:
        OrchestrionError: a broken instrument; files that cannot be written (a full disk would fail for every score).
    """
    wanted = wanted or AudioFormat()
    run = _Run(players, read, {**(settings or {}), **asdict(wanted), "version": VERSION}, strict, resume, options, wanted, cluster)
    if not callable(players):
        run.ensemble(tuple(players))  # what is broken is told before anything is read
    if len(takes) == 1 and cluster is None:
        yield from run.outcomes(takes, recorded)
        return
    with progress(len(takes), _label(0, len(takes), 0)) as bar:
        counts = {PLAYED: 0, FINISHED: 0, FAILED: 0}
        run.bar = bar
        for outcome in run.outcomes(takes, recorded):
            counts[outcome.status] += 1
            # Takes are played together, and told one by one: those of a group that are still to be told are done, too.
            run.n_played = max(run.n_played, counts[PLAYED])
            done = run.n_played + counts[FINISHED] + counts[FAILED]
            bar.show(done, _label(counts[PLAYED] + counts[FINISHED], len(takes), counts[FAILED]))
            yield replace(outcome, left_s=run.a_take_s() * max(0.0, len(takes) - done))


def _label(n_done: int, n: int, n_failed: int) -> str:
    return f"{n_done} of {n} done" + (f", {n_failed} failed" if n_failed else "")


@dataclass(frozen=True)
class _Ensemble:
    """Players, the options with their device, and what both decide of the audio."""

    instruments: Sequence[Instrument]
    options: Playing
    decisive: Mapping[str, object]

    @property
    def is_alone(self) -> bool:
        return len(self.instruments) == 1 and not self.options.gains_db and not self.options.pans


@dataclass
class _Waiting:
    """Takes that are to be played together, or one that is written as it is made."""

    ensemble: _Ensemble
    takes: list[tuple[Take, Score]] = field(default_factory=list)
    length_s: float = 0.0
    is_streamed: bool = False


@dataclass
class _Run:
    players: Sequence[playing.Player] | Callable[[str], Sequence[playing.Player]]
    read: Callable[[str], Score]
    settings: Mapping[str, object]
    strict: bool
    resume: bool
    options: Playing
    wanted: AudioFormat
    cluster: Cluster | None = None
    bar: ProgressBar | None = None
    checksums: dict[Take, dict[str, str]] = field(default_factory=dict)  # as they were before the score was read
    ensembles: dict[tuple[playing.Player, ...], _Ensemble] = field(default_factory=dict)
    n_played: float = 0.0  # takes, with parts of those that are being played
    began: float | None = None  # playing

    def a_take_s(self) -> float:
        """Seconds a take, by those that were played; 0 where none was."""
        return (time.monotonic() - self.began) / self.n_played if self.began is not None and self.n_played else 0.0

    def ensemble(self, players: tuple[playing.Player, ...]) -> _Ensemble:
        """These players, loaded once."""
        if players not in self.ensembles:
            instruments = [Instrument.load(player) for player in players]
            device = choose(self.options.device, [player.config for player in instruments], self.options.storage)
            options = replace(self.options, device=device)
            decisive = {**self.settings, **asdict(options), "weights": [player.checksum for player in instruments]}
            del decisive["threads"]
            self.ensembles[players] = _Ensemble(instruments, options, decisive)
        return self.ensembles[players]

    def outcomes(self, takes: Sequence[Take], recorded: Callable[[Path], Mapping[str, object] | None]) -> Iterator[Outcome]:
        if self.cluster is not None:
            yield from self._play_on(self.cluster, self._planned(takes, recorded))
            return
        for planned in self._planned(takes, recorded):
            yield from [planned] if isinstance(planned, Outcome) else self._stream(planned) if planned.is_streamed else self._play(planned)

    def _planned(self, takes: Sequence[Take], recorded: Callable[[Path], Mapping[str, object] | None]) -> Iterator[Outcome | _Waiting]:
        """What needs no playing, and what is to be played together, in turn."""
        most = MOST_TOGETHER if self.cluster is None else max(1, min(MOST_TOGETHER, len(takes) // (GROUPS_A_WORKER * self.cluster.n_workers())))
        waiting: dict[tuple[playing.Player, ...], _Waiting] = {}
        for take in takes:
            try:
                players = tuple(self.players(take.source) if callable(self.players) else self.players)
            except OrchestrionError as error:
                yield self._failed(take, error)
                continue
            ensemble = self.ensemble(players)
            checksums = _checksums(take, ensemble)
            if _is_finished(take, checksums, recorded(take.target)):
                yield Outcome(take, FINISHED)
                continue
            try:
                score = self._read(take.source, ensemble)
                length_s = Span.of(score, ensemble.options).duration_s
            except OrchestrionError as error:
                yield self._failed(take, error)
                continue
            self.checksums[take] = checksums
            if ensemble.is_alone and (self.resume or len(takes) == 1 or length_s >= STREAMED_FROM_S):
                yield _Waiting(ensemble, [(take, score)], length_s, is_streamed=True)
                continue
            # Of all that wait, what takes longest; so that what is in memory is bounded however many players there are.
            most_s = TOGETHER_S[ensemble.options.device]
            while waiting and sum(group.length_s for group in waiting.values()) + length_s > most_s:
                yield waiting.pop(max(waiting, key=lambda key: waiting[key].length_s))
            group = waiting.setdefault(players, _Waiting(ensemble))
            group.takes.append((take, score))
            group.length_s += length_s
            if len(group.takes) >= min(most, playing.VOICES_TOGETHER[ensemble.options.device] // len(players)):
                yield waiting.pop(players)
        yield from waiting.values()

    def _read(self, source: str, ensemble: _Ensemble) -> Score:
        score = self.read(source)
        if len(ensemble.instruments) > 1:
            playing.check_parts(split_parts(score), ensemble.instruments)
        return score

    def _stream(self, group: _Waiting) -> Iterator[Outcome]:
        ensemble, ((take, score),) = group.ensemble, group.takes
        (instrument,) = ensemble.instruments
        before = self.n_played
        try:
            facts = playing.render_to_file(
                score, instrument, take.target, ensemble.options, take=take.number, resume=self.resume, wanted=self.wanted,
                advance=self._advance(Span.of(score, ensemble.options).duration_s),
            )  # fmt: skip
        except OrchestrionError as error:
            self.n_played = before
            yield self._failed(take, error)
            return
        yield self._played(take, facts)

    def _play(self, group: _Waiting) -> Iterator[Outcome]:
        ensemble, together = group.ensemble, group.takes
        scores = [(score, take.number) for take, score in together]
        # Of an ensemble every player plays the whole length.
        length_s = sum(Span.of(score, ensemble.options).duration_s for _, score in together) * len(ensemble.instruments)
        advance = self._advance(length_s, len(together))
        n_written, before = 0, self.n_played
        try:
            played = playing.play_all(scores, ensemble.instruments, ensemble.options, advance=advance)
            for (take, _), performance in zip(together, played, strict=True):
                performance.audio.write(take.target, self.wanted)
                n_written += 1
                yield self._played(take, performance.facts | performance.file_facts(take.target, self.wanted))
        except OrchestrionError as error:
            self.n_played = before + n_written
            left = together[n_written:]
            if len(left) == 1 or self.strict:
                yield self._failed(left[0][0], error)
            else:  # alone, to find out whose fault it is
                refuse_shared_fault(error)
                for one in left:
                    yield from self._play(_Waiting(ensemble, [one]))

    def _play_on(self, cluster: Cluster, planned: Iterable[Outcome | _Waiting]) -> Iterator[Outcome]:
        """As `_play` and `_stream`, each group by one call."""
        self.began = time.monotonic()
        shared: dict[int, Shared] = {}

        def calls() -> Iterator[tuple[Outcome | _Waiting, Sequence[object] | None]]:
            for one in planned:
                if isinstance(one, Outcome):
                    yield one, None
                    continue
                for instrument in one.ensemble.instruments:
                    if id(instrument) not in shared:  # the ensembles hold them to the end
                        shared[id(instrument)] = cluster.share(instrument)
                scores = [(score, take.number, take.target.suffix) for take, score in one.takes]
                instruments: list[object] = [shared[id(instrument)] for instrument in one.ensemble.instruments]
                yield one, (scores, instruments, one.ensemble.options, self.wanted, one.is_streamed)

        for one, result in cluster.run(play_files, calls()):
            if isinstance(one, Outcome):
                yield one
                continue
            files = [result] * len(one.takes) if isinstance(result, OrchestrionError) else result or ()
            self.n_played += sum(not isinstance(file, OrchestrionError) for file in files)
            for (take, _), file in zip(one.takes, files, strict=True):
                if isinstance(file, OrchestrionError):
                    yield self._failed(take, file)
                    continue
                for sentence in file.warned:
                    warnings.warn(sentence, stacklevel=2)
                with atomic_write(take.target) as temporary:
                    temporary.write_bytes(file.content)
                yield self._played(take, file.facts)

    def _advance(self, length_s: float, n_takes: int = 1) -> Callable[..., None] | None:
        """Advances the bar, and what was played, by seconds of audio; of ``n_takes`` together, by no more than these."""
        bar = self.bar
        if bar is None:
            return None
        self.began = time.monotonic() if self.began is None else self.began
        most = self.n_played + n_takes

        def advance(n: float = 1) -> None:
            self.n_played = min(most, self.n_played + n * n_takes / length_s)
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


@dataclass(frozen=True)
class PlayedFile:
    """An audio file's bytes, as a worker of a cluster hands them back: with their facts, and what is to be said of them."""

    content: bytes
    facts: Mapping[str, object]
    warned: Sequence[str]


def play_files(
    scores: Sequence[tuple[Score, int, str]], instruments: Sequence[Instrument], options: Playing, wanted: AudioFormat, is_streamed: bool
) -> list[PlayedFile | OrchestrionError]:
    """Play ``scores``, each with the number of its take and the ending of its file, on a worker; what fails is told in its place."""
    with TemporaryDirectory(prefix="orchestrion-") as folder, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            files = list(_played_files(Path(folder), scores, instruments, options, wanted, is_streamed))
        except OrchestrionError as error:
            if len(scores) == 1:
                return [error]
            return [played for score in scores for played in play_files([score], instruments, options, wanted, is_streamed)]
    said = [str(warning.message) for warning in warned if issubclass(warning.category, UserWarning)]
    return [PlayedFile(content, facts, said if not number else []) for number, (content, facts) in enumerate(files)]


def _played_files(
    folder: Path, scores: Sequence[tuple[Score, int, str]], instruments: Sequence[Instrument], options: Playing, wanted: AudioFormat, is_streamed: bool
) -> Iterator[tuple[bytes, Mapping[str, object]]]:
    def advance(n: float = 1) -> None:
        """The bar is where the command runs."""

    if is_streamed:
        ((score, number, suffix),) = scores
        facts = playing.render_to_file(score, instruments[0], folder / f"a{suffix}", options, take=number, wanted=wanted, advance=advance)
        yield (folder / f"a{suffix}").read_bytes(), facts
        return
    played = playing.play_all([(score, number) for score, number, _ in scores], instruments, options, advance=advance)
    for (_, _, suffix), performance in zip(scores, played, strict=True):
        path = folder / f"a{suffix}"
        performance.audio.write(path, wanted)
        yield path.read_bytes(), performance.facts | performance.file_facts(path, wanted)


def _checksums(take: Take, ensemble: _Ensemble) -> dict[str, str]:
    settings = {**ensemble.decisive, "take": take.number}
    return {"score": checksum_of(take.source), "settings": hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()}


def _is_finished(take: Take, checksums: Mapping[str, str], facts: Mapping[str, object] | None) -> bool:
    known = facts.get("checksums") if facts else None
    if not isinstance(known, dict) or not take.target.is_file() or any(known.get(name) != value for name, value in checksums.items()):
        return False
    return bool(known.get("audio") == checksum_of(take.target))


def checksum_of(source: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, or of the name where there is none: a built-in tune, which the version decides."""
    try:
        with open(source, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return hashlib.sha256(os.fsencode(source)).hexdigest()
