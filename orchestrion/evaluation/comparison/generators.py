"""Every generator that has a model continues the same seeds; audio, meters, pictures and a page."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrion.audio import Waveform
from orchestrion.datasets.recordings.songs import SongSet
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.comparison import pictures
from orchestrion.evaluation.comparison.continuation import Continuation, continue_openings
from orchestrion.evaluation.comparison.generators_table import EXPLAINED, Table, as_text
from orchestrion.evaluation.comparison.lineup import CONDITIONED, Contestant, line_up
from orchestrion.evaluation.comparison.measuring import Meters, SystemMeters
from orchestrion.evaluation.comparison.openings import Recordings, from_set, from_tunes
from orchestrion.evaluation.figures.performance import comparison_figure
from orchestrion.evaluation.figures.style import save_figure
from orchestrion.evaluation.pages import render_page
from orchestrion.files import atomic_write, write_json
from orchestrion.options import ComparingAll
from orchestrion.progress import progress
from orchestrion.score import Score

RECORDING = "recording"
TITLE = "Every generator, side by side"


@dataclass(frozen=True, slots=True)
class GeneratorsReport:
    """All figures of a comparison.

    Args:
        source: where seeds and held-out recordings are from.
        systems: by name; ``recording`` is what really follows the seeds.
        entries: who took part, and who has no model.
        folder: where ``report.html``, the pictures and ``clips/SYSTEM/clip-N.wav`` lie.
    """

    score: str
    source: str
    options: ComparingAll
    seeds: tuple[tuple[str, float], ...]
    systems: Mapping[str, SystemMeters]
    entries: tuple[Contestant, ...]
    folder: Path

    @property
    def what(self) -> dict[str, str]:
        """One sentence on each system."""
        models = {entry.backend: entry for entry in self.entries if entry.model}
        return {RECORDING: "What really follows the seeds."} | {name: _what(entry, self.score) for name, entry in models.items()}

    @property
    def absent(self) -> dict[str, str]:
        """For each generator without a model, the command that makes one."""
        return {entry.backend: entry.command for entry in self.entries if entry.command}

    def _repr_html_(self) -> str:
        """In a notebook: the table, the spectrograms, and a player for the first clip of each system."""
        from orchestrion.evaluation.comparison.showing import generators_html

        return generators_html(self.folder, Table.of(self.systems), TITLE)

    def to_text(self) -> str:
        """For a terminal."""
        return as_text(self.systems, self.absent, self.source)

    def to_json(self) -> dict[str, object]:
        """The content of ``report.json``."""
        models = {entry.backend: entry.model for entry in self.entries}
        systems: dict[str, object] = {
            name: {"present": True, "model": models.get(name), "what": self.what[name], **found.to_json()}
            for name, found in self.systems.items()
        }
        systems |= {name: {"present": False, "command": command} for name, command in self.absent.items()}
        return {
            "title": TITLE, "score": self.score, "source": self.source, "seed": self.options.seed,
            "n_clips": len(self.seeds), "seconds": self.options.seconds, "seed_seconds": self.options.seed_seconds,
            "seeds": [{"recording": recording, "start_s": start_s} for recording, start_s in self.seeds],
            "systems": systems,
        }  # fmt: skip


def compare_all(score: Score, out_dir: str | os.PathLike[str], options: ComparingAll | None = None) -> GeneratorsReport:
    """Compare all generators and write the report into an existing folder.

    Writes clips/BACKEND/clip-N.wav (what `listen build` takes), seeds/, four PNG files, report.json, report.md and
    report.html. Nothing is written before all have played.

    Raises:
        OrchestrionError: no such folder, the set or a model cannot be used, or recordings are too short.
    """
    chosen = options or ComparingAll()
    folder = Path(out_dir)
    if not folder.is_dir():
        raise OrchestrionError(f"Cannot write the report into {folder}: it is not a folder; make it first.")
    songs = None if chosen.data is None else SongSet.open(chosen.data)
    rate = songs.sample_rate if songs else None
    entries = line_up(chosen.models, chosen.runs, chosen.instrument, chosen.data, rate, chosen.only)
    told = score.crop(0.0, chosen.seconds)
    if not told.notes:
        raise OrchestrionError(f"The score has no notes in its first {chosen.seconds:g} s; ask for more --seconds.")
    lengths = (chosen.clips, chosen.seed_seconds, chosen.seconds)
    recordings = from_tunes(score, *lengths) if songs is None else from_set(songs, *lengths)
    played = _continue_all([entry for entry in entries if entry.is_present], recordings, told, chosen)
    clips = {RECORDING: tuple(opening.follows for opening in recordings.openings)}
    clips |= {continued.entry.backend: continued.clips for continued in played}
    systems = _measure_all(clips, played, recordings, told, chosen.seed_seconds)
    seeds = tuple((opening.recording, opening.start_s) for opening in recordings.openings)
    report = GeneratorsReport(score.title, recordings.source, chosen, seeds, systems, entries, folder)
    _write(folder, report, recordings, clips, told)
    return report


def _continue_all(entries: list[Contestant], recordings: Recordings, score: Score, options: ComparingAll) -> list[Continuation]:
    played = []
    with progress(len(entries), "Generating") as advance:
        for entry in entries:
            played.append(
                continue_openings(entry, recordings.openings, score, options.seconds, options.seed_seconds, options.seed)
            )
            advance()
    return played


def _measure_all(
    clips: Mapping[str, tuple[Waveform, ...]], played: list[Continuation], recordings: Recordings, score: Score, seed_s: float
) -> dict[str, SystemMeters]:
    meters = Meters.of(recordings, seed_s)
    # Searching for copies takes as long as all the rest.
    training_s = max(recordings.training_s, 1.0)
    with progress(2 * training_s, "Measuring") as advance:
        copies = meters.copies(clips, RECORDING, advance)
        found = {RECORDING: meters.measure(clips[RECORDING], copies=copies[RECORDING])}
        for continued in played:
            name = continued.entry.backend
            found[name] = meters.measure(
                continued.clips, copies=copies[name], score=score, block=continued.block, spectra=continued.spectra,
                trained=continued.trained,
            )
            advance(training_s / len(played))
    return found


def _what(entry: Contestant, score: str) -> str:
    model = entry.model if entry.model == entry.backend or not entry.model else Path(entry.model).name
    told = f", playing {score}" if entry.backend == CONDITIONED else ""
    return f"Model {model}{told}."


def _write(
    folder: Path, report: GeneratorsReport, recordings: Recordings, clips: Mapping[str, tuple[Waveform, ...]], score: Score
) -> None:
    seeds = tuple(opening.seed for opening in recordings.openings)
    for name, listed in {**{f"clips/{name}": listed for name, listed in clips.items()}, "seeds": seeds}.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number, clip in enumerate(listed, 1):
            clip.write(folder / name / f"clip-{number}.wav")
    table = Table.of(report.systems)
    page = render_page(
        "generators.html", title=TITLE, report=report, table=table, explained=EXPLAINED, seeds=seeds, clips=clips,
        images=_draw(folder, clips, score),
    )  # fmt: skip
    write_json(folder / "report.json", report.to_json())
    for name, text in (("report.md", table.to_markdown()), ("report.html", page)):
        with atomic_write(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _draw(folder: Path, clips: Mapping[str, tuple[Waveform, ...]], score: Score) -> dict[str, Path]:
    """The pictures by heading."""
    first = {name: listed[0] for name, listed in clips.items()}
    loud = {name: pictures.at_one_loudness(clip) for name, clip in first.items()}
    figures = {
        "Spectrograms": pictures.spectrograms_figure(first, "The first clip of each, on one scale"),
        "Mean spectrograms": pictures.mean_spectrograms_figure(clips, "Mean magnitude over the clips of each"),
        "Mean spectra": pictures.mean_spectra_figure(clips, RECORDING, "Mean power over time of each, against recordings"),
        "Peak frequencies": comparison_figure(loud, score, "The score, which only wavenet is told"),
    }
    paths = {heading: folder / f"{heading.lower().replace(' ', '-')}.png" for heading in figures}
    for heading, figure in figures.items():
        save_figure(figure, paths[heading], dpi=90)
    return paths
