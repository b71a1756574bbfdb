"""Comparisons in a notebook: their tables, players and pictures, inside the HTML; what is gone from the folder is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrion.audio import Waveform
from orchestrion.audio.showing import flac_uri
from orchestrion.evaluation.listening.loudness import at_one_loudness
from orchestrion.evaluation.pages import png_uri

if TYPE_CHECKING:
    from orchestrion.evaluation.comparison.conditioned import ConditionedReport
    from orchestrion.evaluation.comparison.generators_table import Table

MOST_S = 240.0  # of audio in all, some 8 MB


def conditioned_html(report: ConditionedReport, rows: Mapping[str, str]) -> str:
    """The measures of each take and of the floor, a player for each, the picture."""
    names = [*report.takes, "floor"]
    headings = [take["heading"] for take in report.takes.values()] + [f"floor: {report.floor_tune}"]
    shown = [
        (label, [_figure(report.measures[name].get(key)) for name in names])
        for key, label in rows.items()
        if any(key in report.measures[name] for name in names)
    ]
    clips = [(take["heading"], report.folder / take["file"]) for take in report.takes.values()]
    heading = f"<p><b>{escape(report.title or 'The score')} on {escape(report.instrument)}</b></p>"
    return heading + _table(headings, shown) + _players(clips, is_level=True) + _picture(report.folder / "report.png", "Peak frequencies of each take")


def generators_html(folder: Path, table: Table, title: str) -> str:
    """The table, a player for the first clip of each system, and the spectrograms."""
    shown = [(name, [cell["text"] for cell in cells]) for name, cells in table.rows.items()]
    clips = [(name, folder / "clips" / name / "clip-1.wav") for name in table.rows]
    heading = f"<p><b>{escape(title)}</b></p>"
    return heading + _table(table.headings, shown) + _players(clips) + _picture(folder / "spectrograms.png", "Spectrograms of each system")


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _table(headings: Iterable[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "".join(
        f'<tr><th scope="row" style="text-align:left">{escape(label)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'
        for label, cells in rows
    )
    return f'<div style="overflow-x:auto"><table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _players(clips: Iterable[tuple[str, Path]], is_level: bool = False) -> str:
    """Players of clips that are there; ``is_level``: equally loud."""
    left_s, more = MOST_S, ""
    found: list[tuple[str, Waveform]] = []
    for heading, path in clips:
        if not path.is_file():
            continue
        audio = Waveform.read(path)
        left_s -= audio.duration_s
        if left_s < 0:
            more = f"<p>More in <code>{escape(str(path.parent))}</code>.</p>"
            break
        found.append((heading, audio))
    sounds = [audio for _, audio in found]
    players = []
    for (heading, _), audio in zip(found, at_one_loudness(sounds) if is_level else sounds, strict=True):
        name = escape(heading)
        players.append(f'<figure style="margin:0.5em 0"><figcaption>{name}</figcaption>'
                       f'<audio controls preload="metadata" aria-label="{name}" src="{flac_uri(audio)}"></audio></figure>')  # fmt: skip
    said = "<p>Here they are equally loud; the files are as they were played.</p>" if is_level and players else ""
    return "".join(players) + said + more


def _picture(path: Path, what: str) -> str:
    return f'<img alt="{escape(what)}" src="{png_uri(path)}" style="max-width:100%">' if path.is_file() else ""
