"""Published data sets as their authors lay them out: indexes and labels, beside audio that is not read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.fuzz.reader import Reader


def _layout(name: str) -> Reader:
    def write(folder: Path) -> None:
        from tests.datasets.layouts import published

        made: Callable[[Path], Path] = getattr(published, name)
        made(folder)
        for path in folder.rglob("*"):
            if path.suffix in (".wav", ".flac"):
                path.write_bytes(b"")

    def read(folder: Path) -> None:
        from orchestrion.datasets.dataset import initialise

        root = folder / {"musicnet": "musicnet", "maestro": "maestro-v3.0.0"}.get(name, "")
        for track in initialise(name.replace("_", "-"), root).tracks():
            track.read_notes()
            track.missing()

    return Reader((write,), read)


READERS = {name: _layout(name) for name in ("musicnet", "maestro", "saarland", "maps", "guitarset", "bach_violin", "urmp")}
