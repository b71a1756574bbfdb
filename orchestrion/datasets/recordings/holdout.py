"""Holds out the end of a recording, for sets that leave nothing for validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orchestrion.datasets.recordings.aligned import AlignedPiece, AlignedSet
from orchestrion.datasets.recordings.rawaudio import RawAudio
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note

SHARE = 0.15
SHORTEST_S = 4.0
SLIVER_S = 0.02


def divided(recordings: AlignedSet) -> tuple[tuple[AlignedPiece, ...], tuple[AlignedPiece, ...]]:
    """The pieces for training and for validation, as the set says.

    Where it leaves nothing for validation, the last 15 % of its longest training piece are held out, from a moment on
    in which as few notes as possible sound.

    Raises:
        OrchestrionError: nothing is for training, or nothing is held out and the longest piece is under 20 s.
    """
    train, validation = recordings.split("train"), recordings.split("validation")
    if validation or not train:
        return train, validation
    longest = max(train, key=lambda piece: piece.n_samples)
    if longest.duration_s < 5 * SHORTEST_S:
        raise OrchestrionError(
            f"{recordings.path} holds one recording of {longest.duration_s:.0f} s, too little to hold some of it out; "
            f"record at least a few minutes."
        )
    at_s = _seam(longest.notes, longest.duration_s)
    rest = tuple(piece for piece in train if piece is not longest)
    return (*rest, excerpt(longest, 0.0, at_s)), (excerpt(longest, at_s, longest.duration_s),)


def excerpt(piece: AlignedPiece, start_s: float, stop_s: float) -> AlignedPiece:
    """``piece`` from ``start_s`` to ``stop_s``; a note across an edge is cut there, but slivers of it are left out."""
    start, stop = round(start_s * piece.sample_rate), min(round(stop_s * piece.sample_rate), piece.n_samples)
    audio = RawAudio(piece.audio.path, piece.audio.offset + 2 * start, stop - start)
    notes = tuple(
        replace(n, onset_s=max(n.onset_s, start_s) - start_s, offset_s=min(n.offset_s, stop_s) - start_s)
        for n in piece.notes
        if min(n.offset_s, stop_s) - max(n.onset_s, start_s) > SLIVER_S
    )
    return replace(piece, table=notes, audio=audio)


def _seam(notes: Sequence[Note], duration_s: float) -> float:
    """Among the releases within 3 % of the length around the wished place: where least sounds; else that place."""
    wished_s = min(duration_s * (1 - SHARE), duration_s - SHORTEST_S)
    places = [n.offset_s for n in notes if abs(n.offset_s - wished_s) < 0.03 * duration_s and n.offset_s < duration_s]

    def cost(at_s: float) -> tuple[int, float]:
        return sum(n.onset_s < at_s - SLIVER_S and n.offset_s > at_s + SLIVER_S for n in notes), abs(at_s - wished_s)

    return min(places, key=cost, default=wished_s)
