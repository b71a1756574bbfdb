"""The vocabulary that composer and renderer share: scores, piano rolls, conditioning series, waveforms.

Every conversion between seconds, beats, frames and samples happens here. The types are frozen and check themselves
when made; a wrong value is an `orchestrion.errors.OrchestrionError` of one sentence.
"""

from orchestrion.bridge.conditioning import GROUPS, ConditioningSeries
from orchestrion.bridge.notes import N_PITCHES, Meter, Note, Part, Tempo, pitch_name
from orchestrion.bridge.notetable import NoteTable
from orchestrion.bridge.pianoroll import PianoRoll
from orchestrion.bridge.score import Score
from orchestrion.bridge.tunes import BUILTIN_TUNES
from orchestrion.bridge.waveform import MACHINE_GENERATED, Waveform

__all__ = [
    "BUILTIN_TUNES",
    "GROUPS",
    "MACHINE_GENERATED",
    "N_PITCHES",
    "ConditioningSeries",
    "Meter",
    "Note",
    "NoteTable",
    "Part",
    "PianoRoll",
    "Score",
    "Tempo",
    "Waveform",
    "pitch_name",
]
