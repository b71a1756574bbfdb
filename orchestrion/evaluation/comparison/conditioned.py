"""One score played with and without its notes, beside a reference performance: audio, measures, a picture and a page.

Writes ``conditioned.wav``, ``unconditioned.wav`` (or ``other-score.wav``), ``reference.wav``, ``report.json``,
``report.png`` and ``report.html`` into a folder. Each file appears whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.figures.performance import comparison_figure
from orchestrion.evaluation.figures.style import save_figure
from orchestrion.evaluation.judge.following import floor, note_accuracy
from orchestrion.evaluation.judge.reference import reference_performance
from orchestrion.evaluation.judge.transcription import NAME
from orchestrion.evaluation.listening.loudness import at_one_loudness
from orchestrion.evaluation.meters.audio_checks import check_audio
from orchestrion.evaluation.pages import render_page
from orchestrion.files import atomic_write, write_json
from orchestrion.options import AudioFormat
from orchestrion.progress import progress, waiting
from orchestrion.score import BUILTIN_TUNES, Score

ROWS = {
    "note_f1_50ms": "Notes right within 50 ms (F1)",
    "note_f1_100ms": "Notes right within 100 ms (F1)",
    "note_precision_50ms": "… precision, 50 ms",
    "note_recall_50ms": "… recall, 50 ms",
    "pitch_accuracy": "Melody pitch right (share of time)",
    "multipitch_accuracy": "All pitches right (multipitch accuracy)",
    "chroma_accuracy": "… octaves forgiven",
}
"""The table's rows: keys of `following.note_accuracy` and their headings."""

INAUDIBLE = 1e-3
"""Peak, of full scale, below which a take counts as silent."""


class Render(Protocol):
    """Plays ``score`` from ``seed``; equal arguments give equal audio."""

    def __call__(self, score: Score, *, seed: int) -> Waveform: ...


@dataclass(frozen=True, slots=True)
class ComparedTake:
    """One rendering in the report.

    Args:
        name: of its file, and its key in ``report.json``.
        heading: for people.
        what: one sentence on how it was made.
        audio: as long as the conditioned take.
    """

    name: str
    heading: str
    what: str
    audio: Waveform


@dataclass(frozen=True, slots=True)
class ConditionedReport:
    """What was measured, and where it was written.

    Attributes:
        takes: heading, how it was made and file of each take, by name.
        measures: `following.note_accuracy` of each take, and under ``floor`` that of the conditioned take against the tune among the
            others (``floor_tune``) that fits it best.
        folder: where ``report.html`` and the audio lie.
    """

    instrument: str
    title: str
    seed: int
    transcriber: str
    duration_s: float
    takes: dict[str, dict[str, str]]
    measures: dict[str, dict[str, float]]
    floor_tune: str
    audio_checks: dict[str, dict[str, float]]
    settings: dict[str, object]
    folder: Path

    def to_json(self) -> dict[str, object]:
        """The content of ``report.json``."""
        return {name: value for name, value in asdict(self).items() if name != "folder"}

    def _repr_html_(self) -> str:
        """In a notebook: the measures and a player for each take."""
        from orchestrion.evaluation.comparison.showing import conditioned_html

        return conditioned_html(self, ROWS)


def compare(
    score: Score,
    instrument: str,
    *,
    render: Render,
    out_dir: str | os.PathLike[str],
    unconditioned: Render | None = None,
    source: Render | None = None,
    network: Render | None = None,
    program: int | None = None,
    seed: int = 0,
    settings: Mapping[str, object] | None = None,
    wanted: AudioFormat | None = None,
) -> ConditionedReport:
    """Render ``score`` with and without its notes, measure how well each follows it, and write the report.

    Args:
        instrument: its name, for headings.
        render: the instrument.
        out_dir: an existing folder.
        source: the instrument's harmonic source without its network, where it is driven by one.
        network: the network without that source, where there is one.
        unconditioned: a WaveNet trained without notes; it gets the score for its length only. Without
            one, the instrument plays another built-in tune instead, and the report says so. (A conditioned network
            without notes would be no fair substitute: it was never trained for that.)
        program: General MIDI program of the reference; the score's own by default.
        settings: copied into ``report.json``.
        wanted: rate, channels and bits of the audio files; measured is what is played.

    Raises:
        OrchestrionError: no such folder, no notes in range, or a rendering fails.
    """
    folder = Path(out_dir)
    if not folder.is_dir():
        raise OrchestrionError(f"Cannot write the report into {folder}: it is not a folder; make it first.")
    takes = _takes(score, instrument, render, unconditioned, source, network, program, seed)
    measures = {}
    with progress(len(takes) + 1, "Listening") as advance:
        for take in takes:
            measures[take.name] = note_accuracy(take.audio, score)
            advance()
        others = {name: tune for name, tune in BUILTIN_TUNES.items() if _differs(tune, score)}
        floor_tune, measures["floor"] = floor(takes[0].audio, others)
    report = ConditionedReport(
        instrument=instrument,
        title=score.title,
        seed=seed,
        transcriber=NAME,
        duration_s=takes[0].audio.duration_s,
        takes={take.name: {"heading": take.heading, "what": take.what, "file": f"{take.name}.wav"} for take in takes},
        measures=measures,
        floor_tune=floor_tune,
        audio_checks={take.name: check_audio(take.audio, score) for take in takes},
        settings=dict(settings or {}),
        folder=folder,
    )
    with waiting("Writing the page"):
        _write(folder, score, takes, report, wanted)
    return report


def _takes(
    score: Score,
    instrument: str,
    render: Render,
    unconditioned: Render | None,
    source: Render | None,
    network: Render | None,
    program: int | None,
    seed: int,
) -> list[ComparedTake]:
    played = render(score, seed=seed)
    heading = instrument[:1].upper() + instrument[1:]
    conditioned = ComparedTake("conditioned", f"{heading}, with the notes", "The instrument plays the score.", played)
    if unconditioned is not None:
        without = ComparedTake(
            "unconditioned",
            f"{heading}, without notes",
            "A WaveNet that was trained without notes plays freely for as long. It is smaller than the instrument's, and heard less.",
            unconditioned(score, seed=seed),
        )
    else:
        other = next(tune for tune in BUILTIN_TUNES.values() if _differs(tune, score))
        without = ComparedTake(
            "other-score",
            f"{heading}, with the notes of {other.title}",
            f"There is no unconditioned {instrument}; instead the instrument plays {other.title}, "
            "which is measured against this score.",
            render(other, seed=seed),
        )
    audio, maker = reference_performance(score, program)
    reference = ComparedTake("reference", f"Reference ({maker})", f"The same notes by {maker}.", audio)
    takes = [conditioned, *(_as_long_as(played, take) for take in (without, reference))]
    if source is not None:
        what = "The table of partials that the score alone makes sound, without the network: what is heard beside it, the network adds."
        takes.append(_as_long_as(played, ComparedTake("source", f"{heading}, its source alone", what, source(score, seed=seed))))
    if network is not None:
        what = "The network without that table: it is told the notes, and hears a source that is silent."
        takes.append(_as_long_as(played, ComparedTake("network", f"{heading}, its network alone", what, network(score, seed=seed))))
    return [_silence_said(take) for take in takes]


def _silence_said(take: ComparedTake) -> ComparedTake:
    """A player that nothing is heard from, and a picture all black, would look like a fault of the page."""
    if np.abs(take.audio.samples).max(initial=0.0) >= INAUDIBLE:
        return take
    return replace(take, heading=f"{take.heading}: silent", what=f"{take.what} Nothing is heard of it.")


def _differs(tune: Score, score: Score) -> bool:
    """Whether a tune is another piece than ``score``, not the same one cut or transposed."""
    return tune.notes != score.notes and tune.title != score.title


def _as_long_as(model: Waveform, take: ComparedTake) -> ComparedTake:
    """The take at the model's rate, cut or followed by silence to its length."""
    audio = take.audio.resample(model.sample_rate)
    n = len(model.samples)
    samples = np.pad(audio.samples[:n], (0, max(0, n - len(audio.samples))))
    return replace(take, audio=replace(audio, samples=samples))


def _write(folder: Path, score: Score, takes: Sequence[ComparedTake], report: ConditionedReport, wanted: AudioFormat | None) -> None:
    for take in takes:
        take.audio.write(folder / f"{take.name}.wav", wanted)
    title = f"{score.title or 'The score'} on {report.instrument}"
    figure = comparison_figure({take.heading: take.audio for take in takes}, score, title)
    save_figure(figure, folder / "report.png")
    write_json(folder / "report.json", report.to_json())
    columns = [report.measures[name] for name in (*(take.name for take in takes), "floor")]
    page = render_page(
        "conditioned.html",
        title=title,
        report=report,
        takes=[(take, audio) for take, audio in zip(takes, at_one_loudness([take.audio for take in takes]), strict=True)],
        f1=[column["note_f1_50ms"] for column in columns],
        rows={label: [column.get(key) for column in columns] for key, label in ROWS.items() if any(key in c for c in columns)},
        image=folder / "report.png",
    )
    with atomic_write(folder / "report.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
