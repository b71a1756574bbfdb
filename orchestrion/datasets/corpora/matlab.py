"""The polyphonic benchmark sets of Boulanger-Lewandowski et al. 2012, as MATLAB 5 files of piano rolls.

A file has 0/1 rolls [s, 88] from A0 on for each split. Repeated notes are merged in them, so an attack is known only
where a note follows silence. They come transposed to C major or C minor and without meter; a step is a fraction of a
beat that differs from set to set.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from orchestrion.datasets.corpora.piece import CorpusPiece
from orchestrion.datasets.untrusted.matfile import MatlabError, read_cells
from orchestrion.datasets.untrusted.textfiles import read_bytes
from orchestrion.errors import OrchestrionError
from orchestrion.score import N_PITCHES, PianoRoll

VARIABLES = {"train": "traindata", "validation": "validdata", "test": "testdata"}
KEYS = slice(21, 109)  # A0 to C8
N_KEYS = KEYS.stop - KEYS.start
MAX_BYTES = 64 << 20


def read_mat(path: str | os.PathLike[str], split: str) -> list[CorpusPiece]:
    """The pieces of one split.

    Raises:
        OrchestrionError: not such a file, or it has no such split.
    """
    source, variable = Path(path), VARIABLES[split]
    try:
        rolls = read_cells(read_bytes(source, most_bytes=MAX_BYTES), variable)
    except MatlabError as error:
        raise OrchestrionError(f"{source} is not a MATLAB 5 file of piano rolls ({error}).") from error
    if rolls is None:
        raise OrchestrionError(f"{source} has no {split} split ({variable}); choose another split.")
    return [_piece(roll, f"{source.stem}/{split}#{i}", source) for i, roll in enumerate(rolls)]


def _piece(roll: np.ndarray, name: str, source: Path) -> CorpusPiece:
    is_roll = roll.ndim == 2 and roll.shape[1] == N_KEYS and roll.dtype.kind in "uifb"
    if not is_roll or not np.isin(roll, (0, 1)).all():
        raise OrchestrionError(f"{source} holds an entry that is not a roll of zeros and ones with {N_KEYS} keys.")
    sounding = np.zeros((len(roll), N_PITCHES), dtype=bool)
    sounding[:, KEYS] = roll
    begins = sounding & ~np.pad(sounding, ((1, 0), (0, 0)))[:-1]
    return CorpusPiece.from_roll(PianoRoll(np.stack([sounding, begins], axis=-1)), name, merged=True)
