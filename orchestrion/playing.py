"""Scores on instruments: voices side by side, ensembles, blocks as they are made."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.audio.audiofiles import write_blocks
from orchestrion.ensemble import Mix, mix, split_parts
from orchestrion.errors import OrchestrionError
from orchestrion.progress import Advance, progress, waiting
from orchestrion.renderer.device import choose, stored
from orchestrion.renderer.instrument import TAIL_S, Instrument
from orchestrion.renderer.parallel import ParallelStream, generate_parallel
from orchestrion.renderer.resuming import interrupted, resumable
from orchestrion.renderer.sampler import STORAGE, compile_kernels, generate
from orchestrion.renderer.sourceplayer import source_blocks
from orchestrion.renderer.streaming import Stream
from orchestrion.score import Score, pitch_name
from orchestrion.version import VERSION

Player = Instrument | str | os.PathLike[str]

# Takes use voices this far apart, so that no part of an ensemble ever shares its random numbers with another take.
VOICES_A_TAKE = 1_000
# Enough for two processors at the samplers' best, and for a large GPU; more would only take memory.
VOICES_TOGETHER = {"cpu": 48, "cuda": 2048}
# Joins cost nothing that can be heard or measured (`benchmarks/parallel_price.py`); up to here one run is as quick.
PARALLEL_FROM_S = 8.0


@dataclass(frozen=True)
class Performance:
    """A score and how it sounded; ``facts`` is JSON-able: instruments with checksums, length, rate."""

    score: Score
    audio: Waveform | Mix
    facts: dict[str, Any]

    def draw(self, path: str | os.PathLike[str]) -> None:
        """Write a PNG: the notes above, the spectrogram of the audio below."""
        from orchestrion.evaluation.figures.performance import draw_performance

        draw_performance(path, self.score, self.audio.to_mono() if isinstance(self.audio, Mix) else self.audio)


def play(score: Score, players: Sequence[Player], *, take: int = 0, **options: Any) -> Performance:
    """One take of one score; see `play_all`."""
    (performance,) = play_all([(score, take)], players, **options)
    return performance


def play_all(
    takes: Sequence[tuple[Score, int]],
    players: Sequence[Player],
    *,
    seed: int = 0,
    temperature: float | None = None,
    parallel: bool | None = None,
    gains_db: Sequence[float] = (),
    pans: Sequence[float] = (),
    threads: int | None = None,
    storage: str = STORAGE,
    device: str = "auto",
    vibrato: float = 1.0,
    only_source: bool = False,
    advance: Advance | None = None,
) -> Iterator[Performance]:
    """Play scores: all of each on one player, or part by part on as many players as each has parts.

    Voices are computed side by side, some dozens at a time, and each is the same as if it were computed alone.

    Args:
        takes: scores, each with the number of the take; same score, take and seed, same audio.
        temperature: divides the logits; None for each instrument's own.
        parallel: cut scores into pieces that are played at once and joined where little sounds, instead of playing them
            in one run; None for those of eight seconds or more, on instruments that know the notes.
        gains_db: of an ensemble's parts, in dB, one each; none for all 0.
        pans: of an ensemble's parts, -1 left to 1 right, one each; with them the audio is stereo.
        threads: processor threads; None for all.
        storage: of the weights: float32, bfloat16 or int8; see `matrices.matrix`. A GPU plays in float16.
        device: "cpu", "cuda", or "auto" for a GPU that plays as it should; see `renderer.device`. The same seed gives the
            same bytes on one device, and others on another one.
        vibrato: times the instruments' own; see `Instrument.adjusted`.
        only_source: the harmonic source alone, without the network; for driven instruments.
        advance: called with the seconds of audio made since its last call; None for a bar of its own.

    Raises:
        OrchestrionError: not one player for each part, a broken instrument, or nothing to play.
    """
    instruments = [Instrument.load(player).adjusted(vibrato=vibrato) for player in players]
    if only_source:
        check_sources(instruments)
    plans = [_Plan.make(score, take, instruments, parallel) for score, take in takes]
    device = choose(device, [instrument.config for instrument in instruments], storage)
    n_together = max(1, VOICES_TOGETHER[device] // len(instruments))
    total_s = sum(plan.score.duration_s + TAIL_S for plan in plans) * len(instruments)
    sampling: dict[str, Any] = {"seed": seed, "threads": threads, "storage": storage, "device": device}
    if not only_source:
        compile_player(storage, device, instruments)
    label = f"Playing {', '.join(dict.fromkeys(i.name for i in instruments))}"
    with nullcontext(advance) if advance else progress(total_s, label) as told:
        for start in range(0, len(plans), n_together):
            together = plans[start : start + n_together]
            columns = [
                _alone(i, instrument, together, seed, told) if only_source
                else _generate(i, instrument, together, temperature, sampling, told)
                for i, instrument in enumerate(instruments)
            ]
            for plan, tracks in zip(together, zip(*columns, strict=True), strict=True):
                audio = mix(tracks, gains_db, pans) if len(tracks) > 1 or gains_db or pans else tracks[0]
                yield Performance(plan.score, audio, facts_of(instruments, audio, device, storage))


def blocks_of(
    score: Score,
    instrument: Instrument,
    *,
    seed: int = 0,
    take: int = 0,
    temperature: float | None = None,
    parallel: bool = False,
    threads: int | None = None,
    storage: str = STORAGE,
    device: str = "auto",
    state: Any = None,
) -> Stream | ParallelStream:
    """The audio of `play` on one instrument as it is made: iterate for float32 blocks, keep ``.state`` to go on later.

    A state goes on to the same audio on the device that it comes from.
    """
    warn_of(instrument, score)
    options: dict[str, Any] = {
        "seed": seed,
        "temperature": _temperature(instrument, temperature),
        "voice": take * VOICES_A_TAKE,
        "threads": threads,
        "storage": storage,
        "device": choose(device, [instrument.config], storage),
        "state": state,
    }
    series = instrument.series(score)
    if parallel:
        return ParallelStream(instrument.model, series, **options)
    return Stream(instrument.model, series, **options)


def render_to_file(
    score: Score,
    instrument: Instrument,
    path: str | os.PathLike[str],
    *,
    seed: int = 0,
    take: int = 0,
    temperature: float | None = None,
    parallel: bool | None = None,
    threads: int | None = None,
    storage: str = STORAGE,
    device: str = "auto",
    vibrato: float = 1.0,
    only_source: bool = False,
    resume: bool = False,
    advance: Advance | None = None,
) -> dict[str, Any]:
    """Play ``score`` into the audio file ``path``; memory does not grow with its length.

    Args:
        vibrato, only_source: as in `play_all`.
        resume: keep a journal beside ``path`` while playing, and go on from the one that an interrupted rendering left.
        advance: called with the seconds of audio made since its last call; None for a bar of its own.

    Returns:
        Facts, as `facts_of`.

    Raises:
        OrchestrionError: the file cannot be written, or a journal of other settings is in the way.
    """
    instrument = instrument.adjusted(vibrato=vibrato)
    device = choose(device, [instrument.config], storage)
    if only_source:
        check_sources([instrument])
        resume = False  # made in seconds
    else:
        compile_player(storage, device, [instrument])
    rate, n_samples = instrument.config.sample_rate, instrument.series(score).n_samples
    asked: dict[str, Any] = {"seed": seed, "take": take, "temperature": temperature, "storage": storage, "device": device}
    asked["parallel"] = is_parallel(score, [instrument], parallel)

    def start(state: Any) -> Stream | ParallelStream:
        return blocks_of(score, instrument, threads=threads, state=state, **asked)

    notes = [astuple(note) for note in score.notes]
    decisive = asked | {"version": VERSION, "model": instrument.checksum, "notes": notes, "vibrato": vibrato}
    with nullcontext(advance) if advance else progress(n_samples / rate, f"Playing {instrument.name}") as told:
        blocks = resumable(path, decisive, start) if resume else _blocks(score, instrument, start, only_source)
        tags = instrument.waveform(np.zeros(1), title=score.title, seed=seed).tags
        try:
            write_blocks(path, _counted(blocks, rate, told), rate, tags=tags, n_samples=n_samples)
        except (OrchestrionError, KeyboardInterrupt, SystemExit) as stop:
            if resume and interrupted(path):
                stop.add_note("What was played so far is kept; the same command goes on from there.")
            raise
    return _facts([instrument], rate, n_samples / rate, device, storage)


def _blocks(
    score: Score, instrument: Instrument, start: Callable[[Any], Stream | ParallelStream], only_source: bool
) -> Iterator[np.ndarray]:
    if only_source and instrument.source is not None:
        return source_blocks(instrument.series(score), instrument.source)
    return iter(start(None))


def _counted(blocks: Iterator[np.ndarray], rate: int, advance: Advance) -> Iterator[np.ndarray]:
    for block in blocks:
        advance(len(block) / rate)
        yield block


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
            f"There are {len(instruments)} instruments but {len(parts)} parts ({names}); give one instrument for each."
        )


def warn_of(instrument: Instrument, score: Score) -> None:
    """Warn of the terms of the instrument's weights, and of the notes that it has not learnt."""
    if instrument.notice:
        warnings.warn(f"{instrument.name}: {instrument.notice}", stacklevel=3)
    outside = instrument.outside_range(score)
    if outside:
        low, high = (pitch_name(pitch) for pitch in instrument.pitch_range)
        names = ", ".join(pitch_name(pitch) for pitch in outside)
        warnings.warn(
            f"{instrument.name} has learnt {low} to {high}; it will guess at {names}. Try --transpose.", stacklevel=3
        )


def facts_of(
    instruments: Sequence[Instrument], audio: Waveform | Mix, device: str, storage: str
) -> dict[str, Any]:
    """What a settings file says of a performance on ``device``, where ``storage`` was asked for."""
    facts = _facts(instruments, audio.sample_rate, audio.duration_s, device, storage)
    return facts | {"turned_down_db": round(audio.lowered_db, 3)} if isinstance(audio, Mix) else facts


def _facts(
    instruments: Sequence[Instrument], sample_rate: int, duration_s: float, device: str, storage: str
) -> dict[str, Any]:
    return {
        "device": device,
        "storage": stored(device, storage),
        "instruments": [{"name": instrument.name, "sha256": instrument.checksum} for instrument in instruments],
        "sample_rate": sample_rate,
        "duration_s": round(duration_s, 6),
    }


@dataclass(frozen=True)
class _Plan:
    """One take of a score, what each instrument plays in it, and whether it is cut into pieces for that."""

    score: Score
    take: int
    parts: Sequence[Score]
    parallel: bool

    @classmethod
    def make(cls, score: Score, take: int, instruments: Sequence[Instrument], parallel: bool | None) -> _Plan:
        parts = split_parts(score) if len(instruments) > 1 else [score]
        check_parts(parts, instruments)
        if take == 0:
            for instrument, part in zip(instruments, parts, strict=True):
                warn_of(instrument, part)
        return cls(score, take, parts, is_parallel(score, instruments, parallel))


def _alone(index: int, instrument: Instrument, plans: Sequence[_Plan], seed: int, advance: Advance) -> list[Waveform]:
    """What the source of player number ``index`` sounds like in each of ``plans``."""
    tracks = []
    assert instrument.source is not None
    for plan in plans:
        series = instrument.series(plan.parts[index], duration_s=plan.score.duration_s)
        samples = np.concatenate(list(source_blocks(series, instrument.source)))
        tracks.append(instrument.waveform(samples, title=plan.score.title, seed=seed))
        advance(series.duration_s)
    return tracks


def _temperature(instrument: Instrument, asked: float | None) -> float:
    if asked is not None and not 0.0 < asked < math.inf:
        raise OrchestrionError(f"A temperature of {asked} is impossible; give a number above 0, such as 0.8.")
    return instrument.temperature if asked is None else asked


def _generate(
    index: int,
    instrument: Instrument,
    plans: Sequence[_Plan],
    temperature: float | None,
    sampling: dict[str, Any],
    advance: Advance,
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
        samples: list[np.ndarray] = sampler(
            instrument.model,
            [instrument.series(plans[i].parts[index], duration_s=plans[i].score.duration_s) for i in chosen],
            temperature=_temperature(instrument, temperature),
            voices=[plans[i].take * VOICES_A_TAKE + index for i in chosen],
            progress=report,
            **sampling,
        )
        for i, played in zip(chosen, samples, strict=True):
            tracks[i] = instrument.waveform(played, title=plans[i].score.title, seed=sampling["seed"])
    return [tracks[i] for i in range(len(plans))]
