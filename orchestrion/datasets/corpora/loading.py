"""Loads a corpus of symbols by its name or path."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from orchestrion.cachefolder import cache_root
from orchestrion.datasets.corpora import quartets
from orchestrion.datasets.corpora.json_corpus import read_corpus, write_corpus
from orchestrion.datasets.corpora.matlab import read_mat
from orchestrion.datasets.corpora.music21_corpus import read_chorales, read_collection, read_melodies, read_quartets
from orchestrion.datasets.corpora.piece import SPLITS, CorpusPiece, split_of
from orchestrion.datasets.corpora.scores import find_scores, read_score
from orchestrion.errors import OrchestrionError
from orchestrion.files import make_folder
from orchestrion.progress import progress

CORPORA: dict[str, Callable[[Callable[[int, int], None]], list[CorpusPiece]]] = {
    "melodies": read_melodies,
    "chorales": read_chorales,
    "quartets": read_quartets,
}
MUSIC21 = "music21:"
CACHE_VERSION = 3


def load_corpus(name: str | os.PathLike[str], split: str) -> list[CorpusPiece]:
    """The pieces of one split (``train``, ``validation`` or ``test``; ``all`` for every piece).

    Args:
        name: ``melodies``, ``chorales``, ``quartets``, ``music21:NAME`` (a composer or collection of music21's corpus), the path of a
            ``.mat`` file (`matlab`) or ``.json`` corpus (`json_corpus`) with their own splits, or a folder of scores
            (`scores`). Without own splits it is 80/10/10 by each piece's opening intervals; of quartets whole works are held out.

    Raises:
        OrchestrionError: an unknown name or split, an unreadable file, or no piece in that split.
    """
    if split not in (*SPLITS, "all"):
        raise OrchestrionError(f"Unknown split {split!r}; choose one of {', '.join(SPLITS)}, all.")
    path = Path(name)
    if path.suffix.lower() == ".mat":
        pieces = [piece for one in (SPLITS if split == "all" else (split,)) for piece in read_mat(path, one)]
    elif path.suffix.lower() == ".json":
        pieces = read_corpus(path, split)
    else:
        whole = _cached(str(name)) if str(name) in CORPORA or str(name).startswith(MUSIC21) else _read_folder(path)
        own = quartets.split_of if str(name) == "quartets" else split_of
        pieces = [piece for piece in whole if split in ("all", own(piece))]
    if not pieces:
        raise OrchestrionError(f"{name} holds no pieces in its {split} split.")
    return pieces


def _cached(name: str) -> list[CorpusPiece]:
    """A corpus of music21, kept as JSON in the user's cache once it was parsed."""
    path = cache_root() / f"symbolic-{name.replace(':', '-').replace('/', '-')}-{CACHE_VERSION}.json"
    if path.is_file():
        with suppress(OrchestrionError):  # a damaged file is made anew
            return read_corpus(path, "all")
    with progress(1.0, f"Reading the corpus {name}") as advance:
        read = CORPORA.get(name) or partial(read_collection, name.removeprefix(MUSIC21))
        pieces = read(lambda _, total: advance(1 / total))
    try:
        make_folder(path.parent)
        write_corpus(path, [("all", piece) for piece in pieces], with_checksum=True)
    except (OSError, OrchestrionError) as error:
        warnings.warn(f"The corpus {name} will be read anew next time. {error}", stacklevel=1)
    return pieces


def _read_folder(folder: Path) -> list[CorpusPiece]:
    if not folder.is_dir():
        raise OrchestrionError(
            f"{folder} is neither a corpus ({', '.join(CORPORA)}, music21:NAME), a .mat or .json file nor a folder of "
            "scores."
        )
    return [read_score(path, path.stem) for path in find_scores(folder)]
