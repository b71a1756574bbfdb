"""The page on trouble names messages that the programs really print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrion import shipped
from orchestrion.errors import OrchestrionError

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (?:the first rendering shows )?[`\"]([^`\"]+)[`\"] \|", re.MULTILINE)


def test_its_messages_are_printed() -> None:
    page = (ROOT / "docs" / "how-to" / "trouble.md").read_text(encoding="utf-8")
    sources = " ".join(path.read_text(encoding="utf-8") for path in (ROOT / "Makefile", *(ROOT / "orchestrion").rglob("*.py")))
    with pytest.raises(OrchestrionError) as missing:
        shipped.find("cembalo", "instrument")
    messages = ROW.findall(page)
    assert len(messages) >= 7
    assert any(str(missing.value).startswith(message.strip("… ")) for message in messages)
    for message in messages:
        for part in filter(None, message.strip("… ").split("…")):
            assert part.strip() in sources or part.strip() in str(missing.value), message
