"""How a network that hears no source plays when it runs free: ``python benchmarks/free_running.py cello-paper cello-paper-unconditioned --data cello/``.

The first seconds of the six built-in tunes, and of held-out pieces of ``--data``, several seeds each. Notes right: onset F1 within 50 ms. Level: against
the ceiling's, which is FluidSynth at the level of a training set, or the held-out recording. Silent: the share of the time in which the ceiling sounds
and the network does not. An instrument that is told no notes plays as it likes for as long. ``--guidance 1 1.5``
plays the first one guided by the second, its twin, too. ``--picture`` draws the first seed of the first tune.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.bridge import ConditioningSeries
from orchestrion.datasets.banks.fluidsynth import synthesise
from orchestrion.datasets.catalogue import open_recordings
from orchestrion.datasets.recordings.holdout import divided
from orchestrion.evaluation.figures.performance import comparison_figure
from orchestrion.evaluation.figures.style import save_figure
from orchestrion.evaluation.judge.following import note_accuracy
from orchestrion.evaluation.judge.instrument_report import into_range
from orchestrion.randomness import stream_key
from orchestrion.renderer.deemphasis import decode
from orchestrion.renderer.guidance import guided
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.kernels.batch import VoiceState
from orchestrion.renderer.kernels.conditioner import Conditioner
from orchestrion.renderer.sampler import perform, prepare
from orchestrion.renderer.task import Task
from orchestrion.score import BUILTIN_TUNES, Part, Score

WINDOW_S = 0.05
SOUNDS_DB, SILENT_DB = -50.0, -55.0  # of a window, below full scale
LAST_S = 0.1  # an onset later than this before the end is not judged


@dataclass(frozen=True, slots=True)
class Piece:
    """What is to be played, and its ceiling."""

    name: str
    score: Score
    series: ConditioningSeries
    ceiling: Waveform


@dataclass(frozen=True, slots=True)
class Played:
    """One draw of one piece; ``level_db`` against the ceiling's."""

    f1: float
    level_db: float
    silent: float
    audio: Waveform


def pieces(instrument: Instrument, program: int, data: str | None, n_held_out: int, seconds: float) -> list[Piece]:
    """The tunes in the instrument's range, then held-out recordings."""
    c, found = instrument.config, []
    for name, tune in BUILTIN_TUNES.items():
        score = into_range(tune, *instrument.pitch_range).crop(0.0, seconds)
        found.append(Piece(name, score, instrument.series(score), _cut(synthesise(score, program), seconds)))
    held_out = divided(open_recordings(data))[1][:n_held_out] if data else ()
    for piece in held_out:
        length = round(seconds * c.sample_rate / c.hop)
        notes = [replace(note, offset_s=min(note.offset_s, seconds)) for note in piece.notes if note.onset_s < seconds - LAST_S]
        recorded = Waveform(piece.samples(0, length * c.hop), c.sample_rate)
        found.append(Piece(piece.name, Score((Part(piece.name, program, tuple(notes)),)), piece.series.crop_frames(0, length), recorded))
    return found


def play(instrument: Instrument, wanted: Sequence[Piece], seeds: int, temperature: float) -> dict[str, list[Played]]:
    """Every piece with every seed, as the instrument plays (eight bits a weight)."""
    parameters, packed = prepare(instrument.model)
    longest = max(wanted, key=lambda piece: piece.series.n_frames)
    told = wanted if instrument.config.conditioned else [longest]  # what is told nothing plays the same whatever the piece
    tasks = [
        Task(Conditioner(parameters, packed, piece.series, temperature), VoiceState.silent(packed, int(stream_key(seed, 0))))
        for piece in told for seed in range(seeds)
    ]  # fmt: skip
    audio = [Waveform(decode(codes, instrument.config.coding), instrument.config.sample_rate) for codes in perform(tasks, threads=1)]
    draws = {piece.name: audio[i * seeds : (i + 1) * seeds] for i, piece in enumerate(told)}
    return {piece.name: [_judged(each, piece) for each in draws.get(piece.name, audio[-seeds:])] for piece in wanted}


def ceiling_f1(piece: Piece) -> float:
    """Of the ceiling itself, through the same transcriber."""
    return note_accuracy(piece.ceiling, piece.score.notes)["note_f1_50ms"]


def table(wanted: Sequence[Piece], played: dict[str, dict[str, list[Played]]]) -> str:
    """Markdown: a row a piece, and their mean."""
    names = list(played)
    lines = ["| piece | " + " | ".join(f"F1 of `{name}` (each seed) | level (dB) | silent" for name in names) + " | ceiling |"]
    lines.append("| --- |" + " ---: |" * (3 * len(names) + 1))
    for piece in wanted:
        cells = [_cells(played[name][piece.name]) for name in names]
        lines.append(f"| {piece.name} | {' | '.join(cells)} | {ceiling_f1(piece):.2f} |")
    means = [_cells([each for draws in played[name].values() for each in draws], listed=False) for name in names]
    return "\n".join([*lines, f"| mean | {' | '.join(means)} | {np.mean([ceiling_f1(piece) for piece in wanted]):.2f} |"])


def _cells(draws: Sequence[Played], *, listed: bool = True) -> str:
    f1 = [each.f1 for each in draws]
    each = f" ({', '.join(f'{value:.2f}' for value in f1)})" if listed else ""
    return f"{np.mean(f1):.2f}{each} | {np.mean([d.level_db for d in draws]):+.1f} | {np.mean([d.silent for d in draws]):.0%}"


def _judged(audio: Waveform, piece: Piece) -> Played:
    length = min(len(audio.samples), len(piece.ceiling.samples))
    heard, ceiling = audio.samples[:length], piece.ceiling.samples[:length]
    sounds = _windows_db(ceiling, audio.sample_rate) > SOUNDS_DB
    silent = float(np.mean(_windows_db(heard, audio.sample_rate)[sounds] < SILENT_DB))
    cut = Waveform(heard, audio.sample_rate)
    return Played(note_accuracy(cut, piece.score.notes)["note_f1_50ms"], _db(heard) - _db(ceiling), silent, cut)


def _cut(audio: Waveform, seconds: float) -> Waveform:
    return Waveform(audio.samples[: round(seconds * audio.sample_rate)], audio.sample_rate)


def _windows_db(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Level of each window ``[n]``, in dB below full scale."""
    size = round(WINDOW_S * sample_rate)
    return np.array([_db(window) for window in samples[: len(samples) // size * size].reshape(-1, size)])


def _db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-12))


def main() -> None:
    """Play, print the table, draw the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("instruments", nargs="+", help="the first one's range is played")
    parser.add_argument("--data", help="recordings with notes of which held-out pieces are played, too")
    parser.add_argument("--held-out", type=int, default=2)
    parser.add_argument("--program", type=int, default=42, help="of the ceiling; General MIDI, from 0")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--guidance", type=float, nargs="*", default=[], help="of the first instrument by the second, its twin, as well")
    parser.add_argument("--picture", type=Path)
    asked = parser.parse_args()
    loaded = {Path(name).stem if Path(name).suffix else name: Instrument.load(name) for name in asked.instruments}
    first, *others = loaded.values()
    if asked.guidance and not others:
        parser.error("--guidance needs the twin as the second instrument")
    loaded |= {player.name: player for player in (guided(first, others[0], strength) for strength in asked.guidance)}
    wanted = pieces(first, asked.program, asked.data, asked.held_out, asked.seconds)
    played = {name: play(instrument, wanted, asked.seeds, asked.temperature) for name, instrument in loaded.items()}
    print(table(wanted, played))
    if asked.picture:
        shown = wanted[0]
        panels = {name: draws[shown.name][0].audio for name, draws in played.items()} | {"the ceiling (FluidSynth)": shown.ceiling}
        save_figure(comparison_figure(panels, shown.score, f"The notes: {shown.name}"), asked.picture)


if __name__ == "__main__":
    main()
