"""The table of the comparison of all generators: for the page, for a README, and for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from orchestrion.evaluation.comparison.measuring import Figure, SystemMeters

COLUMNS: Mapping[str, tuple[str, str, str | None]] = {
    "note_f1_50ms": ("Notes right (F1)", "{:.2f}", None),
    "loops": ("Clips that loop", "{}", "loops"),
    "loops_by_seeds": ("… by 1 · 3 · 6 seeds", "{}", "loops"),
    "first_loop_s": ("First loop after (s)", "{:.1f}", "loops"),
    "settled": ("Clips that come to rest", "{}", "settling"),
    "level_db": ("Level (dB)", "{:+.1f}", None),
    "flatness": ("Flatness", "{:.2f}", "noise"),
    "silent_share": ("Silent", "{:.0%}", "silence"),
    "outside_band": ("Outside the band", "{:.1%}", "band"),
    "click_excess_db": ("Clicks at edges (dB)", "{:+.1f}", "clicks"),
    "imaginary_residue_db": ("Imaginary residue (dB)", "{:.1f}", "imaginary residue"),
    "copying": ("Copied (correlation)", "{:.2f}", "copying"),
    "frechet_distance": ("Fréchet distance*", "{:.3f}", None),
    "kernel_distance": ("Kernel distance*", "{:.4f}", None),
    "trained_steps": ("Trained: steps", "{:,.0f}", None),
    "trained_examples": ("… examples", "{:,.0f}", None),
    "trained_seconds_of_audio": ("… seconds of audio", "{:,.0f}", None),
}
"""Heading, format and fault of each figure of `measuring.SystemMeters.summary` that the table shows."""

EXPLAINED = (
    ("Notes right", "onset F1 within 50 ms of the score, of the first clip; only wavenet is told the score"),
    ("Loops", ("the log-mel spectrogram repeats itself at a fixed lag for two periods and three seconds; by one, three and six "
               "times the seed's length")),
    ("Come to rest", "the last two seconds repeat themselves: a constant, a steady tone, or one block again and again"),
    ("Level", "of the clips against held-out recordings"),
    ("Flatness", "spectral, by octaves: 0 for tones, 0.56 for noise"),
    ("Outside the band", "energy where no held-out recording has more than 1 %"),
    ("Clicks", "jump at block edges over that inside blocks; none where audio is made sample by sample"),
    ("Imaginary residue", "of the inverse transform of predicted spectra, thrown away"),
    ("Copied", "greatest correlation of two seconds with the training audio"),
    ("Trained", "networks are compared on equal terms where steps and examples agree; – where a file does not know"),
    ("*", ("to held-out recordings over log-mel-dct-40 embeddings: comparable within this table only, not with "
           "published Fréchet audio distances; what has no treble because it is made at 4.41 kHz is far from what has")),
)  # fmt: skip


class Cell(TypedDict):
    """A figure as text, and whether at least one clip has the fault that it measures."""

    text: str
    is_faulty: bool


@dataclass(frozen=True, slots=True)
class Table:
    """``headings`` of the columns in which any system has a figure, and one row of cells for each system."""

    headings: tuple[str, ...]
    rows: Mapping[str, list[Cell]]

    @classmethod
    def of(cls, systems: Mapping[str, SystemMeters]) -> Table:
        summaries = {name: system.summary() for name, system in systems.items()}
        shown = {key: column for key, column in COLUMNS.items() if any(row[key] is not None for row in summaries.values())}
        rows = {
            name: [
                Cell(text=_text(row[key], form), is_faulty=fault in systems[name].faults and row[key] is not None)
                for key, (_, form, fault) in shown.items()
            ]
            for name, row in summaries.items()
        }
        return cls(tuple(heading for heading, *_ in shown.values()), rows)

    def to_markdown(self) -> str:
        """For a README."""
        lines = ["| system | " + " | ".join(self.headings) + " |", "| --- |" + " ---: |" * len(self.headings)]
        lines += [f"| `{name}` | " + " | ".join(cell["text"] for cell in cells) + " |" for name, cells in self.rows.items()]
        return "\n".join(lines) + "\n"


def as_text(systems: Mapping[str, SystemMeters], absent: Mapping[str, str], source: str) -> str:
    """For a terminal: notes, distances and faults of each system, and the command that makes each absent model."""
    width = max(map(len, [*systems, *absent]))
    lines = [f"{'':<{width}}  {'notes right':>11}  {'Fréchet*':>8}  {'kernel*':>8}  faults"]
    for name, system in systems.items():
        notes = _text(system.summary()["note_f1_50ms"], "{:.2f}")
        lines.append(f"{name:<{width}}  {notes:>11}  {system.frechet_distance:>8.3f}  {system.kernel_distance:>8.4f}  "
                     f"{', '.join(system.faults) or 'none found'}")  # fmt: skip
    lines += [f"{name:<{width}}  absent; make it: {command}" for name, command in absent.items()]
    return "\n".join([*lines, f"* to the recordings ({source}); comparable within this table only"])


def _text(value: Figure, form: str) -> str:
    return "–" if value is None else form.format(value)
