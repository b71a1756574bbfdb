"""Every notebook in ``examples/`` runs from its first cell to its last, and shows what it should."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[2] / "examples"


FAST = "from-tune-to-audio"
CASES = [pytest.param(path, id=path.stem, marks=() if path.stem == FAST else pytest.mark.slow) for path in sorted(EXAMPLES.glob("*.ipynb"))]


@pytest.mark.parametrize("path", CASES)
def test_a_notebook_runs_and_shows_sound_and_pictures(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells), "commit it without outputs"
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(EXAMPLES)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    shown = "".join("".join(output.get("data", {}).get("text/html", "")) for output in outputs)
    assert "<audio controls" in shown and ("<svg" in shown or "data:image/png" in shown)
    assert len(nbformat.writes(notebook)) < 12 << 20
    warned = [output.text for output in outputs if output.get("name") == "stderr" and "Warning" in output.text]
    assert warned == []
