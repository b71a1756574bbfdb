"""Audio for the experiments where none is given: Bach's chorales, performed by a SoundFont or by additive synthesis."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from orchestrion.datasets.banks.exercises import FRAMES_PER_SECOND
from orchestrion.datasets.banks.fluidsynth import synthesise
from orchestrion.datasets.banks.performing import perform
from orchestrion.datasets.corpora.loading import load_corpus
from orchestrion.datasets.corpora.piece import CorpusPiece
from orchestrion.datasets.recordings.notesfile import write_notes
from orchestrion.evaluation.judge.reference import additive, has_fluidsynth
from orchestrion.files import make_folder
from orchestrion.progress import progress
from orchestrion.score import Note, Part, Score

LONGEST_S = 60.0
LICENCE = "MIT (FluidR3 GM); public domain (Bach)"
PROGRAMS = {"piano": 0, "organ": 19, "strings": 48, "violin": 40, "chimes": 14}
"""General MIDI programs, from 0."""


def perform_chorales(
    folder: Path, minutes: float, *, program: int = 0, seed: int = 0, soundfont: str | os.PathLike[str] | None = None
) -> Path:
    """Write ``minutes`` of chorales into ``folder``: NAME.flac at 16 kHz, and NAME.tsv with its notes; returns ``folder``.

    Tempo (70 to 160 a minute), dynamics and articulation are drawn. What is there already is not made again, so that a call
    that was stopped goes on. Without FluidSynth the sound is additive synthesis.

    Args:
        program: General MIDI program, from 0.
        soundfont: an ``.sf2`` file; None for the system's.

    Raises:
        OrchestrionError: the SoundFont is missing or FluidSynth fails.
    """
    make_folder(folder)
    pieces = load_corpus("chorales", "all")
    order = np.random.default_rng(seed).permutation(len(pieces))
    with progress(60 * minutes, "Performing chorales") as advance:
        left_s = 60 * minutes
        for number in order:
            if left_s <= 0:
                break
            score = performance(pieces[number], min(LONGEST_S, max(left_s, 5.0)), seed=seed + int(number))
            _write(folder / pieces[number].name.replace("/", "-"), score, program, soundfont)
            left_s -= score.duration_s
            advance(score.duration_s)
    return folder


def performance(piece: CorpusPiece, longest_s: float, *, seed: int) -> Score:
    """At most ``longest_s`` seconds of ``piece``, played as a player might; onsets are multiples of 4 ms."""
    played = perform(piece.notes, piece.steps_per_bar, longest_s, np.random.default_rng(seed))
    rate = FRAMES_PER_SECOND
    notes = tuple(Note(n.onset / rate, n.offset / rate, n.pitch, n.velocity) for n in played)
    return Score((Part("chorale", 0, notes),), title=piece.name)


def _write(stem: Path, score: Score, program: int, soundfont: str | os.PathLike[str] | None) -> None:
    table, sound = stem.with_name(f"{stem.name}.tsv"), stem.with_name(f"{stem.name}.flac")
    if table.exists():  # written last
        return
    if soundfont is not None or has_fluidsynth():
        audio = synthesise(score, program, soundfont_path=soundfont)
    else:
        audio = additive(score, program)
    audio.write(sound)
    write_notes(table, score.notes)
