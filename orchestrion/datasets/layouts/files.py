"""Audio files of a data set, and the files of the same names that hold their notes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from orchestrion.errors import OrchestrionError
from orchestrion.files import find_files
from orchestrion.suffixes import AUDIO


def beside(folder: Path, suffixes: Sequence[str]) -> dict[str, Path]:
    """Files below ``folder`` with one of ``suffixes``, by stem; of two with one stem the first counts."""
    return {path.stem: path for path in reversed(find_files(folder, suffixes))}


def twins(folder: Path, suffixes: Sequence[str], kind: str) -> dict[str, tuple[Path, Path]]:
    """Audio and the file of the same name with one of ``suffixes``, by stem.

    Args:
        kind: what the other files are, in words.

    Raises:
        OrchestrionError: a file without its twin.
    """
    audio, others = beside(folder, AUDIO), beside(folder, suffixes)
    for stem in sorted(set(audio) ^ set(others)):
        path, lacking = (audio[stem], kind) if stem in audio else (others[stem], "audio")
        raise OrchestrionError(f"{path} has no {lacking} of the same name in {folder}; add it, or take the file out.")
    return {stem: (audio[stem], others[stem]) for stem in sorted(audio)}
