"""The pages of ``orchestrion paper`` on the site: ``docs/papers/NAME.md``, its pictures, and some clips as Opus.

    python benchmarks/paper_pages.py [--minutes M] [--threads N] [-o papers] [NAME ...]

Runs the experiments at scale small (all, or those of these names) in the folder ``-o``, which keeps what is finished, as the
command does. Each page names the machine's budget and every deviation; ``mkdocs.yml`` lists the pages.
"""

from __future__ import annotations

import argparse
import re
import shutil
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from PIL import Image

from orchestrion.audio import Waveform
from orchestrion.options import Reproducing
from orchestrion.papers.page import Findings
from orchestrion.papers.running import run_experiment
from orchestrion.papers.table import EXPERIMENTS
from orchestrion.progress import progress

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "papers"
SCRIPT = "benchmarks/paper_pages.py"
MOST_CLIPS = 4
LONGEST_S = 12.0
OPUS_RATE = 24_000
COLOURS = 256
WIDEST = 1000  # pixels


def publish(found: Findings, folder: Path, command: str) -> None:
    """Write ``folder/NAME.md`` and ``folder/NAME/``, its pictures and clips."""
    beside = folder / found.name
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    clips: dict[tuple[str, str], str] = {}
    sections = []
    for section in found.sections:
        for caption, sound in section.sounds.items():
            if len(clips) < MOST_CLIPS:
                path = beside / f"{len(clips) + 1}-{_slug(caption)}.opus"
                opus = sound.resample(OPUS_RATE)
                Waveform(opus.samples[: round(LONGEST_S * OPUS_RATE)], OPUS_RATE).write(path)
                clips[section.heading, caption] = path.relative_to(folder).as_posix()
        picture = None if section.picture is None else _small(section.picture, beside)
        sections.append(replace(section, picture=picture, links={}))
    text = replace(found, sections=tuple(sections)).to_markdown(folder, clips)
    title, rest = text.split("\n", 1)
    (folder / f"{found.name}.md").write_text(f"{title}\n\n    {command}\n{rest}", encoding="utf-8")


def index(root: Path) -> None:
    """List the pages that there are in the site's index and, with what each found, in ``docs/papers.md``."""
    folder = root / "docs" / "papers"
    there = [row for row in EXPERIMENTS.values() if (folder / f"{row.name}.md").exists()]
    lines = [f'{12 * " "}- "{row.title}": papers/{row.name}.md\n' for row in there]
    _between(root / "mkdocs.yml", "      - The papers' experiments:\n", "      - Composers of polyphony", "".join(lines))
    rows = [f"| [{row.title}](papers/{row.name}.md) | {row.paper}, {row.shows} | {_said(folder / f'{row.name}.md')} |\n" for row in there]
    table = "| experiment | of | here |\n| --- | --- | --- |\n" + "".join(rows)
    _between(root / "docs" / "papers.md", f"<!-- {SCRIPT} -->\n\n", "\n<!-- end -->", table)


def _between(path: Path, start: str, end: str, text: str) -> None:
    before, rest = path.read_text(encoding="utf-8").split(start, 1)
    path.write_text(before + start + text + end + rest.split(end, 1)[1], encoding="utf-8")


def _said(page: Path) -> str:
    found = re.findall(r"^\*Here:\* (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return " ".join(found).replace("|", "/")


def _small(picture: Path, folder: Path) -> Path:
    """``picture`` in a palette, at most `WIDEST` pixels wide."""
    shown = Image.open(picture).convert("RGB")
    shown.thumbnail((WIDEST, 4 * WIDEST), Image.Resampling.LANCZOS)
    content = BytesIO()
    shown.quantize(COLOURS, dither=Image.Dither.NONE).save(content, format="PNG", optimize=True)
    made = folder / picture.name
    made.write_bytes(content.getvalue())
    return made


def _slug(caption: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", caption.lower()).strip("-")[:40].strip("-")


def main() -> None:
    """Run and publish."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments; all unless named")
    parser.add_argument("--minutes", type=float, help="of training, each experiment's networks together")
    parser.add_argument("--threads", type=int)
    parser.add_argument("-o", "--output", type=Path, default=Path("papers"))
    asked = parser.parse_args()
    names = asked.names or list(EXPERIMENTS)
    bound = "" if asked.minutes is None else f" --minutes {asked.minutes:g}"
    with progress(len(names), "Experiments") as bar:
        for name in names:
            found = run_experiment(name, asked.output, Reproducing(minutes=asked.minutes, threads=asked.threads))
            publish(found, FOLDER, f"orchestrion paper {name}{bound}")
            bar()
    index(FOLDER.parents[1])


if __name__ == "__main__":
    main()
