"""What an experiment found, as a page (HTML, Markdown) and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrion.audio import Waveform
from orchestrion.evaluation.pages import render_page
from orchestrion.files import atomic_write, write_json

Cell = str | float | int | bool | None
Deviation = tuple[str, str, str]
"""What the paper says, what is done here, and why."""


@dataclass(frozen=True, slots=True)
class PageTable:
    """``columns``: headings; each of ``rows`` has as many cells, the first of which names it."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Cell]]) -> PageTable:
        """Of rows with the same keys."""
        columns = tuple(rows[0]) if rows else ()
        return cls(columns, tuple(tuple(row[column] for column in columns) for row in rows))

    def texts(self) -> list[list[str]]:
        """The cells as they are shown."""
        return [[_text(cell) for cell in row] for row in self.rows]

    def to_markdown(self) -> str:
        is_number = [all(isinstance(row[i], int | float | None) for row in self.rows) for i in range(len(self.columns))]
        lines = [f"| {' | '.join(self.columns)} |", f"| {' | '.join('---:' if right else '---' for right in is_number)} |"]
        return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in self.texts())])

    def to_json(self) -> list[dict[str, Cell]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True, eq=False)
class PageSection:
    """One figure or table of the paper beside ours.

    Args:
        heading: "Figure 1: …".
        reported: what the paper shows or says there, in our words.
        text: what ours shows.
        picture: a PNG.
        sounds: clips to listen to, by caption.
        links: further files, paths from the page's folder, by caption.
    """

    heading: str
    reported: str
    text: str = ""
    table: PageTable | None = None
    picture: Path | None = None
    sounds: Mapping[str, Waveform] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """The whole page.

    Args:
        settings: what the networks were, against the paper's.
        deviations: what was done otherwise than in the paper, whatever the scale.
        facts: seed, scale, data and the like.
    """

    name: str
    title: str
    paper: str
    sections: tuple[PageSection, ...]
    settings: PageTable
    deviations: tuple[Deviation, ...]
    facts: Mapping[str, Cell]

    def write(self, folder: Path) -> Path:
        """Write ``page.html``, ``page.md`` and ``page.json`` into an existing folder; the path of the first."""
        write_json(folder / "page.json", self.to_json(folder))
        page = render_page("paper.html", title=self.title, found=self)
        for name, text in (("page.md", self.to_markdown(folder)), ("page.html", page)):
            with atomic_write(folder / name) as temporary:
                temporary.write_text(text, encoding="utf-8")
        return folder / "page.html"

    def to_json(self, folder: Path) -> dict[str, object]:
        """Pictures as paths from ``folder``."""
        sections = [
            {
                "heading": section.heading, "reported": section.reported, "text": section.text,
                "table": section.table.to_json() if section.table else None,
                "picture": _below(section.picture, folder) if section.picture else None,
                "links": dict(section.links),
            }
            for section in self.sections
        ]  # fmt: skip
        deviations = [dict(zip(("paper", "here", "why"), row, strict=True)) for row in self.deviations]
        return {
            "experiment": self.name, "title": self.title, "paper": self.paper, "facts": dict(self.facts), "sections": sections,
            "settings": self.settings.to_json(), "deviations": deviations,
        }  # fmt: skip

    def to_markdown(self, folder: Path, clips: Mapping[tuple[str, str], str] | None = None) -> str:
        """Pictures as paths from ``folder``.

        Args:
            clips: where the sounds are, by heading and caption; those that are not named are only in the HTML page.
        """
        parts = [f"# {self.title}", f"{self.paper}. " + ", ".join(f"{name}: {_text(value)}" for name, value in self.facts.items()) + "."]
        for section in self.sections:
            parts += [f"## {section.heading}", f"*The paper:* {section.reported}"]
            parts += [f"*Here:* {section.text}"] if section.text else []
            parts += [section.table.to_markdown()] if section.table else []
            parts += [f"![{section.heading}]({_below(section.picture, folder)})"] if section.picture else []
            parts += [f"[{caption}]({path})" for caption, path in section.links.items()]
            parts += [f"[{caption}]({clips[section.heading, caption]})" for caption in section.sounds if clips and (section.heading, caption) in clips]
        parts += ["## Settings", self.settings.to_markdown()] if self.settings.rows else []
        deviations = PageTable(("the paper", "here", "why"), self.deviations)
        parts += ["## Deviations", deviations.to_markdown()] if self.deviations else []
        return "\n\n".join(parts) + "\n"


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _text(value: Cell) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
        case int():
            return f"{value:,}"
    return value
