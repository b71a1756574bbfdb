"""What one does with generators of audio: have them continue, and put them side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrion import shipped
from orchestrion.api.keywords import Number, Path, Source, Whole, as_score
from orchestrion.audio import Waveform
from orchestrion.options import NOISE, AudioFormat, ComparingAll, Generating, Playing
from orchestrion.playing import Player, play
from orchestrion.renderer.instrument import Instrument
from orchestrion.score import Score

if TYPE_CHECKING:
    from orchestrion.evaluation.comparison.conditioned import ConditionedReport
    from orchestrion.evaluation.comparison.generators import GeneratorsReport

UNCONDITIONED = "-unconditioned"


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
        network=None if player.source is None else _Sound(player.unsourced(), options),
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
