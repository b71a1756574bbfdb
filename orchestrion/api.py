"""What one does with Orchestrion, each in one call; the command line is a thin layer over these functions.

    >>> import orchestrion
    >>> tune = orchestrion.compose(bars=8, seed=7)                         # doctest: +SKIP
    >>> orchestrion.render(tune, instrument="violin").write("tune.wav")    # doctest: +SKIP
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from orchestrion import shipped
from orchestrion.audio import Waveform
from orchestrion.casting import players_of
from orchestrion.ensemble import Mix
from orchestrion.errors import OrchestrionError
from orchestrion.playing import Performance, Player, blocks_of, play
from orchestrion.renderer.instrument import Instrument
from orchestrion.score import Score

if TYPE_CHECKING:
    from orchestrion.evaluation.comparison.conditioned import ConditionedReport
    from orchestrion.evaluation.comparison.generators import GeneratorsOptions, GeneratorsReport

UNCONDITIONED = "-unconditioned"
Source = Score | str | os.PathLike[str]


def compose(model: str | os.PathLike[str] = shipped.DEFAULT_COMPOSER, *, count: int = 1, **options: Any) -> Score | list[Score]:
    """Compose a new piece, or a list of them where ``count`` is above 1.

    The options are those of `orchestrion.composer.compose.compose`: bars, seconds, tempo, meter, key, pitch_range,
    polyphony, prime, temperature, conservativity, seed.

    Raises:
        OrchestrionError: no such model, or what is asked is impossible.
    """
    from orchestrion.composer.compose import compose as write

    pieces = write(model, count=count, **options)
    return pieces[0] if count == 1 else pieces


def render(score: Source, instrument: Player | Sequence[Player] | None = None, **options: Any) -> Waveform:
    """Play ``score`` on one instrument, or each of its parts on its own instrument where a list is given.

    Without one, each part is played by the shipped instrument that its MIDI program or name asks for.

    Args:
        score: a score, a file, or the name of a built-in tune.
        instrument: shipped names, weights files or loaded instruments.
        options: seed, temperature, parallel, gains_db, threads, device, vibrato, only_source; see `orchestrion.playing.play_all`.

    Raises:
        OrchestrionError: no such score or instrument, or nothing to play.
    """
    score = as_score(score)
    if instrument is None:
        players: Sequence[Player] = players_of(score)
    else:
        players = [instrument] if isinstance(instrument, Instrument | str | os.PathLike) else list(instrument)
    audio = play(score, players, **options).audio
    return audio.to_mono() if isinstance(audio, Mix) else audio


def stream(score: Source, instrument: Player = shipped.DEFAULT_INSTRUMENT, **options: Any) -> Iterator[np.ndarray]:
    """Play ``score`` and yield blocks of float32 samples as they are made, at the instrument's sample rate.

    Args:
        options: seed, take, temperature, device; ``parallel=True`` for larger blocks sooner; see
            `orchestrion.playing.blocks_of`.

    Raises:
        OrchestrionError: as `render`.
    """
    yield from blocks_of(as_score(score), Instrument.load(instrument), **options)


def perform(
    instrument: Player = shipped.DEFAULT_INSTRUMENT, *, seed: int = 0, device: str = "auto", **composing: Any
) -> Performance:
    """Compose a piece (see `compose`) and play it (``device`` as in `render`); the result has ``score``, ``audio`` and
    ``draw(path)``.

    Raises:
        OrchestrionError: as `compose` and `render`.
    """
    score = compose(seed=seed, **composing)
    if not isinstance(score, Score):
        raise OrchestrionError("Perform one piece at a time; leave out count.")
    return play(score, [instrument], seed=seed, device=device)


def generate(backend: str, *, seconds: float, score: Source | None = None, **options: Any) -> Waveform:
    """Continue audio, or noise, with any back-end.

    Args:
        backend: a name in `orchestrion.generators.table.BACKENDS`.
        seconds: of the continuation.
        score: what ``wavenet`` plays; no other back-end can be told.
        options: model, seed_audio, seed, seed_start_s, seed_seconds, with_seed; see `orchestrion.generators.generating.generate`.

    Raises:
        OrchestrionError: no such back-end or model, or a seed that cannot be used.
    """
    from orchestrion.generators.generating import generate as run

    return run(backend, seconds=seconds, score=None if score is None else as_score(score), **options)


def compare(
    score: Source,
    instrument: Player,
    folder: str | os.PathLike[str],
    *,
    unconditioned: Player | None = None,
    seed: int = 0,
    temperature: float | None = None,
) -> ConditionedReport:
    """Render with and without the notes, measure which follows them, and write the report into an existing folder.

    Args:
        unconditioned: a WaveNet trained without notes; by default the shipped one of that instrument,
            where there is none the shipped back-end ``wavenet-unconditioned`` (another piano's recordings).

    Raises:
        OrchestrionError: as `render`, or the folder cannot be written.
    """
    from orchestrion.evaluation.comparison.conditioned import compare as report

    player = Instrument.load(instrument)
    program = player.metadata.get("program")
    if unconditioned is None:
        unconditioned = _shipped_without_notes(player.name)
    return report(
        as_score(score),
        player.name,
        render=_Sound(player, temperature),
        unconditioned=None if unconditioned is None else _Sound(Instrument.load(unconditioned), temperature),
        source=None if player.source is None else _Sound(player, None, only_source=True),
        program=program if isinstance(program, int) else None,
        out_dir=folder,
        seed=seed,
    )


def _shipped_without_notes(name: str) -> str | None:
    candidates = (f"{name}{UNCONDITIONED}", f"wavenet{UNCONDITIONED}")
    return next((candidate for candidate in candidates if candidate in shipped.names()), None)


def compare_all(
    score: Source, folder: str | os.PathLike[str], options: GeneratorsOptions | None = None
) -> GeneratorsReport:
    """Have every generator of audio continue the same seeds, measure them, and write the report into an existing folder.

    Args:
        score: what ``wavenet`` plays.

    Raises:
        OrchestrionError: a model or the set of songs cannot be used, or the folder cannot be written.
    """
    from orchestrion.evaluation.comparison.generators import compare_all as report

    return report(as_score(score), folder, options)


@dataclass(frozen=True)
class _Sound:
    """How the report has a score played."""

    player: Instrument
    temperature: float | None
    only_source: bool = False

    def __call__(self, score: Score, *, seed: int) -> Waveform:
        return render(score, self.player, seed=seed, temperature=self.temperature, only_source=self.only_source)


def as_score(source: Source) -> Score:
    """``source`` itself, or what `Score.read` makes of it."""
    return source if isinstance(source, Score) else Score.read(source)
