"""Faults in audio that can be measured without a reference: clipping, sound in rests, growing noise, clicks.

Levels are in dB of full scale (a sinusoid of amplitude 1 has a peak of 0 dB and an RMS level of -3 dB).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.score import Note, Score

SILENCE_DB = -120.0
CLIPPED = 0.999
RELEASE_S = 0.5  # after its offset a note may ring this long
FRAME = 1024
FLATNESS_SPAN_S = 10.0


def check_audio(audio: Waveform, notes: Score | Sequence[Note] | None = None) -> dict[str, float]:
    """All checks that need no further input; `rest_levels` too where ``notes`` are given and rest somewhere."""
    result = levels(audio) | noise_drift(audio)
    return result | (rest_levels(audio, notes) if notes is not None else {})


def levels(audio: Waveform) -> dict[str, float]:
    """``peak``, ``rms_db``, ``dc_offset`` and ``clipped_fraction`` (samples at full scale)."""
    samples = audio.samples.astype(np.float64)
    return {
        "peak": float(np.abs(samples).max()),
        "rms_db": level_db(samples),
        "dc_offset": float(samples.mean()),
        "clipped_fraction": float((np.abs(samples) >= CLIPPED).mean()),
    }


def level_db(samples: np.ndarray) -> float:
    """RMS level of ``samples`` [t] in dB of full scale, -120 at least."""
    if not len(samples):
        return SILENCE_DB
    return float(max(20 * np.log10(np.sqrt(np.mean(np.square(samples, dtype=np.float64))) + 1e-12), SILENCE_DB))


def rest_levels(
    audio: Waveform, notes: Score | Sequence[Note], release_s: float = RELEASE_S, shortest_s: float = 0.1
) -> dict[str, float]:
    """Level where the score rests against the level where it plays.

    A rest is a span of at least ``shortest_s`` that begins ``release_s`` after the last release and ends 50 ms before
    the next attack. Keys: ``notes_db``, and where there are rests ``rests_s`` (their length), ``rests_db`` and
    ``rests_below_notes_db`` (large is good).
    """
    listed = sorted(notes.notes if isinstance(notes, Score) else notes)
    rests = _rests(listed, audio.duration_s, release_s, shortest_s)
    rate = audio.sample_rate
    played = _spans(audio, [(round(n.onset_s * rate), round(n.offset_s * rate)) for n in listed])
    result = {"notes_db": level_db(played)}
    if rests:
        quiet = level_db(_spans(audio, [(round(a * rate), round(b * rate)) for a, b in rests]))
        result |= {
            "rests_s": sum(b - a for a, b in rests),
            "rests_db": quiet,
            "rests_below_notes_db": result["notes_db"] - quiet,
        }
    return result


def noise_drift(audio: Waveform, span_s: float = FLATNESS_SPAN_S) -> dict[str, float]:
    """Does the sound turn into noise as time goes on?

    Spectral flatness (geometric over arithmetic mean of the power spectrum, 0 for tones and 1 for white noise, of
    frames within 40 dB of the loudest) is averaged over spans of ``span_s``. Keys: ``flatness_first``,
    ``flatness_last`` (the first and last span with sound), ``flatness_worst``, and ``level_drift_db`` (last against
    first span).
    """
    flat, level = _flatness(audio)
    span = max(1, round(span_s * audio.sample_rate / FRAME))
    is_loud = level > level.max() - 40
    means, loudness = [], []
    for first in range(0, len(flat), span):
        inside = is_loud[first : first + span]
        if inside.any():
            means.append(float(flat[first : first + span][inside].mean()))
            loudness.append(float(level[first : first + span][inside].mean()))
    return {
        "flatness_first": means[0],
        "flatness_last": means[-1],
        "flatness_worst": max(means),
        "level_drift_db": loudness[-1] - loudness[0],
    }


def _rests(notes: Sequence[Note], end_s: float, release_s: float, shortest_s: float) -> list[tuple[float, float]]:
    rests, quiet_from_s = [], 0.0
    for onset_s, offset_s in [(n.onset_s, n.offset_s) for n in notes] + [(end_s + 0.05, end_s)]:
        until_s = min(onset_s - 0.05, end_s)
        if until_s - quiet_from_s >= shortest_s:
            rests.append((quiet_from_s, until_s))
        quiet_from_s = max(quiet_from_s, offset_s + release_s)
    return rests


def _spans(audio: Waveform, spans: Sequence[tuple[int, int]]) -> np.ndarray:
    return np.concatenate([audio.samples[a:b] for a, b in spans] or [audio.samples[:0]])


def _flatness(audio: Waveform) -> tuple[np.ndarray, np.ndarray]:
    """Spectral flatness and level in dB, both [frames]."""
    n = max(1, len(audio.samples) // FRAME)
    frames = np.resize(np.pad(audio.samples, (0, FRAME)), (n, FRAME)).astype(np.float64)
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(FRAME), axis=1)))[:, 1:] + 1e-12
    flat = np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1)
    return flat, 10 * np.log10(np.square(frames).mean(axis=1) + 1e-12)
