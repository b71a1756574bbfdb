"""Does the audio follow the score? Measures of one recording against the notes it was to play.

Notes: onset F1 as in MIREX and mir_eval.transcription. A found note is right if its onset is within the tolerance of a score
note's and its pitch within a quarter tone. Each note is matched at most once; offsets are ignored.

Frames, every 10 ms: for monophonic scores raw pitch accuracy as in mir_eval.melody, the share of sounding score frames in which
the most salient pitch is the score's. For all scores multipitch accuracy as in mir_eval.multipitch: true positives over all
pitches found or in the score (Poliner and Ellis 2007), also with octaves folded (chroma).

The notes in the audio are found by a transcriber that has never seen the score. It makes mistakes on flawless recordings, too, so
every number belongs beside its ceiling and its floor. Ceiling: another recording of the same notes, synthesised or real. Floor:
the same audio against another tune, or unconditioned audio against this one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import mir_eval
import numpy as np

from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.judge.salience import HIGHEST, LOWEST
from orchestrion.evaluation.judge.transcription import salience_of, transcribe
from orchestrion.score import Note, Score
from orchestrion.score.keys import pitch_classes

Notes = Score | Sequence[Note]
Transcriber = Callable[[Waveform], Sequence[Note]]
TOLERANCES_MS = (50, 100)
FRAME_S = 0.01
# Frames this near an onset or a release are not judged: there the spectrum shows two notes, or none.
GUARD_S = 0.03


def note_accuracy(audio: Waveform, notes: Notes, transcriber: Transcriber = transcribe) -> dict[str, float]:
    """All measures of ``audio`` against ``notes``, each in [0, 1].

    Keys: ``note_f1_50ms``, ``note_precision_50ms``, ``note_recall_50ms``, the same at 100 ms,
    ``note_f1_50ms_octave_tolerant``, ``multipitch_accuracy``, ``chroma_accuracy``, ``pitch_accuracy`` (of one-voiced
    scores only), and the counts ``n_notes`` and ``n_notes_found``. Notes that begin after the end of the audio count:
    they are not heard.

    Raises:
        OrchestrionError: the score has no notes between 21 and 108, the range of the transcriber.
    """
    reference = playable(notes)
    found = transcriber(audio)
    result = onset_scores(reference, found)
    result |= frame_scores(reference, found)
    if is_one_voiced(reference):
        result["pitch_accuracy"] = pitch_accuracy(audio, reference)
    return result | {"n_notes": float(len(reference)), "n_notes_found": float(len(found))}


def playable(notes: Notes) -> tuple[Note, ...]:
    """The notes from 21 to 108, sorted; all pitched parts of a score merged."""
    listed = notes.notes if isinstance(notes, Score) else notes
    kept = tuple(sorted(note for note in listed if LOWEST <= note.pitch <= HIGHEST))
    if not kept:
        raise OrchestrionError(
            "The score has no notes between 21 and 108, so there is nothing to compare the audio with."
        )
    return kept


def onset_scores(reference: Sequence[Note], found: Sequence[Note]) -> dict[str, float]:
    """Precision, recall and F1 of onsets at each tolerance, and F1 with octaves forgiven; 0 where nothing is found."""
    scores: dict[str, float] = {}
    for tolerance_ms in TOLERANCES_MS:
        precision, recall, f1 = _precision_recall_f1(reference, found, tolerance_ms / 1000)
        scores[f"note_f1_{tolerance_ms}ms"] = f1
        scores[f"note_precision_{tolerance_ms}ms"] = precision
        scores[f"note_recall_{tolerance_ms}ms"] = recall
    scores["note_f1_50ms_octave_tolerant"] = _precision_recall_f1(_folded(reference), _folded(found), 0.05)[2]
    return scores


def frame_scores(reference: Sequence[Note], found: Sequence[Note]) -> dict[str, float]:
    """``multipitch_accuracy`` and ``chroma_accuracy`` over the frames of 10 ms from 0 s to the last release."""
    end_s = max(note.offset_s for note in (*reference, *found))
    wanted, heard = _frames(reference, end_s), _frames(found, end_s)
    return {
        "multipitch_accuracy": _shared(wanted, heard),
        "chroma_accuracy": _shared(pitch_classes(wanted) > 0, pitch_classes(heard) > 0),
    }


def pitch_accuracy(audio: Waveform, notes: Notes) -> float:
    """Share of the score's frames in which the most salient pitch of ``audio`` is the score's (raw pitch accuracy)."""
    reference = playable(notes)
    found = salience_of(audio).sounding
    right = total = 0
    for note in reference:
        guard_s = min(GUARD_S, (note.offset_s - note.onset_s) / 4)
        first, last = (round(s / FRAME_S) for s in (note.onset_s + guard_s, note.offset_s - guard_s))
        heard = found[first : max(last, first + 1)]
        audible = heard.max(axis=1, initial=0.0) > 1e-3 * found.max()
        right += int(((heard.argmax(axis=1) + LOWEST == note.pitch) & audible).sum()) if len(heard) else 0
        total += max(last - first, 1)
    return right / total


def is_one_voiced(notes: Sequence[Note]) -> bool:
    """Whether no note sounds with another, but for overlaps of at most 50 ms (legato)."""
    ordered = sorted(notes)
    return all(later.onset_s >= earlier.offset_s - 0.05 for earlier, later in pairwise(ordered))


def floor(
    audio: Waveform, other_tunes: Mapping[str, Notes], transcriber: Transcriber = transcribe
) -> tuple[str, dict[str, float]]:
    """`onset_scores` of ``audio`` against the tune among ``other_tunes`` that fits it best by chance, and its name.

    The best of several wrong scores is a stricter floor than their mean.

    Raises:
        OrchestrionError: there is no other tune, or one has no notes in range.
    """
    if not other_tunes:
        raise OrchestrionError("A floor needs at least one other tune to compare the audio with.")
    found = transcriber(audio)
    scores = {name: onset_scores(playable(notes), found) for name, notes in other_tunes.items()}
    best = max(scores, key=lambda name: scores[name]["note_f1_50ms"])
    return best, scores[best]


def _precision_recall_f1(
    reference: Sequence[Note], found: Sequence[Note], tolerance_s: float
) -> tuple[float, float, float]:
    if not reference or not found:
        return 0.0, 0.0, 0.0
    precision, recall, f1, _ = mir_eval.transcription.precision_recall_f1_overlap(
        *_intervals(reference), *_intervals(found), onset_tolerance=tolerance_s, offset_ratio=None
    )
    return float(precision), float(recall), float(f1)


def _intervals(notes: Sequence[Note]) -> tuple[np.ndarray, np.ndarray]:
    spans = np.array([(note.onset_s, note.offset_s) for note in notes], dtype=float).reshape(-1, 2)
    return spans, mir_eval.util.midi_to_hz(np.array([note.pitch for note in notes], dtype=float))


def _folded(notes: Sequence[Note]) -> list[Note]:
    return sorted({Note(note.onset_s, note.offset_s, 60 + note.pitch % 12, 64) for note in notes})


def _frames(notes: Sequence[Note], end_s: float) -> np.ndarray:
    """Booleans [n, 128]: which pitches sound in each frame."""
    frames = np.zeros((int(np.ceil(end_s / FRAME_S)) + 1, 128), dtype=bool)
    for note in notes:
        first = round(note.onset_s / FRAME_S)
        frames[first : max(round(note.offset_s / FRAME_S), first + 1), note.pitch] = True
    return frames


def _shared(wanted: np.ndarray, heard: np.ndarray) -> float:
    union = np.logical_or(wanted, heard).sum()
    return float(np.logical_and(wanted, heard).sum() / union) if union else 1.0
