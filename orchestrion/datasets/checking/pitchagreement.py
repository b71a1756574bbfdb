"""Transposition of notes against their recording: chroma of the audio compared with chroma of the notes.

The two are correlated frame by frame in all twelve rotations. Where another rotation fits clearly better than none, the
notes are transposed (a transposing instrument, a tape at another speed, labels of another piece). A difference of an
octave cannot be found this way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from orchestrion.score import Note

RATE = 16000
WINDOW = 4096
HOP = 2048
LOWEST_HZ, HIGHEST_HZ = 110.0, 2000.0
FEWEST_FRAMES = 30
CLEARLY = 0.08
CHUNK_FRAMES = 512


@dataclass(frozen=True, slots=True)
class PitchAgreement:
    """How notes fit the sound.

    ``shift``: semitones by which the notes had to be moved to fit best (-5 to 6); ``agreement``: the correlation
    there, -1 to 1; ``unmoved``: the correlation of the notes as they are.
    """

    shift: int
    agreement: float
    unmoved: float

    @property
    def is_off(self) -> bool:
        """Whether moved notes fit clearly better."""
        return self.shift != 0 and self.agreement - self.unmoved > CLEARLY


def pitch_agreement(samples: np.ndarray, notes: Sequence[Note]) -> PitchAgreement | None:
    """Compare audio (float32 [t] at 16 kHz) with its notes; None where too little of it sounds with notes."""
    heard = _audio_chroma(samples)
    written = _note_chroma(notes, len(heard))
    used = (written.sum(axis=1) > 0) & (heard.sum(axis=1) > 0)
    if used.sum() < FEWEST_FRAMES:
        return None
    heard, written = _centred(heard[used]), _centred(written[used])
    fits = [float((heard * np.roll(written, shift, axis=1)).sum(axis=1).mean()) for shift in range(12)]
    best = int(np.argmax(fits))
    return PitchAgreement(best if best <= 6 else best - 12, fits[best], fits[0])


def _audio_chroma(samples: np.ndarray) -> np.ndarray:
    """[f, 12]: magnitude of each pitch class, on a compressed scale."""
    frequencies = np.fft.rfftfreq(WINDOW, 1 / RATE)
    used = (frequencies >= LOWEST_HZ) & (frequencies <= HIGHEST_HZ)
    pitch = np.round(69 + 12 * np.log2(frequencies[used] / 440)).astype(int) % 12
    to_class = np.zeros((int(used.sum()), 12), dtype=np.float32)
    to_class[np.arange(len(pitch)), pitch] = 1
    chunks = [np.sqrt(np.abs(np.fft.rfft(frames))[:, used]) @ to_class for frames in _frames(samples)]
    return np.concatenate(chunks) if chunks else np.zeros((0, 12))


def _frames(samples: np.ndarray) -> Iterator[np.ndarray]:
    """Windowed frames, some hundred at a time, so that memory stays flat."""
    if len(samples) < WINDOW:
        return
    view = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    window = np.hanning(WINDOW).astype(np.float32)
    for start in range(0, len(view), CHUNK_FRAMES):
        yield view[start : start + CHUNK_FRAMES] * window


def _note_chroma(notes: Sequence[Note], n_frames: int) -> np.ndarray:
    """[f, 12]: how much of each frame's window the notes of a pitch class sound, a note's third partial included."""
    chroma = np.zeros((n_frames, 12), dtype=np.float32)
    for note in notes:
        first = max(0, int((note.onset_s * RATE - WINDOW / 2) / HOP) + 1)
        last = max(first + 1, int((min(note.offset_s, note.onset_s + 2.0) * RATE - WINDOW / 2) / HOP) + 1)
        chroma[first:last, note.pitch % 12] += 1.0
        chroma[first:last, (note.pitch + 7) % 12] += 0.3
    return chroma


def _centred(chroma: np.ndarray) -> np.ndarray:
    centred = chroma - chroma.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9))
