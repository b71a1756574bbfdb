"""The papers' experiments on the site: pages with their pictures and clips beside them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from orchestrion.audio import Waveform
from orchestrion.papers.page import Findings, PageSection, PageTable
from orchestrion.papers.table import EXPERIMENTS
from tests.site.test_hooks import ROOT, load

PAGES = ROOT / "docs" / "papers"


def test_a_page_is_published_with_a_small_picture_and_the_clips_that_have_room(tmp_path: Path) -> None:
    script = load("benchmarks/paper_pages.py")
    picture = tmp_path / "found.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 2 * script.WIDEST, 3), dtype=np.uint8)).save(picture)
    sound = Waveform(np.zeros(4410, dtype=np.float32), 4410)
    sounds = {f"Clip {number}: so": sound for number in range(script.MOST_CLIPS + 1)}
    section = PageSection("Figure 1", "they", "we", PageTable(("a", "b"), (("x", 1),)), picture, sounds, {"sheet": "listening/index.html"})
    found = Findings("nayebi-losses", "Losses", "N & V", (section,), PageTable((), ()), (), {"seed": 0})
    script.publish(found, tmp_path / "docs", "orchestrion paper nayebi-losses")
    text = (tmp_path / "docs" / "nayebi-losses.md").read_text(encoding="utf-8")
    assert text.startswith("# Losses\n\n    orchestrion paper nayebi-losses\n")
    linked = re.findall(r"\]\(([^)]+)\)", text)
    assert len(linked) == 1 + script.MOST_CLIPS and all((tmp_path / "docs" / path).is_file() for path in linked)
    assert Image.open(tmp_path / "docs" / "nayebi-losses" / "found.png").width == script.WIDEST
    assert Waveform.read(tmp_path / "docs" / linked[-1]).duration_s == pytest.approx(1.0, abs=0.05)


def test_every_page_is_in_the_sites_index_and_in_the_table_of_the_papers() -> None:
    index, table = ((ROOT / name).read_text(encoding="utf-8") for name in ("mkdocs.yml", "docs/papers.md"))
    for page in PAGES.glob("*.md"):
        assert page.stem in EXPERIMENTS
        assert f"papers/{page.name}" in index and f"(papers/{page.name})" in table
