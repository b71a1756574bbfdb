"""Aligns a score to a recording that plays it.

Features of both (`chroma`) are aligned by dynamic time warping (`warping`). The path, made a monotone curve, maps each
onset and release to the recording. Frames are 20 ms long; `sharpening` then moves onsets to where their pitches begin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.datasets.checking.flux import SAMPLE_RATE
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.judge.salience import LOWEST, N_PITCHES
from orchestrion.evaluation.judge.salience import salience as decompose
from orchestrion.labelling import chroma
from orchestrion.labelling.loudness import with_velocities
from orchestrion.labelling.pitchtrack import level_db
from orchestrion.labelling.sharpening import sharpened
from orchestrion.labelling.warping import warp
from orchestrion.score import Note, Score

REST_S = 0.3  # put before and after the score, for the silence before and after the performance
SHORTEST_S = 0.02
MOST_STRETCH = 8.0  # of the recording against the score, either way


def align(score: Score | Sequence[Note], audio: Waveform) -> tuple[Note, ...]:
    """The notes of ``score`` at the times at which ``audio`` plays them, sorted.

    Every note of the score is in the result: repeats must be written out as they are played, and what was played
    otherwise comes out where the score would have it. Velocities are the score's, or where those are all the same, from
    the recording's loudness.

    Raises:
        OrchestrionError: no notes between 21 and 108, or the two are more than eight times as long as each other.
    """
    listed = sorted(score.notes if isinstance(score, Score) else score)
    heard = audio.resample(SAMPLE_RATE)
    notes = _from_start(listed)
    _check(notes, heard.duration_s)
    found = decompose(heard.samples)
    length_s = max(note.offset_s for note in notes) + REST_S
    path = warp(chroma.of_notes(notes, length_s), chroma.of_salience(found.sounding, found.beginning))
    placed: Sequence[Note] = sharpened(_placed(notes, path, heard.duration_s), found)
    if len({note.velocity for note in placed}) == 1:
        placed = with_velocities(placed, level_db(heard.samples))
    return tuple(sorted(placed))


def _from_start(notes: Sequence[Note]) -> list[Note]:
    """The notes with the first one at `REST_S`."""
    first_s = min((note.onset_s for note in notes), default=0.0)
    return [Note(n.onset_s - first_s + REST_S, n.offset_s - first_s + REST_S, n.pitch, n.velocity) for n in notes]


def _check(notes: Sequence[Note], duration_s: float) -> None:
    if not any(LOWEST <= note.pitch < LOWEST + N_PITCHES for note in notes):
        raise OrchestrionError("The score has no notes between 21 and 108, so there is nothing to align.")
    length_s = max(note.offset_s for note in notes) - REST_S
    if not duration_s / MOST_STRETCH < length_s < duration_s * MOST_STRETCH:
        raise OrchestrionError(
            f"The score lasts {length_s:.0f} s and the recording {duration_s:.0f} s; they cannot be the same piece."
        )


def _placed(notes: Sequence[Note], path: np.ndarray, duration_s: float) -> list[Note]:
    """Notes through the path; inside the audio, and at least `SHORTEST_S` long."""
    score_s, audio_s = _curve(path)
    onsets_s = np.interp([note.onset_s for note in notes], score_s, audio_s)
    offsets_s = np.interp([note.offset_s for note in notes], score_s, audio_s)
    onsets_s = np.clip(onsets_s, 0.0, max(duration_s - SHORTEST_S, 0.0))
    offsets_s = np.maximum(np.minimum(offsets_s, duration_s), onsets_s + SHORTEST_S)
    return [
        Note(float(on), float(off), note.pitch, note.velocity)
        for note, on, off in zip(notes, onsets_s, offsets_s, strict=True)
    ]


def _curve(path: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Score times and audio times, both rising: for each frame of the score the first audio frame that it meets.

    A note begins where the path first reaches its frame; the mean over the frames that it meets would be late where the
    recording lingers on it.
    """
    rows, first = np.unique(path[:, 0], return_index=True)
    return rows * chroma.FRAME_S, path[first, 1] * chroma.FRAME_S
