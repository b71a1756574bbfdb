"""Audio files in folders."""

from __future__ import annotations

import warnings
from pathlib import Path

from orchestrion.files import find_files
from orchestrion.suffixes import AUDIO, AUDIO_UNREADABLE

SHOWN = 3


def audio_in(folder: Path, depth: int | None = None) -> list[Path]:
    """Audio below ``folder``, sorted; what lies there in formats that cannot be read is warned of, in one line.

    Args:
        depth: as in `files.find_files`.
    """
    skipped = find_files(folder, AUDIO_UNREADABLE, depth)
    if skipped:
        names = ", ".join(path.name for path in skipped[:SHOWN]) + (f" and {len(skipped) - SHOWN} more" if len(skipped) > SHOWN else "")
        warnings.warn(f"skipped in {folder}: {names}, {conversion(skipped[0])}", stacklevel=2)
    return find_files(folder, AUDIO, depth)


def conversion(path: Path) -> str:
    """How audio that cannot be read can be."""
    return f"a format that is not read; convert it: ffmpeg -i {path.name} {path.stem}.flac"
