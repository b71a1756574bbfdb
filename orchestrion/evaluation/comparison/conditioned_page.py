"""The report as one HTML file: players, measures and picture inside it, no script, nothing fetched."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Protocol

from orchestrion.audio import Waveform

ROWS = {
    "note_f1_50ms": "Notes right within 50 ms (F1)",
    "note_f1_100ms": "Notes right within 100 ms (F1)",
    "note_precision_50ms": "… precision, 50 ms",
    "note_recall_50ms": "… recall, 50 ms",
    "pitch_accuracy": "Melody pitch right (share of time)",
    "multipitch_accuracy": "All pitches right (multipitch accuracy)",
    "chroma_accuracy": "… octaves forgiven",
}

STYLE = """
:root { color-scheme: light dark; }
body { font: 1.05rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
figure { margin: 1.5rem 0; } figcaption { margin-bottom: .4rem; } audio { width: 100%; }
img { max-width: 100%; height: auto; background: white; }
.wide { overflow-x: auto; } table { border-collapse: collapse; }
th, td { padding: .35rem .8rem; border-bottom: 1px solid #8886; text-align: right; font-variant-numeric: tabular-nums; }
th:first-child { text-align: left; font-weight: normal; } thead th { font-weight: 600; vertical-align: bottom; }
footer { margin-top: 2rem; opacity: .8; font-size: .95rem; }
"""


class PlayedTake(Protocol):
    """What the page needs of a take; see `conditioned.Take`."""

    @property
    def name(self) -> str: ...
    @property
    def heading(self) -> str: ...
    @property
    def what(self) -> str: ...
    @property
    def audio(self) -> Waveform: ...


def write_page(path: Path, title: str, takes: Sequence[PlayedTake], report: Mapping[str, Any], picture: Path) -> None:
    """Write the page to ``path``. ``report`` is the content of ``report.json``, ``picture`` a PNG."""
    image = base64.b64encode(picture.read_bytes()).decode("ascii")
    headings = ", then ".join(take.heading for take in takes)
    alternative = f"The notes of the score over time; below them, on the same axes, the peak frequencies of {headings}."
    body = "\n".join(
        [
            f"<h1>{escape(title)}</h1>",
            f"<p>{escape(_summary(report))}</p>",
            *(_player(take) for take in takes),
            "<h2>Measures</h2>",
            _table(takes, report),
            "<h2>Peak frequencies</h2>",
            f'<img src="data:image/png;base64,{image}" alt="{escape(alternative)}">',
            f"<footer>{escape(_footer(report))}</footer>",
        ]
    )
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )
    path.write_text(page, encoding="utf-8")


def _summary(report: Mapping[str, Any]) -> str:
    measures = report["measures"]
    with_notes, best = (measures[name]["note_f1_50ms"] for name in ("conditioned", "reference"))
    without = next(
        scores["note_f1_50ms"] for name, scores in measures.items() if name in ("unconditioned", "other-score")
    )
    return (
        f"Notes recognised in the right place (F1 within 50 ms): {with_notes:.2f} with the notes, "
        f"{without:.2f} without them. "
        f"The same transcriber gives the reference {best:.2f}, which is the most that can be expected here."
    )


def _player(take: PlayedTake) -> str:
    label = escape(take.heading)
    return (
        f"<figure><figcaption><strong>{label}</strong><br>{escape(take.what)}</figcaption>"
        f'<audio controls preload="metadata" aria-label="{label}" src="data:audio/flac;base64,{flac_text(take.audio)}">'
        "</audio></figure>"
    )


def flac_text(audio: Waveform) -> str:
    """``audio`` as a FLAC file in base64."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audio.flac"
        audio.write(path)
        return base64.b64encode(path.read_bytes()).decode("ascii")


def _table(takes: Sequence[PlayedTake], report: Mapping[str, Any]) -> str:
    columns = {take.name: take.heading for take in takes} | {
        "floor": f"floor: the first against {report['floor_tune']}"
    }
    measures = report["measures"]
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in columns.values())
    rows = [
        f'<tr><th scope="row">{escape(label)}</th>'
        + "".join(_cell(measures[name].get(key)) for name in columns)
        + "</tr>"
        for key, label in ROWS.items()
        if any(key in measures[name] for name in columns)
    ]
    return (
        '<div class="wide" tabindex="0"><table><thead><tr><th scope="col">0 is nothing, 1 is all</th>'
        f"{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cell(value: float | None) -> str:
    return "<td>–</td>" if value is None else f"<td>{value:.2f}</td>"


def _footer(report: Mapping[str, Any]) -> str:
    return (
        f"All audio here is machine-generated by Orchestrion. Seed {report['seed']}, {report['duration_s']:.1f} s, "
        f"notes recognised by {report['transcriber']}. All figures are in report.json."
    )
