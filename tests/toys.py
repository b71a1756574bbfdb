"""A package of compiled functions that tests may edit, move and damage."""

import sys
from pathlib import Path

from orchestrion import compiled


def make_toy(folder: Path, monkeypatch, outer: str) -> Path:
    """A package ``toy`` with the module ``outer``, whose compiled code counts as ours."""
    package = folder / "toy"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "outer.py").write_text(outer)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(compiled, "PACKAGE", package)
    monkeypatch.setattr(compiled.fingerprint, "__defaults__", (package,))
    return package


def forget() -> None:
    """As in a new process."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "toy"]:
        del sys.modules[name]
    for known in (compiled.folder, compiled._root, compiled._statements):
        known.cache_clear()
    compiled._told.clear()
