"""What one does with Orchestrion, each in one call, with values as the command line takes them.

    >>> import orchestrion
    >>> tune = orchestrion.compose(bars=8, meter="3/4", seed=7)            # doctest: +SKIP
    >>> orchestrion.render(tune, instrument="violin").write("tune.wav")    # doctest: +SKIP
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, overload

import numpy as np

from orchestrion import shipped
from orchestrion.arranging import arranged
from orchestrion.audio import Waveform
from orchestrion.casting import players_of
from orchestrion.options import (
    NOISE,
    STORAGE,
    Arranging,
    AudioFormat,
    ComparingAll,
    Composing,
    Generating,
    Playing,
    Transcribing,
)
from orchestrion.playing import Performance, Player, blocks_of, play, play_all
from orchestrion.progress import Advance
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.span import Span
from orchestrion.score import Score

if TYPE_CHECKING:
    from orchestrion.evaluation.comparison.conditioned import ConditionedReport
    from orchestrion.evaluation.comparison.generators import GeneratorsReport
    from orchestrion.renderer.benchmark import Row

UNCONDITIONED = "-unconditioned"
Path = str | os.PathLike[str]
Source = Score | Path
Sources = Sequence[Score] | Sequence[os.PathLike[str]] | list[str] | tuple[str, ...] | list[Source]
Players = Player | Sequence[Player]
# As text, numbers are what they are on a command line.
Number = float | str
Whole = int | str
Meter = tuple[int, int] | str
Range = tuple[int, int] | str


def arrange(
    score: Source,
    *,
    part: int | str | None = None,
    transpose: Whole = 0,
    tempo: Number | None = None,
    speed: Number | None = None,
    start: Number = 0.0,
    end: Number | None = None,
    strict: bool = False,
) -> Score:
    """A score as it is to be played, by the wishes of `orchestrion.options.Arranging`.

    Raises:
        OrchestrionError: no such score or part, or nothing is left to play.
    """
    wishes = Arranging.of(part=part, transpose=transpose, tempo=tempo, speed=speed, start=start, end=end, strict=strict)
    return arranged(score, wishes)


@overload
def compose(
    model: Path = ..., *, bars: Whole | None = ..., seconds: Number | None = ..., tempo: Number | None = ...,
    meter: Meter | None = ..., key: str | None = ..., pitch_range: Range | None = ..., polyphony: Whole | None = ...,
    prime: Source | None = ..., form: str | None = ..., keep: Source | None = ..., fill: str | Sequence[tuple[int, int]] = ...,
    melody: Source | None = ..., bass: Source | None = ..., chords: str | None = ..., variations: Whole | None = ...,
    expression: Number = ...,
    temperature: Number = ..., conservativity: Number = ..., seed: Whole = ...,
    count: Literal[1] = ..., storage: str | None = ..., threads: int | None = ..., strict: bool = ...,
) -> Score: ...  # fmt: skip
@overload
def compose(
    model: Path = ..., *, bars: Whole | None = ..., seconds: Number | None = ..., tempo: Number | None = ...,
    meter: Meter | None = ..., key: str | None = ..., pitch_range: Range | None = ..., polyphony: Whole | None = ...,
    prime: Source | None = ..., form: str | None = ..., keep: Source | None = ..., fill: str | Sequence[tuple[int, int]] = ...,
    melody: Source | None = ..., bass: Source | None = ..., chords: str | None = ..., variations: Whole | None = ...,
    expression: Number = ...,
    temperature: Number = ..., conservativity: Number = ..., seed: Whole = ...,
    count: Whole, storage: str | None = ..., threads: int | None = ..., strict: bool = ...,
) -> Score | list[Score]: ...  # fmt: skip
def compose(
    model: Path = shipped.DEFAULT_COMPOSER,
    *,
    bars: Whole | None = None,
    seconds: Number | None = None,
    tempo: Number | None = None,
    meter: Meter | None = None,
    key: str | None = None,
    pitch_range: Range | None = None,
    polyphony: Whole | None = None,
    prime: Source | None = None,
    form: str | None = None,
    keep: Source | None = None,
    fill: str | Sequence[tuple[int, int]] = (),
    melody: Source | None = None,
    bass: Source | None = None,
    chords: str | None = None,
    variations: Whole | None = None,
    expression: Number = 0.0,
    temperature: Number = 1.0,
    conservativity: Number = 1.0,
    seed: Whole = 0,
    count: Whole = 1,
    storage: str | None = None,
    threads: int | None = None,
    strict: bool = False,
) -> Score | list[Score]:
    """Compose a new piece, fill bars of one, or harmonise a line; a list where ``count`` is above 1, by the wishes of `orchestrion.options.Composing`.

    Args:
        model: the name of a shipped composer, or a weights file.

    Raises:
        OrchestrionError: no such model, or what is asked is impossible.
    """
    from orchestrion.composer.compose import compose as write
    from orchestrion.labelling.transcribing import heard_prime

    wishes = Composing.of(
        bars=bars, seconds=seconds, tempo=tempo, meter=meter, key=key, pitch_range=pitch_range, polyphony=polyphony, prime=prime,
        form=form, keep=keep, fill=fill, melody=melody, bass=bass, chords=chords, variations=variations, expression=expression,
        temperature=temperature, conservativity=conservativity, seed=seed, count=count, storage=storage, threads=threads, strict=strict,
    )  # fmt: skip
    pieces = write(model, heard_prime(wishes)[0])
    return pieces[0] if len(pieces) == 1 else pieces


def transcribe(
    audio: Waveform | Path,
    *,
    method: str = "pyin",
    tempo: Number | None = None,
    meter: Meter = (4, 4),
    pickup: Whole = 0,
    quantize: str | None = None,
) -> Score:
    """Write down the notes of a waveform or an audio file in bars, by the wishes of `orchestrion.options.Transcribing`.

    The first bar begins with the first note.

    Raises:
        OrchestrionError: audio that cannot be read or holds no notes, or a method that is not installed.
    """
    from orchestrion.labelling.transcribing import transcribe as write_down

    wishes = Transcribing.of(method=method, tempo=tempo, meter=meter, pickup=pickup, quantize=quantize)
    return write_down(audio, wishes).score


@overload
def render(
    score: Source, instrument: Players | None = ..., *, seed: Whole = ..., take: int = ..., temperature: Number | None = ...,
    parallel: bool | None = ..., gains_db: Sequence[Number] = ..., vibrato: Number = ..., length_s: Number | None = ...,
    only_source: bool = ..., storage: str = ..., device: str = ..., threads: int | None = ..., advance: Advance | None = ...,
) -> Waveform: ...  # fmt: skip
@overload
def render(
    score: Sources, instrument: Players | None = ..., *, seed: Whole = ..., take: int = ..., temperature: Number | None = ...,
    parallel: bool | None = ..., gains_db: Sequence[Number] = ..., vibrato: Number = ..., length_s: Number | None = ...,
    only_source: bool = ..., storage: str = ..., device: str = ..., threads: int | None = ..., advance: Advance | None = ...,
) -> list[Waveform]: ...  # fmt: skip
def render(
    score: Source | Sources,
    instrument: Players | None = None,
    *,
    seed: Whole = 0,
    take: int = 0,
    temperature: Number | None = None,
    parallel: bool | None = None,
    gains_db: Sequence[Number] = (),
    vibrato: Number = 1.0,
    length_s: Number | None = None,
    only_source: bool = False,
    storage: str = STORAGE,
    device: str = "auto",
    threads: int | None = None,
    advance: Advance | None = None,
) -> Waveform | list[Waveform]:
    """Play a score, or each of a list of scores, by the options of `orchestrion.options.Playing`.

    Args:
        score: a score, a file, or the name of a built-in tune; `arrange` chooses parts, transposes and cuts. Or a list of them.
        instrument: a shipped name, a weights file or a loaded instrument; a list of them, one for each part; or "violin=Melody",
            "piano=rest" and their like. None: each part is played by the shipped instrument that its MIDI program or name asks for.
        take: the number of the take; another one, other audio.
        advance: called with the seconds of audio made since its last call; None for a bar of its own.

    Raises:
        OrchestrionError: no such score or instrument, or nothing to play.
    """
    options = Playing.of(
        seed=seed, temperature=temperature, parallel=parallel, gains_db=gains_db, vibrato=vibrato, length_s=length_s, only_source=only_source,
        storage=storage, device=device, threads=threads,
    )  # fmt: skip
    if isinstance(score, Score | str | os.PathLike):
        return _render_all([as_score(score)], instrument, take, options, advance)[0]
    return _render_all([as_score(one) for one in score], instrument, take, options, advance)


def _render_all(
    scores: Sequence[Score], instrument: Players | None, take: int, options: Playing, advance: Advance | None
) -> list[Waveform]:
    """Scores that the same players play are played together."""
    groups: dict[tuple[Player, ...], list[int]] = {}
    for index, score in enumerate(scores):
        groups.setdefault(_players(score, instrument), []).append(index)
    audio: dict[int, Waveform] = {}
    for players, chosen in groups.items():
        played = play_all([(scores[index], take) for index in chosen], players, options, advance=advance)
        audio |= {index: performance.to_mono() for index, performance in zip(chosen, played, strict=True)}
    return [audio[index] for index in range(len(scores))]


def _players(score: Score, instrument: Players | None) -> tuple[Player, ...]:
    given = [instrument] if isinstance(instrument, Instrument | str | os.PathLike) else list(instrument or ())
    wishes = [wish for wish in given if isinstance(wish, str)]
    return tuple(players_of(score, wishes)) if len(wishes) == len(given) else tuple(given)


def stream(
    score: Source,
    instrument: Player = shipped.DEFAULT_INSTRUMENT,
    *,
    seed: Whole = 0,
    take: int = 0,
    temperature: Number | None = None,
    parallel: bool = False,
    vibrato: Number = 1.0,
    length_s: Number | None = None,
    storage: str = STORAGE,
    device: str = "auto",
    threads: int | None = None,
) -> Iterator[np.ndarray]:
    """Play a score on one instrument and yield blocks of float32 samples as they are made, at the instrument's sample rate.

    Args:
        parallel: larger blocks, sooner; the others as in `render`.

    Raises:
        OrchestrionError: as `render`.
    """
    options = Playing.of(
        seed=seed, temperature=temperature, parallel=parallel, vibrato=vibrato, length_s=length_s, storage=storage, device=device,
        threads=threads,
    )  # fmt: skip
    player, whole = Instrument.load(instrument).adjusted(vibrato=options.vibrato), as_score(score)
    yield from Span.of(whole, options).ended(blocks_of(whole, player, options, take=take), player.config.sample_rate)


def perform(
    instrument: Player = shipped.DEFAULT_INSTRUMENT,
    *,
    model: Path = shipped.DEFAULT_COMPOSER,
    bars: Whole | None = None,
    seconds: Number | None = None,
    tempo: Number | None = None,
    meter: Meter | None = None,
    key: str | None = None,
    pitch_range: Range | None = None,
    polyphony: Whole | None = None,
    prime: Source | None = None,
    form: str | None = None,
    chords: str | None = None,
    expression: Number = 0.0,
    temperature: Number = 1.0,
    conservativity: Number = 1.0,
    seed: Whole = 0,
    device: str = "auto",
    strict: bool = False,
) -> Performance:
    """Compose a piece (as `compose`) and play it (``device`` as in `render`).

    Returns:
        Has ``score``, ``audio``, ``facts`` and ``draw(path)``.

    Raises:
        OrchestrionError: as `compose` and `render`.
    """
    score = compose(
        model, bars=bars, seconds=seconds, tempo=tempo, meter=meter, key=key, pitch_range=pitch_range, polyphony=polyphony,
        prime=prime, form=form, chords=chords, expression=expression, temperature=temperature, conservativity=conservativity, seed=seed, strict=strict,
    )  # fmt: skip
    return play(score, [instrument], Playing.of(seed=seed, device=device))


def generate(
    backend: str,
    *,
    model: Path | None = None,
    seconds: Number = 10.0,
    seed_audio: Waveform | Path = NOISE,
    seed_start_s: Number = 0.0,
    seed_seconds: Number = 10.0,
    with_seed: bool = False,
    score: Source | None = None,
    temperature: Number | None = None,
    seed: Whole = 0,
) -> Waveform:
    """Continue audio, or noise, with any back-end, by the options of `orchestrion.options.Generating`.

    Args:
        backend: a name in `orchestrion.generators.table.BACKENDS`.
        model: a run's folder, a weights file or a shipped model's name; None for the shipped one of that back-end.
        score: what ``wavenet`` plays; no other back-end can be told.

    Raises:
        OrchestrionError: no such back-end or model, or a seed that cannot be used.
    """
    from orchestrion.generators.generating import generate as run

    options = Generating.of(
        seconds=seconds, seed_audio=seed_audio, seed_start_s=seed_start_s, seed_seconds=seed_seconds, with_seed=with_seed,
        score=score, temperature=temperature, seed=seed,
    )  # fmt: skip
    return run(backend, model, options)


def compare(
    score: Source,
    instrument: Player,
    folder: Path,
    *,
    unconditioned: Player | None = None,
    seed: Whole = 0,
    temperature: Number | None = None,
    length_s: Number | None = None,
    wanted: AudioFormat | None = None,
) -> ConditionedReport:
    """Render with and without the notes, measure which follows them, and write the report into an existing folder.

    Args:
        unconditioned: a WaveNet trained without notes; by default the shipped one of that instrument,
            where there is none the shipped back-end ``wavenet-unconditioned`` (another piano's recordings).
        length_s: as in `render`.
        wanted: rate, channels and bits of the audio files; what is measured is what is played.

    Raises:
        OrchestrionError: as `render`, or the folder cannot be written.
    """
    from orchestrion.evaluation.comparison.conditioned import compare as report

    options = Playing.of(seed=seed, temperature=temperature, length_s=length_s)
    player = Instrument.load(instrument)
    program = player.metadata.get("program")
    if unconditioned is None:
        unconditioned = _shipped_without_notes(player.name)
    return report(
        as_score(score),
        player.name,
        render=_Sound(player, options),
        unconditioned=None if unconditioned is None else _Sound(Instrument.load(unconditioned), options),
        source=None if player.source is None else _Sound(player, Playing(seed=options.seed, length_s=options.length_s, only_source=True)),
        program=program if isinstance(program, int) else None,
        out_dir=folder,
        seed=options.seed,
        wanted=wanted,
    )


def _shipped_without_notes(name: str) -> str | None:
    candidates = (f"{name}{UNCONDITIONED}", f"wavenet{UNCONDITIONED}")
    return next((candidate for candidate in candidates if candidate in shipped.names()), None)


@dataclass(frozen=True)
class _Sound:
    """How the report has a score played."""

    player: Instrument
    options: Playing

    def __call__(self, score: Score, *, seed: int) -> Waveform:
        return play(score, [self.player], replace(self.options, seed=seed)).to_mono()


def compare_all(
    score: Source,
    folder: Path,
    *,
    data: Path | None = None,
    clips: Whole = 3,
    seconds: Number = 10.0,
    seed_seconds: Number = 10.0,
    models: Mapping[str, Path] | None = None,
    runs: Path | None = None,
    instrument: Path = shipped.DEFAULT_INSTRUMENT,
    only: Sequence[str] = (),
    seed: Whole = 0,
) -> GeneratorsReport:
    """Have every generator of audio continue the same seeds, measure them, and write the report into an existing folder.

    Args:
        score: what ``wavenet`` plays.

    The others are those of `orchestrion.options.ComparingAll`.

    Raises:
        OrchestrionError: a model or the set of songs cannot be used, or the folder cannot be written.
    """
    from orchestrion.evaluation.comparison.generators import compare_all as report

    options = ComparingAll.of(
        data=data, clips=clips, seconds=seconds, seed_seconds=seed_seconds, models=models or {}, runs=runs, instrument=instrument,
        only=only, seed=seed,
    )  # fmt: skip
    return report(as_score(score), folder, options)


def as_score(source: Source) -> Score:
    """``source`` itself, or what `Score.read` makes of it."""
    return source if isinstance(source, Score) else Score.read(source)


def learn(data: Path, output: Path | None = None, *, stretched: bool | None = None) -> dict[str, object]:
    """Make an instrument without training: out of single notes (a folder with index.tsv, or ``soundfont:NAME``), or of recordings with notes.

    Args:
        stretched: of recordings, whether their partials are a piano's; None: as the set's program says, else as they sound.
        output: the instrument's file; None for the name of ``data``.

    Returns:
        What was found, and ``output``.

    Raises:
        OrchestrionError: no such notes, or ``output`` cannot be written.
    """
    from orchestrion.training.learn import default_output
    from orchestrion.training.learn import learn as make

    target = output or default_output(data)
    return {"output": os.fspath(target), **make(data, target, stretched=stretched)}


def info(source: Path) -> dict[str, object]:
    """What a score, audio or weights file holds, or a built-in tune or shipped model; JSON-able.

    Raises:
        OrchestrionError: no such file, another kind of file, or one that cannot be read.
    """
    from orchestrion.inspection import describe

    return describe(source)


def statistics(score: Source) -> dict[str, float]:
    """What tells writing from noodling: entropy of pitch classes, polyphony, empty beats, notes a beat, repetition.

    Raises:
        OrchestrionError: no such score.
    """
    from orchestrion.evaluation.composition.statistics import statistics as measure

    return measure(as_score(score))


def bench(
    presets: Sequence[str] = ("medium",),
    threads: Sequence[int] = (1, 2),
    modes: Sequence[str] = ("one_voice", "32_voices", "parallel"),
    storages: Sequence[str] = ("int8",),
    score_s: float = 30.0,
) -> Iterator[Row]:
    """Time the samplers with random weights: a row for each preset, mode, storage and number of threads, as it is measured.

    Raises:
        OrchestrionError: an unknown preset, mode or storage.
    """
    from orchestrion.renderer.benchmark import benchmark

    return benchmark(presets, threads, modes, storages, score_s)
