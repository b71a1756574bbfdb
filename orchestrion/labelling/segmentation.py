"""Segments a melody line into notes and rests by a hidden Markov model.

After the note model of Mauch et al. 2015 (Tony, section 2.2): each pitch has an attack, in which the fundamental may
still be anywhere near, and then a steady part around the pitch; between notes there is silence. Two things are ours. An
attack must be paid for unless something begins in that frame (`struck`), so that a repeated note is two notes where it
is struck twice and one where it is held; and pitches are semitones of the recording's own tuning,
since the notes become MIDI numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.special import logsumexp

from orchestrion.datasets.checking.flux import FRAME_S
from orchestrion.labelling.pitchtrack import PitchTrack
from orchestrion.score import Note

LOWEST, HIGHEST = 21, 108
N_PITCHES = HIGHEST - LOWEST + 1
ATTACK_FRAMES = 3
BLOCK_FRAMES = 4096
NO_SOURCE = -1
RISE_DB = (3.0, 9.0)  # from no sign of an attack to a sure one


@dataclass(frozen=True, slots=True)
class SegmentationConfig:
    """Settings of the note model; logarithms are natural.

    Args:
        steady: standard deviation in semitones of the fundamental in the steady part (vibrato included).
        attack: the same in the attack.
        outlier: share of frames of the steady part whose fundamental is wrong (octaves, other strings).
        attack_outlier: the same in the attack.
        unvoiced: share of unvoiced frames in silence, in an attack and in the steady part.
        attack_cost: log probability, without its sign, of an attack where nothing begins.
        onset_gain: what is added to it where something surely begins; more than ``attack_cost``, since the frames of an
            attack are themselves less probable than those of a note that is held.
        end_cost: log probability, without its sign, that a note turns into silence at a given frame.
        shortest_s: shorter notes are dropped.
        quiet_db: so are notes whose level stays so far below the loudest note's.
    """

    steady: float = 0.3
    attack: float = 2.0
    outlier: float = 0.02
    attack_outlier: float = 0.3
    unvoiced: tuple[float, float, float] = (0.95, 0.3, 0.1)
    attack_cost: float = 16.0
    onset_gain: float = 24.0
    end_cost: float = 5.0
    shortest_s: float = 0.05
    quiet_db: float = 45.0


DEFAULT = SegmentationConfig()


def segment(
    track: PitchTrack, onset: np.ndarray, level_db: np.ndarray, config: SegmentationConfig = DEFAULT
) -> tuple[Note, ...]:
    """Notes of a melody line, sorted, not overlapping; velocities are 64 (`loudness` knows better).

    Args:
        onset: [n] of `flux.onset_strength`.
        level_db: [n] of `pitchtrack.level_db`.
    """
    midi = track.midi() - tuning(track)
    states = _decode(midi, track.voiced, struck(onset, level_db), config)
    return _without_faint(_notes(states, midi, track.voiced), level_db, config)


def struck(onset: np.ndarray, level_db: np.ndarray) -> np.ndarray:
    """How surely something begins in each frame [n], 0 to 1: by spectral flux, or by a jump in level.

    Flux is in units of the recording's strongest attacks, which leaves out repeated high notes of few partials; a jump
    of `RISE_DB` in 40 ms is one at any loudness.
    """
    padded = np.pad(level_db, 2, mode="edge")
    rise = padded[4:] - padded[:-4]
    steepest = np.where(rise >= maximum_filter1d(rise, 5), rise, 0.0)
    low, high = RISE_DB
    by_level = (steepest - low) / (high - low)
    return np.asarray(np.clip(np.maximum(maximum_filter1d(onset, 3), by_level), 0.0, 1.0))


def tuning(track: PitchTrack) -> float:
    """By how many semitones, -0.5 to 0.5, the recording's tuning lies above A at 440 Hz (a mean on the circle)."""
    sounding = track.midi()[track.voiced]
    if not len(sounding):
        return 0.0
    return float(np.angle(np.exp(2j * np.pi * sounding).mean()) / (2 * np.pi))


def _emissions(
    midi: np.ndarray, voiced: np.ndarray, config: SegmentationConfig
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log likelihoods of frames [n] in silence [n], an attack [n, p] and a steady part [n, p]."""
    distance = np.where(voiced, np.nan_to_num(midi), 0.0)[:, None] - np.arange(LOWEST, HIGHEST + 1)
    sound, rest = voiced[:, None], config.unvoiced
    attack = _mixture(distance, config.attack, config.attack_outlier)
    steady = _mixture(distance, config.steady, config.outlier)
    silent = np.full(len(midi), np.log(rest[0]))
    silent[voiced] = np.log((1 - rest[0]) / N_PITCHES)
    return (
        silent,
        np.where(sound, np.log(1 - rest[1]) + attack, np.log(rest[1])),
        np.where(sound, np.log(1 - rest[2]) + steady, np.log(rest[2])),
    )


def _mixture(distance: np.ndarray, deviation: float, outlier: float) -> np.ndarray:
    normal = -0.5 * np.square(distance / deviation) - np.log(deviation * np.sqrt(2 * np.pi)) + np.log(1 - outlier)
    return np.asarray(logsumexp(np.stack([normal, np.full_like(normal, np.log(outlier / N_PITCHES))]), axis=0))


def _decode(midi: np.ndarray, voiced: np.ndarray, onset: np.ndarray, config: SegmentationConfig) -> np.ndarray:
    """The most probable state of every frame: -1 in silence, else 2 * pitch + (1 in the first frame of a note).

    Scores: ``rest`` of silence, ``attack`` [`ATTACK_FRAMES`, p] of the attack's frames, ``steady`` [p]. What led into
    silence and into attacks does not depend on where they go, so one number a frame remembers each.
    """
    n = len(midi)
    enter = -config.attack_cost + config.onset_gain * onset
    from_attack = np.zeros((n, N_PITCHES), dtype=bool)
    into_rest, into_attack = np.full(n, NO_SOURCE, dtype=np.int16), np.full(n, NO_SOURCE, dtype=np.int16)
    rest, steady = 0.0, np.full(N_PITCHES, -np.inf)
    attack = np.full((ATTACK_FRAMES, N_PITCHES), -np.inf)
    for first in range(0, n, BLOCK_FRAMES):
        block = slice(first, min(first + BLOCK_FRAMES, n))
        silent, beginning, held = _emissions(midi[block], voiced[block], config)
        for t, quiet, begin, hold in zip(range(first, n), silent, beginning, held, strict=False):
            top = int(steady.argmax())
            if steady[top] > rest:
                into_attack[t] = top
            start = max(rest, steady[top]) + enter[t]
            if steady[top] - config.end_cost > rest:
                into_rest[t] = top
            rest = max(rest, steady[top] - config.end_cost) + quiet
            from_attack[t] = attack[-1] > steady
            steady = np.maximum(attack[-1], steady) + hold
            attack = np.concatenate([np.full((1, N_PITCHES), start), attack[:-1]]) + begin
    return _trace(rest, steady, from_attack, into_rest, into_attack)


def _trace(
    rest: float, steady: np.ndarray, from_attack: np.ndarray, into_rest: np.ndarray, into_attack: np.ndarray
) -> np.ndarray:
    states = np.full(len(into_rest), -1, dtype=np.int64)
    pitch = int(steady.argmax()) if steady.max() > rest else NO_SOURCE
    t = len(states) - 1
    while t >= 0:
        if pitch == NO_SOURCE:
            pitch = int(into_rest[t])
            t -= 1
            continue
        states[t] = 2 * pitch
        if from_attack[t, pitch]:
            begin = t - ATTACK_FRAMES
            states[max(begin, 0) : t] = 2 * pitch
            states[max(begin, 0)] += 1
            pitch = int(into_attack[begin]) if begin >= 0 else NO_SOURCE
            t = begin
        t -= 1
    return states


def _notes(states: np.ndarray, midi: np.ndarray, voiced: np.ndarray) -> list[Note]:
    starts = np.flatnonzero((states >= 0) & (states % 2 == 1))
    changes = np.append(np.flatnonzero(np.diff(states // 2) != 0) + 1, len(states))
    notes = []
    for number, start in enumerate(starts):
        following = starts[number + 1] if number + 1 < len(starts) else len(states)
        stop = min(int(following), int(changes[np.searchsorted(changes, start, side="right")]))
        notes.append(Note(float(start * FRAME_S), stop * FRAME_S, int(states[start]) // 2 + LOWEST, 64))
    return notes


def _without_faint(notes: list[Note], level_db: np.ndarray, config: SegmentationConfig) -> tuple[Note, ...]:
    peaks = [float(level_db[round(n.onset_s / FRAME_S) : round(n.offset_s / FRAME_S)].max()) for n in notes]
    loudest = max(peaks, default=0.0)
    return tuple(
        note
        for note, peak in zip(notes, peaks, strict=True)
        if note.duration_s >= config.shortest_s - 1e-9 and peak > loudest - config.quiet_db
    )
