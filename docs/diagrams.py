"""The drawings of the site, as SVG: ``python docs/diagrams.py`` writes them into ``docs/diagrams``."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

FOLDER = Path(__file__).parent / "diagrams"
LINE, ROW, MARGIN = 17, 26, 10
FILL = {"data": "#ffffff", "part": "#ede7f6", "net": "#d1c4e9", "sound": "#fff3e0"}


@dataclass(frozen=True)
class Box:
    """A rectangle with lines of text around its middle ``x, y``; ``kind`` is its colour."""

    x: int
    y: int
    text: str
    kind: str = "part"
    width: int = 150

    @property
    def height(self) -> int:
        """In pixels."""
        return LINE * len(self.text.split("\n")) + 16


@dataclass(frozen=True)
class Arrow:
    """From one box to another, straight; or by way of corners. ``label`` stands beside its middle."""

    start: str
    end: str
    label: str = ""
    via: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Drawing:
    """Boxes by name, and arrows between them."""

    title: str
    boxes: dict[str, Box]
    arrows: tuple[Arrow, ...]

    def svg(self) -> str:
        """The picture, with its title for who cannot see it."""
        width = max(box.x + box.width // 2 for box in self.boxes.values()) + MARGIN
        height = max(box.y + box.height // 2 for box in self.boxes.values()) + MARGIN
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
            f'font-family="sans-serif" font-size="13"><title>{escape(self.title)}</title>\n'
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            '<path d="M0 0 8 4 0 8z" fill="#5e35b1"/></marker></defs>'
        )
        lines = [
            head,
            *(self._arrow(arrow) for arrow in self.arrows),
            *(_box(box) for box in self.boxes.values()),
            "</svg>",
        ]
        return "\n".join(lines) + "\n"

    def _arrow(self, arrow: Arrow) -> str:
        start, end = self.boxes[arrow.start], self.boxes[arrow.end]
        corners = arrow.via
        first = _edge(start, *(corners[0] if corners else (end.x, end.y)))
        last = _edge(end, *(corners[-1] if corners else (start.x, start.y)))
        points = [first, *corners, last]
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        drawn = f'<polyline points="{path}" fill="none" stroke="#5e35b1" stroke-width="1.6" marker-end="url(#tip)"/>'
        if not arrow.label:
            return drawn
        middle = len(points) // 2
        x, y = (points[middle - 1][0] + points[middle][0]) / 2, (points[middle - 1][1] + points[middle][1]) / 2
        upright = abs(points[middle][0] - points[middle - 1][0]) < abs(points[middle][1] - points[middle - 1][1])
        place = f'x="{x + 7:g}" y="{y + 4:g}"' if upright else f'x="{x:g}" y="{y - 6:g}" text-anchor="middle"'
        return f'{drawn}<text {place} fill="#424242" font-size="12">{escape(arrow.label)}</text>'


def _edge(box: Box, x: float, y: float) -> tuple[float, float]:
    """Where the line from the middle of ``box`` to a point leaves it."""
    dx, dy = x - box.x, y - box.y
    scale = min(box.width / 2 / abs(dx) if dx else 1e9, box.height / 2 / abs(dy) if dy else 1e9)
    return box.x + dx * scale, box.y + dy * scale


def _box(box: Box) -> str:
    left, top = box.x - box.width / 2, box.y - box.height / 2
    weights = ["bold", *["normal"] * box.text.count("\n")]
    rows = "".join(
        f'<tspan x="{box.x}" y="{top + 21 + LINE * i:g}" font-weight="{weight}">{escape(line)}</tspan>'
        for i, (line, weight) in enumerate(zip(box.text.split("\n"), weights, strict=True))
    )
    return (
        f'<rect x="{left:g}" y="{top:g}" width="{box.width}" height="{box.height}" rx="6" fill="{FILL[box.kind]}" stroke="#5e35b1"/>'
        f'<text text-anchor="middle" fill="#212121">{rows}</text>'
    )


DRAWINGS = {
    "two-stages": Drawing(
        "Two stages: a composer writes a score, the bridge puts it on the audio clock, a renderer plays it",
        {
            "given": Box(100, 40, "your score\nMIDI, MusicXML, ABC, kern", "data", 185),
            "composer": Box(100, 130, "composer\nbiaxial LSTM", "net", 170),
            "score": Box(290, 85, "score\nnotes in seconds", "data", 130),
            "bridge": Box(470, 85, "bridge\n128 pitches a frame", "part", 150),
            "renderer": Box(660, 85, "renderer\nconditioned WaveNet", "net", 150),
            "audio": Box(850, 85, "raw audio\n24,000 samples a second", "sound", 175),
            "judge": Box(660, 185, "judge\na transcriber that listens", "part", 170),
            "f1": Box(290, 185, "onset F1\nfollowed the score?", "data", 130),
        },
        (
            Arrow("given", "score"), Arrow("composer", "score"), Arrow("score", "bridge"), Arrow("bridge", "renderer"),
            Arrow("renderer", "audio"), Arrow("audio", "judge", via=((850, 185),)), Arrow("judge", "f1", "notes heard"), Arrow("score", "f1"),
        ),
    ),
    "composer": Drawing(
        "The biaxial LSTM: one network along time, shared by all pitches, and one along pitch, from low to high",
        {
            "before": Box(90, 45, "previous step\nall pitches", "data", 140),
            "features": Box(270, 45, "a note's features\npitch, neighbours ±12,\nbeat, plan", "part", 170),
            "time": Box(480, 45, "time axis\nLSTM over steps,\none state a pitch", "net", 160),
            "note": Box(740, 45, "note axis\nLSTM over pitches,\nlow to high", "net", 160),
            "mask": Box(740, 235, "mask\nkey, range, polyphony,\ngiven notes", "part", 170),
            "draw": Box(480, 235, "draw\nplay? articulate?", "sound", 160),
            "below": Box(600, 140, "below, in this step\nthe note; the chord:\npitch classes, the bass", "data", 170),
            "memories": Box(270, 145, "memories\n1, 2, 4, 8 bars ago,\nthe plan's bar", "data", 160),
            "written": Box(90, 235, "written so far\nall steps, all pitches", "data", 155),
            "given": Box(480, 325, "given notes\nread backwards", "data", 160),
        },
        (
            Arrow("before", "features"), Arrow("features", "time"), Arrow("time", "note"), Arrow("note", "mask"), Arrow("mask", "draw"),
            Arrow("draw", "below"), Arrow("below", "note"), Arrow("draw", "written", "next step"), Arrow("written", "before"),
            Arrow("written", "memories"), Arrow("memories", "features"), Arrow("given", "time", via=((380, 325), (380, 75))),
        ),
    ),
    "source": Drawing(
        "A driven instrument: the score becomes a harmonic source, which the network hears and its output is centred on",
        {
            "notes": Box(85, 45, "notes", "data", 110),
            "series": Box(85, 165, "frames of 4 ms\npitch, onset, velocity", "part", 150),
            "table": Box(290, 45, "harmonic source\npartials and noise × age", "part", 170),
            "context": Box(290, 165, "context\nframes before and after", "net", 170),
            "layers": Box(520, 105, "20 gated layers\ntanh(W*x + V·y) σ(W*x + V·y)", "net", 210),
            "mixture": Box(750, 105, "mixture of\n4 logistics", "net", 120),
            "sample": Box(890, 105, "sample", "sound", 80),
            "past": Box(520, 215, "the last 16 samples", "data", 170),
        },
        (
            Arrow("notes", "table"), Arrow("notes", "series"), Arrow("series", "context"), Arrow("context", "layers"),
            Arrow("table", "layers"), Arrow("table", "mixture", "its centre", via=((750, 45),)), Arrow("layers", "mixture"),
            Arrow("mixture", "sample"), Arrow("sample", "past", via=((890, 215),)), Arrow("past", "layers"),
        ),
    ),
    "sampler": Drawing(
        "The sampler: a long score is cut where that is cheapest, and the pieces are played as one batch of voices",
        {
            "score": Box(100, 85, "score", "data", 110),
            "cut": Box(270, 85, "cut\nat rests, before attacks", "part", 160),
            "a": Box(490, 35, "voice 1\nwarm-up .15 s, then 1 to 5 s", "net", 200),
            "b": Box(490, 100, "voice 2\nthe same step, the same loop", "net", 200),
            "c": Box(490, 165, "voice n", "net", 200),
            "join": Box(720, 100, "join\nsample by sample", "part", 140),
            "audio": Box(870, 100, "audio", "sound", 90),
            "random": Box(490, 240, "random numbers\nby (seed, voice, sample)", "data", 180),
        },
        (
            Arrow("score", "cut"), Arrow("cut", "a"), Arrow("cut", "b"), Arrow("cut", "c"), Arrow("a", "join"), Arrow("b", "join"),
            Arrow("c", "join"), Arrow("join", "audio"), Arrow("random", "c"),
        ),
    ),
    "measures": Drawing(
        "The measures: what is heard in the audio is compared with the score, beside a ceiling and a floor",
        {
            "score": Box(80, 45, "score", "data", 110),
            "reference": Box(290, 45, "reference performance", "sound", 190),
            "free": Box(290, 115, "free-running audio", "sound", 190),
            "without": Box(290, 185, "audio without the notes", "sound", 190),
            "judge": Box(510, 115, "judge\ntranscribes each", "part", 140),
            "ceiling": Box(710, 45, "ceiling", "data", 110),
            "f1": Box(710, 115, "onset F1", "data", 110),
            "floor": Box(710, 185, "floor", "data", 110),
        },
        (
            Arrow("score", "reference"), Arrow("score", "free", via=((80, 115),)), Arrow("reference", "judge"), Arrow("free", "judge"),
            Arrow("without", "judge"), Arrow("judge", "ceiling"), Arrow("judge", "f1"), Arrow("judge", "floor"),
        ),
    ),
}  # fmt: skip


def main() -> None:
    """Write every drawing."""
    FOLDER.mkdir(exist_ok=True)
    for name, drawing in DRAWINGS.items():
        (FOLDER / f"{name}.svg").write_text(drawing.svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
