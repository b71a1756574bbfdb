"""`compare_all`: every back-end that has a model continues the same seeds; audio, meters, pictures and a page."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrion import shipped
from orchestrion.audio import Waveform
from orchestrion.datasets.recordings.songs import SongSet
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.comparison import pictures
from orchestrion.evaluation.comparison.continuation import Played, play
from orchestrion.evaluation.comparison.generators_page import markdown, write_page
from orchestrion.evaluation.comparison.lineup import CONDITIONED, Entry, line_up
from orchestrion.evaluation.comparison.measuring import Yardstick, measure, summary
from orchestrion.evaluation.comparison.openings import Material, from_set, from_tunes
from orchestrion.evaluation.figures.performance import comparison_figure
from orchestrion.evaluation.figures.style import save_figure
from orchestrion.files import atomic_write, write_json
from orchestrion.progress import progress
from orchestrion.score import Score

RECORDING = "recording"


@dataclass(frozen=True, slots=True)
class Options:
    """What may be chosen.

    Args:
        data: a prepared set of songs, whose validation split gives seeds and held-out recordings and whose training
            split is searched for copies; built-in tunes without one.
        clips: how many seeds; the spectrograms' means are over them.
        seconds, seed_seconds: of what is generated, and of what it continues.
        models, runs, instrument, only: see `lineup.line_up`.
        seed: of the first clip; the next have the next.
    """

    data: str | None = None
    clips: int = 3
    seconds: float = 10.0
    seed_seconds: float = 10.0
    models: Mapping[str, str] | None = None
    runs: str | None = None
    instrument: str = shipped.DEFAULT_INSTRUMENT
    only: tuple[str, ...] = ()
    seed: int = 0


def compare_all(score: Score, out_dir: str | os.PathLike[str], options: Options | None = None) -> dict[str, Any]:
    """Compare all back-ends and write the report into an existing folder.

    Writes clips/BACKEND/clip-N.wav (what `listen build` takes), seeds/, four PNG files, report.json, report.md and
    report.html. Nothing is written before all have played.

    Returns:
        What stands in ``report.json``.

    Raises:
        OrchestrionError: the folder is not there, the set or a model cannot be used, or recordings are too short.
    """
    chosen = options or Options()
    folder = Path(out_dir)
    if not folder.is_dir():
        raise OrchestrionError(f"Cannot write the report into {folder}: it is not a folder; make it first.")
    songs = None if chosen.data is None else SongSet.open(chosen.data)
    rate = songs.sample_rate if songs else None
    entries = line_up(chosen.models, chosen.runs, chosen.instrument, chosen.data, rate, chosen.only)
    told = score.crop(0.0, chosen.seconds)
    if not told.notes:
        raise OrchestrionError(f"The score has no notes in its first {chosen.seconds:g} s; ask for more --seconds.")
    shape = (chosen.clips, chosen.seed_seconds, chosen.seconds)
    material = from_tunes(score, *shape) if songs is None else from_set(songs, *shape)
    played = _play_all([entry for entry in entries if entry.is_present], material, told, chosen)
    systems = _measure_all(played, material, told, chosen.seed_seconds)
    report = _report(score, chosen, material, entries, systems)
    _write(folder, report, material, played, told)
    return report


def _play_all(entries: list[Entry], material: Material, score: Score, options: Options) -> list[Played]:
    played = []
    with progress(len(entries), "Generating") as advance:
        for entry in entries:
            played.append(play(entry, material.openings, score, options.seconds, options.seed_seconds, options.seed))
            advance()
    return played


def _measure_all(played: list[Played], material: Material, score: Score, seed_s: float) -> dict[str, dict[str, Any]]:
    yardstick = Yardstick.of(material, seed_s)
    takes = {RECORDING: tuple(opening.follows for opening in material.openings)}
    takes |= {take.entry.backend: take.clips for take in played}
    # Searching for copies takes as long as all the rest.
    with progress(2 * max(material.training_s, 1.0), "Measuring") as advance:
        copies = yardstick.search(takes, RECORDING, advance)
        found = {RECORDING: measure(takes[RECORDING], yardstick, copies=copies[RECORDING])}
        for take in played:
            name = take.entry.backend
            found[name] = measure(
                take.clips, yardstick, copies=copies[name], score=score, block=take.block, spectra=take.spectra
            )
            advance(max(material.training_s, 1.0) / len(played))
    return found


def _report(
    score: Score, options: Options, material: Material, entries: tuple[Entry, ...], found: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    systems: dict[str, Any] = {
        RECORDING: {
            "present": True,
            "what": "What really follows the seeds.",
            "summary": summary(found[RECORDING]),
            **found[RECORDING],
        }
    }
    for entry in entries:
        if entry.is_present:
            result = found[entry.backend]
            systems[entry.backend] = {
                "present": True,
                "model": entry.model,
                "what": _what(entry, score),
                "summary": summary(result),
                **result,
            }
        else:
            systems[entry.backend] = {"present": False, "command": entry.command}
    return {
        "title": "Every generator, side by side", "score": score.title, "source": material.source, "seed": options.seed,
        "n_clips": len(material.openings), "seconds": options.seconds, "seed_seconds": options.seed_seconds,
        "seeds": [{"recording": opening.recording, "start_s": opening.start_s} for opening in material.openings],
        "systems": systems,
    }  # fmt: skip


def _what(entry: Entry, score: Score) -> str:
    model = entry.model if entry.model == entry.backend or not entry.model else Path(entry.model).name
    told = f", playing {score.title}" if entry.backend == CONDITIONED else ""
    return f"Model {model}{told}."


def _write(folder: Path, report: dict[str, Any], material: Material, played: list[Played], score: Score) -> None:
    players = {RECORDING: tuple(opening.follows for opening in material.openings)}
    players |= {take.entry.backend: take.clips for take in played}
    seeds = tuple(opening.seed for opening in material.openings)
    folders: dict[str, tuple[Waveform, ...]] = {f"clips/{name}": clips for name, clips in players.items()}
    for name, clips in (*folders.items(), ("seeds", seeds)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number, clip in enumerate(clips, 1):
            clip.write(folder / name / f"clip-{number}.wav")
    images = _draw(folder, players, score)
    write_json(folder / "report.json", report)
    with atomic_write(folder / "report.md") as temporary:
        temporary.write_text(markdown(report), encoding="utf-8")
    with atomic_write(folder / "report.html") as temporary:
        write_page(temporary, report, players, seeds, images)


def _draw(folder: Path, players: Mapping[str, tuple[Waveform, ...]], score: Score) -> dict[str, Path]:
    """The pictures by heading."""
    first = {name: clips[0] for name, clips in players.items()}
    loud = {name: pictures.at_one_loudness(clip) for name, clip in first.items()}
    figures = {
        "Spectrograms": pictures.spectrograms_figure(first, "The first clip of each, on one scale"),
        "Mean spectrograms": pictures.mean_spectrograms_figure(players, "Mean magnitude over the clips of each"),
        "Mean spectra": pictures.mean_spectra_figure(
            players, RECORDING, "Mean power over time of each, against recordings"
        ),
        "Peak frequencies": comparison_figure(loud, score, "The score, which only wavenet is told"),
    }
    paths = {heading: folder / f"{heading.lower().replace(' ', '-')}.png" for heading in figures}
    for heading, figure in figures.items():
        save_figure(figure, paths[heading], dpi=90)
    return paths
