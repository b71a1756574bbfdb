"""Fit the touch of ``--expression`` (`orchestrion.composer.touch`) to performances with velocities, and say how much it explains.

    python benchmarks/fit_expression.py maps/tsv --held-out chpn-p19_ENSTDkCl grieg_kobold_ENSTDkAm

Reads every .tsv of the folder (onset_s, offset_s, pitch, velocity, with a header).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from orchestrion.composer.touch import AROUND_S, FEATURES, features

Piece = tuple[np.ndarray, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--held-out", nargs="+", default=[], help="stems of files that are not fitted to")
    arguments = parser.parse_args()
    pieces = {path.stem: read(path) for path in sorted(arguments.folder.rglob("*.tsv"))}
    held_out = [pieces.pop(stem) for stem in arguments.held_out]
    fitted = list(pieces.values())
    weights = fit(fitted)
    for name, weight in zip((*FEATURES, "constant"), weights, strict=True):
        print(f"{weight:+.2f}  {name}")
    print(f"explained: {explained(weights, fitted):.2f} of {len(fitted)} fitted pieces ({sum(len(y) for _, y in fitted):,} notes)")
    if held_out:
        print(f"explained: {explained(weights, held_out):.2f} of the held-out ones")
    left_out = [explained(fit(fitted[:i] + fitted[i + 1 :]), [fitted[i]]) for i in range(len(fitted))]
    print(f"explained: {np.mean(left_out):.2f} on average of a piece that is left out")


def read(path: Path) -> Piece:
    """Features [n, k + 1], the last one constant, and the velocities' difference [n] from the mean of those around."""
    table = np.loadtxt(path, skiprows=1, ndmin=2)
    onset, offset, pitch, velocity = table[np.argsort(table[:, 0], kind="stable")].T
    low, high = np.searchsorted(onset, onset - AROUND_S), np.searchsorted(onset, onset + AROUND_S)
    sums = np.concatenate([[0.0], np.cumsum(velocity)])
    x = np.column_stack([features(onset, offset, pitch), np.ones(len(onset))])
    return x, velocity - (sums[high] - sums[low]) / (high - low)


def fit(pieces: list[Piece]) -> np.ndarray:
    """Least squares over all notes."""
    x, y = (np.concatenate(columns) for columns in zip(*pieces, strict=True))
    result: np.ndarray = np.linalg.lstsq(x, y, rcond=None)[0]
    return result


def explained(weights: np.ndarray, pieces: list[Piece]) -> float:
    """The share of the variance that is explained, over all notes."""
    x, y = (np.concatenate(columns) for columns in zip(*pieces, strict=True))
    return float(1 - np.var(y - x @ weights) / np.var(y))


if __name__ == "__main__":
    main()
