"""How many of the notes of real quartets `composer.voices` gives to who plays them there.

    python benchmarks/quartet_players.py

Prints the share of sounding sixteenths of the movements that its costs were chosen on, and of three others: 0.83 and 0.84.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from orchestrion.composer.voices import N_PARTS, QUARTET, SILENT, assigned
from orchestrion.datasets.corpora.music21_corpus import folder
from orchestrion.datasets.corpora.quartets import player_line
from orchestrion.reading.notationfiles import read_written
from orchestrion.reading.unfolding import printed_notes

CHOSEN_ON = ("haydn/opus74no1/movement1", "beethoven/opus18no1/movement1", "mozart/k458/movement1", "beethoven/opus59no3/movement4")
OTHERS = ("mozart/k155/movement1", "mozart/k156/movement1", "beethoven/opus18no4")
MOST_STEPS = 1500


def rows_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Who plays what [s, 4], and all of it on one keyboard [s, 128, 2], of the first `MOST_STEPS`; notes off the grid are left out."""
    written = read_written(path)
    lines = [player_line(printed_notes(written, part), lowest=part == N_PARTS - 1) for part in range(N_PARTS)]
    n = min(MOST_STEPS, int(max(line[-1][1] for line in lines if line)))
    truth, rows = np.full((n, N_PARTS), SILENT), np.zeros((n, 128, 2), dtype=np.uint8)
    for part, line in enumerate(lines):
        for onset, offset, pitch in line:
            if onset.denominator == offset.denominator == 1 and onset < n:
                span = slice(int(onset), min(int(offset), n))
                truth[span, part], rows[span, pitch, 0], rows[int(onset), pitch, 1] = pitch, 1, 1
    return truth, rows


def main() -> None:
    for what, names in (("chosen on", CHOSEN_ON), ("others", OTHERS)):
        right = sounding = 0
        for name in names:
            truth, rows = rows_of(folder(name.split("/")[0]).parent / f"{name}.mxl")
            right += int(((assigned(rows, 0, QUARTET) == truth) & (truth != SILENT)).sum())
            sounding += int((truth != SILENT).sum())
        print(f"{what}: {right / sounding:.3f}")


if __name__ == "__main__":
    main()
