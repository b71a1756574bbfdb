"""Labelling methods by name: pYIN, Melodia, the polyphonic transcriber, and alignment to a score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import lfilter

from orchestrion.audio import Waveform
from orchestrion.datasets.checking.flux import SAMPLE_RATE, onset_strength
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.judge.transcription import DEFAULT as TRANSCRIBER
from orchestrion.evaluation.judge.transcription import transcribe
from orchestrion.labelling import melodia as melodia_module
from orchestrion.labelling.alignment import align
from orchestrion.labelling.loudness import with_velocities
from orchestrion.labelling.phantoms import without_phantoms
from orchestrion.labelling.pitchtrack import PitchTrack, level_db
from orchestrion.labelling.pyin import pyin
from orchestrion.labelling.segmentation import segment
from orchestrion.score import Note, Score

# The note model puts an attack where the sound rises most; notes begin before that, by 15 ms on real violins and by 30 ms
# on the SoundFont's.
ONSET_BIAS_S = 0.02
# The transcriber is made to judge onsets, and lets notes ring. Of 0.15 to 0.75, this share of the maximum as the end of a
# note gives the best offsets on bowed strings without cutting the piano's.
LISTENING = replace(TRANSCRIBER, release=0.5)
PART_S, OVERLAP_S = 240.0, 4.0
BLOCKED_HZ = 20.0


@dataclass(frozen=True, slots=True)
class Method:
    """A way to label.

    Args:
        good_for: what it is good for, in a few words.
        notice: what a user must be told before it is used, or nothing.
        needs_score: whether it aligns a score rather than listens alone.
        is_melody: whether it hears one note at a time.
    """

    good_for: str
    notice: str = ""
    needs_score: bool = False
    is_melody: bool = False


METHODS: Mapping[str, Method] = {
    "pyin": Method("solo instruments and voices, one note at a time", is_melody=True),
    "melodia": Method("the main melody of a mixture, one note at a time", notice=melodia_module.LICENCE, is_melody=True),
    "polyphonic": Method("piano, guitar, ensembles: every note, with mistakes"),
    "align": Method("anything whose score you have: the score's notes at the times played", needs_score=True),
}
AUTOMATIC = tuple(name for name, method in METHODS.items() if not method.needs_score)


def notes_of(audio: Waveform, method: str, score: Score | None = None) -> tuple[Note, ...]:
    """The notes of ``audio`` by ``method``, a name in `METHODS`, sorted; none where nothing is heard.

    Raises:
        OrchestrionError: unknown method, a score missing or not wanted, or what the method raises.
    """
    check(method, score is not None)
    heard = without_offset(audio.resample(SAMPLE_RATE))
    return align(score, heard) if score is not None else _LISTENERS[method](audio, heard)


def without_offset(audio: Waveform) -> Waveform:
    """``audio`` through a first-order high-pass at 20 Hz: a recorder's constant offset would seem periodic, a note."""
    pole = np.exp(-2 * np.pi * BLOCKED_HZ / audio.sample_rate)
    passed = lfilter(np.array([1, -1], np.float32), np.array([1, -pole], np.float32), audio.samples)
    return replace(audio, samples=np.clip(passed, -1.0, 1.0))


def check(method: str, has_score: bool) -> None:
    """Raise an `OrchestrionError` unless ``method`` is there and has a score if and only if it needs one."""
    if method not in METHODS:
        raise OrchestrionError(f"There is no labelling method {method!r}; choose one of {', '.join(METHODS)}.")
    if METHODS[method].needs_score and not has_score:
        raise OrchestrionError(f"The method {method} needs the score that is played; give one score for each recording.")
    if has_score and not METHODS[method].needs_score:
        raise OrchestrionError(f"The method {method} takes no score; to use one, choose align.")
    if method == "melodia":
        melodia_module.essentia()


def line_of(track: PitchTrack, heard: Waveform) -> tuple[Note, ...]:
    """Notes of a melody line in ``heard``, at 16 kHz, with velocities from its loudness."""
    levels = level_db(heard.samples)
    notes = segment(track, onset_strength(heard.samples), levels)
    return with_velocities(_earlier(notes), levels)


def _earlier(notes: Sequence[Note]) -> list[Note]:
    """Onsets without their bias; a note that reached the next one's still does, and no further."""
    onsets_s = [max(note.onset_s - ONSET_BIAS_S, 0.0) for note in notes]
    ends_s = [*onsets_s, float("inf")][1:]
    return [replace(n, onset_s=a, offset_s=min(n.offset_s, b)) for n, a, b in zip(notes, onsets_s, ends_s, strict=True)]


def _by_pyin(audio: Waveform, heard: Waveform) -> tuple[Note, ...]:
    return line_of(without_phantoms(pyin(heard.samples), heard.samples), heard)


def _by_melodia(audio: Waveform, heard: Waveform) -> tuple[Note, ...]:
    return line_of(melodia_module.melodia(audio), heard)


def _by_transcriber(audio: Waveform, heard: Waveform) -> tuple[Note, ...]:
    """`evaluation.judge.transcription`, in parts of four minutes that overlap, so that memory does not grow with the length."""
    rate, notes = heard.sample_rate, list[Note]()
    step_s, begin_s = PART_S - OVERLAP_S, 0.0
    while True:
        part = heard.samples[round(begin_s * rate) : round((begin_s + PART_S) * rate)]
        last = begin_s + PART_S >= heard.duration_s
        # The middle of an overlap is where one part hands over to the next.
        low_s = begin_s + OVERLAP_S / 2 if begin_s else 0.0
        high_s = np.inf if last else begin_s + step_s + OVERLAP_S / 2
        found = [replace(n, onset_s=n.onset_s + begin_s, offset_s=n.offset_s + begin_s) for n in transcribe(Waveform(part, rate), LISTENING)]
        notes += [note for note in found if low_s <= note.onset_s < high_s]
        if last:
            return with_velocities(notes, level_db(heard.samples)) if begin_s else tuple(notes)
        begin_s += step_s


_LISTENERS: Mapping[str, Callable[[Waveform, Waveform], tuple[Note, ...]]] = {
    "pyin": _by_pyin,
    "melodia": _by_melodia,
    "polyphonic": _by_transcriber,
}
