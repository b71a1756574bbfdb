"""Notes in time: scores, piano rolls, tempo and the built-in tunes. The types are frozen and check themselves when made."""

from orchestrion.score.notes import N_PITCHES, Meter, Note, Part, Tempo, pitch_name
from orchestrion.score.pianoroll import PianoRoll
from orchestrion.score.score import Score
from orchestrion.score.tunes import BUILTIN_TUNES

__all__ = [
    "BUILTIN_TUNES",
    "N_PITCHES",
    "Meter",
    "Note",
    "Part",
    "PianoRoll",
    "Score",
    "Tempo",
    "pitch_name",
]
