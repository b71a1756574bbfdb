"""A score in a notebook: a piano roll as SVG, of bounded size."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from orchestrion.score.notes import Note, pitch_name

if TYPE_CHECKING:
    from orchestrion.score.score import Score

MOST_NOTES, MOST_PARTS, MOST_LETTERS = 3_000, 12, 60
WIDTH, LEFT, ROW, LEAST_ROWS = 800, 36, 5, 12
COLOURS = ("#5e35b1", "#00897b", "#d81b60", "#ef6c00", "#1e88e5", "#7cb342", "#8d6e63", "#546e7a")  # told apart on black and on white


def score_html(score: Score, title: str = "") -> str:
    """What a score is, in a line, and its piano roll; of a large one its first notes, and that is said."""
    count = len(score.notes)
    parts = [part for part in score.parts if part.notes]
    facts = [
        f"{count:,} {'note' if count == 1 else 'notes'}",
        f"{score.duration_s:.1f} s",
        f"{score.meter.numerator}/{score.meter.denominator}",
        f"{score.tempos[0].bpm:g} quarter notes a minute",
    ]
    names = ", ".join(
        f'<span style="color:{COLOURS[i % len(COLOURS)]}">■</span> {_short(part.name or f"part {i + 1}")}' for i, part in enumerate(parts[:MOST_PARTS])
    )
    more = f" and {len(parts) - MOST_PARTS} more" if len(parts) > MOST_PARTS else ""
    heading = _short(title or score.title) or "Score"
    return (
        f'<figure style="margin:0.5em 0"><figcaption><b>{heading}</b>: {", ".join(facts)}<br>{names}{more}</figcaption>'
        f"{roll_svg(score)}</figure>"
    )


def roll_svg(score: Score) -> str:
    """The notes over time, a colour a part, lines at every C; no more than `MOST_NOTES` of them."""
    numbered = [(note, i) for i, part in enumerate(part for part in score.parts if part.notes) for note in part.notes]
    shown = sorted(numbered, key=lambda pair: (pair[0].onset_s, pair[0].pitch))[:MOST_NOTES]
    if not shown:
        return "<p>No notes.</p>"
    low, high = min(note.pitch for note, _ in shown) - 1, max(note.pitch for note, _ in shown) + 1
    high = max(high, low + LEAST_ROWS)
    end_s = max(note.offset_s for note, _ in shown)
    scale, height = (WIDTH - LEFT) / end_s, (high - low + 1) * ROW
    lines = [
        f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y}" y2="{y}" stroke="currentColor" stroke-opacity="0.25"/>'
        f'<text x="0" y="{y + 4}" font-size="11" fill="currentColor">{pitch_name(pitch)}</text>'
        for pitch in range(low, high + 1)
        if pitch % 12 == 0
        for y in [(high - pitch + 1) * ROW]
    ]
    what = f"Piano roll: {len(shown)} notes, {pitch_name(low + 1)} to {pitch_name(max(note.pitch for note, _ in shown))}, 0 to {end_s:.1f} s"
    cut = f"<p>Shown are the first {MOST_NOTES:,} of {len(numbered):,} notes.</p>" if len(numbered) > MOST_NOTES else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" style="width:100%;max-width:{WIDTH}px" role="img" '
        f'font-family="sans-serif"><title>{what}</title>{"".join(lines)}{"".join(_bars(shown, high, scale))}</svg>{cut}'
    )


def _bars(shown: Sequence[tuple[Note, int]], high: int, scale: float) -> list[str]:
    groups = []
    for part, pairs in groupby(sorted(shown, key=lambda pair: pair[1]), key=lambda pair: pair[1]):
        rectangles = "".join(
            f'<rect x="{LEFT + note.onset_s * scale:.1f}" y="{(high - note.pitch) * ROW}" '
            f'width="{max(note.duration_s * scale - 0.5, 0.8):.1f}" height="{ROW}" fill-opacity="{0.4 + 0.6 * note.velocity / 127:.2f}"/>'
            for note, _ in pairs
        )
        groups.append(f'<g fill="{COLOURS[part % len(COLOURS)]}">{rectangles}</g>')
    return groups


def _short(text: str) -> str:
    return escape(text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…")
