"""Scores on instruments: voices side by side, ensembles, blocks as they are made."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, astuple, dataclass, replace
from typing import TypedDict

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.audio.audiofiles import write_blocks
from orchestrion.audio.encodings import Encoding
from orchestrion.ensemble import Mix, gains_of, mix, split_parts
from orchestrion.errors import OrchestrionError
from orchestrion.options import STORAGE, AudioFormat, Playing
from orchestrion.progress import Advance, progress, waiting
from orchestrion.renderer.device import choose, stored
from orchestrion.renderer.guidance import guided, twin_of
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.kernels.batch import UnfitState, VoiceState
from orchestrion.renderer.parallel import ParallelState, ParallelStream, generate_parallel
from orchestrion.renderer.resuming import State, interrupted, resumable
from orchestrion.renderer.sampler import compile_kernels, generate
from orchestrion.renderer.sourceplayer import source_blocks
from orchestrion.renderer.span import Span
from orchestrion.renderer.streaming import Stream
from orchestrion.score import Score, pitch_name
from orchestrion.terminal import plural
from orchestrion.version import VERSION

Player = Instrument | str | os.PathLike[str]

# Takes use voices this far apart, so that no part of an ensemble ever shares its random numbers with another take.
VOICES_A_TAKE = 1_000
# Enough for two processors at the samplers' best, and for a large GPU; more would only take memory.
VOICES_TOGETHER = {"cpu": 48, "cuda": 2048}
# Joins cost nothing that can be heard or measured (`benchmarks/parallel_price.py`); up to here one run is as quick.
PARALLEL_FROM_S = 8.0
# Options that decide what one instrument plays.
DECISIVE = ("seed", "temperature", "storage", "device", "parallel", "vibrato", "noise", "guidance", "length_s")


@dataclass(frozen=True)
class Performance:
    """A score and how it sounded; ``facts`` is JSON-able: instruments with checksums, length, rate."""

    score: Score
    audio: Waveform | Mix
    facts: dict[str, object]

    def to_mono(self) -> Waveform:
        """The audio in one channel."""
        return self.audio.to_mono() if isinstance(self.audio, Mix) else self.audio

    def file_facts(self, path: str | os.PathLike[str], wanted: AudioFormat | None) -> dict[str, object]:
        """Rate, channels and bits of the audio where it is written to ``path``."""
        channels = self.audio.samples.shape[1] if isinstance(self.audio, Mix) else 1
        return Encoding.of(path, wanted, self.audio.sample_rate, channels).facts()

    def _repr_html_(self) -> str:
        """In a notebook: the notes, and the audio below them."""
        return self.score._repr_html_() + self.to_mono()._repr_html_()

    def draw(self, path: str | os.PathLike[str]) -> None:
        """Write a PNG: the notes above, the spectrogram of the audio below."""
        from orchestrion.evaluation.figures.performance import draw_performance

        draw_performance(path, self.score, self.to_mono())


def as_wished(player: Player, options: Playing) -> Instrument:
    """The instrument with the vibrato, noise and guidance that are asked for."""
    instrument = Instrument.load(player).adjusted(vibrato=options.vibrato, noise=options.noise)
    return guided(instrument, twin_of(instrument), options.guidance) if options.guidance else instrument


def play(score: Score, players: Sequence[Player], options: Playing | None = None, *, take: int = 0) -> Performance:
    """One take of one score; see `play_all`."""
    (performance,) = play_all([(score, take)], players, options)
    return performance


def play_all(
    takes: Sequence[tuple[Score, int]],
    players: Sequence[Player],
    options: Playing | None = None,
    *,
    advance: Advance | None = None,
) -> Iterator[Performance]:
    """Play scores: all of each on one player, or part by part on as many players as each has parts.

    Voices are computed side by side, some dozens at a time, and each is the same as if it were computed alone.

    Args:
        takes: scores, each with the number of the take; same score, take and seed, same audio.
        advance: called with the seconds of audio made since its last call; None for a bar of its own.

    Raises:
        OrchestrionError: not one player for each part, a broken instrument, or nothing to play.
    """
    options = options or Playing()
    instruments = [as_wished(player, options) for player in players]
    gains_of(len(instruments), options.gains_db, options.pans)  # what is wrong is told before anything is played
    if options.only_source:
        check_sources(instruments)
    plans = [_Plan.make(Span.of(score, options), take, instruments, options.parallel) for score, take in takes]
    options = replace(options, device=choose(options.device, [instrument.config for instrument in instruments], options.storage))
    n_together = max(1, VOICES_TOGETHER[options.device] // len(instruments))
    total_s = sum(plan.span.duration_s for plan in plans) * len(instruments)
    if not options.only_source:
        compile_player(options.storage, options.device, instruments)
    label = f"Playing {', '.join(dict.fromkeys(i.name for i in instruments))}"
    column = _alone if options.only_source else _generate
    with nullcontext(advance) if advance else progress(total_s, label) as told:
        for start in range(0, len(plans), n_together):
            together = plans[start : start + n_together]
            columns = [column(i, instrument, together, options, told) for i, instrument in enumerate(instruments)]
            for plan, tracks in zip(together, zip(*columns, strict=True), strict=True):
                is_mixed = len(tracks) > 1 or options.gains_db or options.pans
                audio = mix(tracks, options.gains_db, options.pans) if is_mixed else tracks[0]
                yield Performance(plan.span.score, audio, facts_of(instruments, audio, options))


def blocks_of(
    score: Score,
    instrument: Instrument,
    options: Playing | None = None,
    *,
    take: int = 0,
    state: State | None = None,
    part: Score | None = None,
    player: int = 0,
    drawn: Advance | None = None,
) -> Stream | ParallelStream:
    """The audio of `play` on one instrument as it is made: iterate for float32 blocks, keep ``.state`` to go on later.

    `Span.ended` cuts it to the length that ``options`` ask for. In one run unless ``options.parallel`` asks for pieces. A state goes on to the same audio on the device that it comes from.

    Args:
        part: what this instrument plays of ``score``, where it is player number ``player`` of an ensemble; None for all of it.
        drawn: called with the samples drawn since its last call, of pieces that overlap and come as blocks minutes later.
    """
    options = options or Playing()
    span = Span.of(score, options)
    cut = None if part is None else span.cut(part)
    warn_of(instrument, cut or span.score)
    series = span.series(instrument, cut)
    sampling: _Sampling = {
        "seed": options.seed,
        "temperature": options.temperature or instrument.temperature,
        "voice": take * VOICES_A_TAKE + player,
        "threads": options.threads,
        "storage": options.storage,
        "device": choose(options.device, [instrument.config], options.storage),
    }
    if options.parallel:
        if isinstance(state, VoiceState):
            raise UnfitState("it is of one run, not of pieces")
        return ParallelStream(instrument.parameters, series, **sampling, progress=drawn, state=state)
    if isinstance(state, ParallelState):
        raise UnfitState("it is of pieces, not of one run")
    return Stream(instrument.parameters, series, **sampling, state=state)


class _Sampling(TypedDict):
    seed: int
    temperature: float
    voice: int
    threads: int | None
    storage: str
    device: str


def render_to_file(
    score: Score,
    instrument: Instrument,
    path: str | os.PathLike[str],
    options: Playing | None = None,
    *,
    take: int = 0,
    resume: bool = False,
    wanted: AudioFormat | None = None,
    advance: Advance | None = None,
) -> dict[str, object]:
    """Play ``score`` into the audio file ``path``; memory does not grow with its length.

    Args:
        resume: keep a journal beside ``path`` while playing, and go on from the one that an interrupted rendering left.
        wanted: rate, channels and bits of the file; None for the instrument's rate, mono, 16 bits.
        advance: called with the seconds of audio made since its last call; None for a bar of its own.

    Returns:
        Facts, as `facts_of`.

    Raises:
        OrchestrionError: the file cannot be written, or a journal of other settings is in the way.
    """
    options = options or Playing()
    instrument, span = as_wished(instrument, options), Span.of(score, options)
    options = replace(
        options,
        device=choose(options.device, [instrument.config], options.storage),
        parallel=is_parallel(span.score, [instrument], options.parallel),
    )
    if options.only_source:
        check_sources([instrument])
        resume = False  # made in seconds
    else:
        compile_player(options.storage, options.device, [instrument])
    score, rate, n_samples = span.score, instrument.config.sample_rate, span.n_samples(instrument)

    def start(state: State | None) -> Stream | ParallelStream:
        return blocks_of(span.whole, instrument, options, take=take, state=state, drawn=counter.draw)  # which cuts it itself

    notes = [astuple(note) for note in score.notes]
    asked = {name: value for name, value in asdict(options).items() if name in DECISIVE}
    decisive = asked | {"take": take, "version": VERSION, "model": instrument.checksum, "notes": notes}
    with nullcontext(advance) if advance else progress(n_samples / rate, f"Playing {instrument.name}") as told:
        counter = _Counter(told, rate, n_samples)
        blocks = resumable(path, decisive, start) if resume else _blocks(span, instrument, start, options.only_source)
        tags = instrument.waveform(np.zeros(1), title=score.title, seed=options.seed).tags
        try:
            audio = span.ended(counter.counted(blocks), rate)
            write_blocks(path, audio, rate, tags=tags, n_samples=n_samples, wanted=wanted)
        except (OrchestrionError, KeyboardInterrupt, SystemExit) as stop:
            if resume and interrupted(path):
                stop.add_note("What was played so far is kept; the same command goes on from there.")
            raise
    return _facts([instrument], rate, n_samples / rate, options) | Encoding.of(path, wanted, rate).facts()


def _blocks(
    span: Span, instrument: Instrument, start: Callable[[State | None], Stream | ParallelStream], only_source: bool
) -> Iterator[np.ndarray]:
    if only_source and instrument.source is not None:
        return source_blocks(span.series(instrument), instrument.source)
    return iter(start(None))


class _Counter:
    """Tells how many seconds of audio there are: whole blocks, and what has been drawn of the next one."""

    def __init__(self, advance: Advance, rate: int, n_samples: int):
        self._advance, self._rate, self._n_samples = advance, rate, n_samples
        self._n_made = 0
        self._n_told = self._n_drawn = 0.0

    def draw(self, n: float = 1) -> None:
        """``n`` samples more of the next block are drawn."""
        self._n_drawn += n
        self._tell(min(self._n_made + self._n_drawn, self._n_samples))

    def counted(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """``blocks``, each told of."""
        for block in blocks:
            self._n_made, self._n_drawn = self._n_made + len(block), 0.0
            self._tell(self._n_made)
            yield block

    def _tell(self, n_samples: float) -> None:
        if n_samples > self._n_told:
            self._advance((n_samples - self._n_told) / self._rate)
            self._n_told = n_samples


def check_sources(instruments: Sequence[Instrument]) -> None:
    """Raise an `OrchestrionError` where an instrument has no harmonic source."""
    for instrument in instruments:
        if instrument.source is None:
            raise OrchestrionError(f"{instrument.name} has no harmonic source that could be heard alone.")


def compile_player(storage: str = STORAGE, device: str = "cpu", instruments: Sequence[Instrument] = ()) -> None:
    """Wait until the player is compiled for this processor, and say so where that takes long: it happens once.

    The GPU's has been compiled by its check.
    """
    if device != "cpu":
        return
    with waiting("Compiling the player for this processor (once)"):
        for mixture in sorted({bool(instrument.config.mixtures) for instrument in instruments} or {True}):
            compile_kernels(storage, mixture=mixture)


def is_parallel(score: Score, instruments: Sequence[Instrument], asked: bool | None) -> bool:
    """Whether a score is cut into pieces: as asked, else from eight seconds on (see `PARALLEL_FROM_S`).

    What knows no notes is played in one run: it could begin every piece with other music, or with silence that lasts.
    """
    if asked is not None:
        return asked
    return score.duration_s >= PARALLEL_FROM_S and all(player.config.conditioned for player in instruments)


def check_parts(parts: Sequence[Score], instruments: Sequence[Instrument]) -> None:
    """Raise an `OrchestrionError` where there is not one instrument for each part."""
    if len(parts) != len(instruments):
        names = ", ".join(repr(part.parts[0].name) for part in parts)
        raise OrchestrionError(
            f"There are {plural(len(instruments), 'instrument')} but {plural(len(parts), 'part')} ({names}); give one instrument for each."
        )


def warn_of(instrument: Instrument, score: Score) -> None:
    """Warn of the terms of the instrument's weights, and of the notes that it has not learnt."""
    if instrument.notice:
        warnings.warn(f"{instrument.name}: {instrument.notice}", stacklevel=3)
    outside = instrument.outside_range(score) if instrument.config.conditioned else ()  # what hears no notes does not guess at them
    if outside:
        low, high = (pitch_name(pitch) for pitch in instrument.pitch_range)
        names = ", ".join(pitch_name(pitch) for pitch in outside)
        warnings.warn(
            f"{instrument.name} has learnt {low} to {high}; it will guess at {names}. Transpose the score, or choose another instrument.", stacklevel=3
        )


def facts_of(instruments: Sequence[Instrument], audio: Waveform | Mix, options: Playing) -> dict[str, object]:
    """What a settings file says of a performance on the chosen device of ``options``."""
    facts = _facts(instruments, audio.sample_rate, audio.duration_s, options)
    return facts | {"turned_down_db": round(audio.lowered_db, 3)} if isinstance(audio, Mix) else facts


def _facts(instruments: Sequence[Instrument], sample_rate: int, duration_s: float, options: Playing) -> dict[str, object]:
    return {
        "device": options.device,
        "storage": stored(options.device, options.storage),
        "instruments": [{"name": instrument.name, "sha256": instrument.checksum} for instrument in instruments],
        "sample_rate": sample_rate,
        "duration_s": round(duration_s, 6),
    }


@dataclass(frozen=True)
class _Plan:
    """One take of a score, what each instrument plays in it, and whether it is cut into pieces for that."""

    span: Span
    take: int
    parts: Sequence[Score]
    parallel: bool

    @classmethod
    def make(cls, span: Span, take: int, instruments: Sequence[Instrument], parallel: bool | None) -> _Plan:
        score = span.score
        parts = [span.cut(part) for part in split_parts(span.whole)] if len(instruments) > 1 else [score]
        check_parts(parts, instruments)
        if take == 0:
            for instrument, part in zip(instruments, parts, strict=True):
                warn_of(instrument, part)
        return cls(span, take, parts, is_parallel(score, instruments, parallel))

    def track(self, samples: Iterable[np.ndarray], instrument: Instrument, seed: int) -> Waveform:
        """The audio of one player, cut to its length."""
        whole = np.concatenate(list(self.span.ended(samples, instrument.config.sample_rate)))
        return instrument.waveform(whole, title=self.span.score.title, seed=seed)


def _alone(index: int, instrument: Instrument, plans: Sequence[_Plan], options: Playing, advance: Advance) -> list[Waveform]:
    """What the source of player number ``index`` sounds like in each of ``plans``."""
    tracks = []
    assert instrument.source is not None
    for plan in plans:
        series = plan.span.series(instrument, plan.parts[index])
        tracks.append(plan.track(source_blocks(series, instrument.source), instrument, options.seed))
        advance(series.duration_s)
    return tracks


def _generate(
    index: int, instrument: Instrument, plans: Sequence[_Plan], options: Playing, advance: Advance
) -> list[Waveform]:
    """What player number ``index`` plays in each of ``plans``."""
    rate = instrument.config.sample_rate

    def report(n: float = 1) -> None:
        advance(n / rate)

    tracks: dict[int, Waveform] = {}
    for sampler, wanted in ((generate, False), (generate_parallel, True)):
        chosen = [i for i, plan in enumerate(plans) if plan.parallel == wanted]
        if not chosen:
            continue
        samples = sampler(
            instrument.parameters,
            [plans[i].span.series(instrument, plans[i].parts[index]) for i in chosen],
            seed=options.seed,
            temperature=options.temperature or instrument.temperature,
            voices=[plans[i].take * VOICES_A_TAKE + index for i in chosen],
            threads=options.threads,
            storage=options.storage,
            device=options.device,
            progress=report,
        )
        for i, played in zip(chosen, samples, strict=True):
            tracks[i] = plans[i].track([played], instrument, options.seed)
    return [tracks[i] for i in range(len(plans))]
