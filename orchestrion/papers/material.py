"""Audio for the experiments where none is given: Bach's chorales, performed by a SoundFont or by additive synthesis."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.datasets.banks.exercises import FRAMES_PER_SECOND
from orchestrion.datasets.banks.fluidsynth import synthesise
from orchestrion.datasets.banks.performing import ground, perform, skyline
from orchestrion.datasets.corpora.loading import load_corpus
from orchestrion.datasets.corpora.piece import CorpusPiece
from orchestrion.datasets.recordings.notesfile import write_notes
from orchestrion.evaluation.judge.reference import SAMPLE_RATE, additive, has_fluidsynth
from orchestrion.files import make_folder
from orchestrion.progress import progress
from orchestrion.score import Note, Part, Score

LONGEST_S = 60.0
LICENCE = "MIT (FluidR3 GM); public domain (Bach)"
PIANO, ORGAN, BASS, CELLO = 0, 19, 32, 42
Players = Mapping[str, int]
"""The General MIDI program, from 0, of each of the `voices` that plays."""
CORPORA: Mapping[str, tuple[Players, ...]] = {
    "piano": (dict.fromkeys(("top", "inner", "bass"), PIANO),), "organ": (dict.fromkeys(("top", "inner", "bass"), ORGAN),),
    "band": ({"top": PIANO, "inner": PIANO, "bass": BASS},), "bass": ({"bass": BASS},),
    # Both voices, for notes from C2 to G5.
    "cello": ({"top": CELLO}, {"bass": CELLO}),
}  # fmt: skip
"""What can be performed: the players of the first piece, of the second, and so on in turn; a voice without a player is silent."""


def perform_chorales(
    folder: Path, minutes: float, *, players: Sequence[Players] = CORPORA["piano"], seed: int = 0, soundfont: str | os.PathLike[str] | None = None
) -> Path:
    """Write ``minutes`` of chorales into ``folder``: NAME.flac at 16 kHz, and NAME.tsv with its notes; returns ``folder``.

    Tempo (70 to 160 a minute), dynamics and articulation are drawn. What is there already is not made again, so that a call
    that was stopped goes on. Without FluidSynth the sound is additive synthesis.

    Args:
        players: the pieces take them in turn; see `CORPORA`.
        soundfont: an ``.sf2`` file; None for the system's.

    Raises:
        OrchestrionError: the SoundFont is missing or FluidSynth fails.
    """
    make_folder(folder)
    pieces = load_corpus("chorales", "all")
    order = np.random.default_rng(seed).permutation(len(pieces))
    with progress(60 * minutes, "Performing chorales") as advance:
        left_s = 60 * minutes
        for number, played_by in zip(order, cycle(players), strict=False):
            if left_s <= 0:
                break
            score = performance(pieces[number], min(LONGEST_S, max(left_s, 5.0)), seed=seed + int(number))
            _write(folder / pieces[number].name.replace("/", "-"), score, played_by, soundfont)
            left_s -= score.duration_s
            advance(score.duration_s)
    return folder


def performance(piece: CorpusPiece, longest_s: float, *, seed: int) -> Score:
    """At most ``longest_s`` seconds of ``piece``, played as a player might; onsets are multiples of 4 ms."""
    played = perform(piece.notes, piece.steps_per_bar, longest_s, np.random.default_rng(seed))
    rate = FRAMES_PER_SECOND
    notes = tuple(Note(n.onset / rate, n.offset / rate, n.pitch, n.velocity) for n in played)
    return Score((Part("chorale", 0, notes),), title=piece.name)


def voices(score: Score) -> dict[str, tuple[Note, ...]]:
    """The notes of ``score`` as ``top`` (nothing sounds above as they begin), ``bass`` (nothing below) and ``inner``."""
    rate = FRAMES_PER_SECOND
    placed = {(round(n.onset_s * rate), n.pitch): n for n in score.notes}
    grid = [(onset, max(round(n.offset_s * rate), onset + 1), pitch) for (onset, pitch), n in placed.items()]
    top = {(onset, pitch) for onset, _, pitch in skyline(grid)}
    bass = {(onset, pitch) for onset, _, pitch in ground(grid)} - top
    found = {"top": top, "bass": bass, "inner": placed.keys() - top - bass}
    return {name: tuple(placed[key] for key in sorted(keys)) for name, keys in found.items()}


def _write(stem: Path, score: Score, players: Players, soundfont: str | os.PathLike[str] | None) -> None:
    table, sound = stem.with_name(f"{stem.name}.tsv"), stem.with_name(f"{stem.name}.flac")
    if table.exists():  # written last
        return
    parts = voices(score)
    groups: dict[int, list[Note]] = {}
    for voice, program in players.items():
        groups.setdefault(program, []).extend(parts[voice])
    played = [_perform(Score((Part(stem.name, program, tuple(notes)),)), program, soundfont) for program, notes in groups.items() if notes]
    mixed = np.zeros(max(len(each) for each in played), dtype=np.float32)
    for each in played:
        mixed[: len(each)] += each / len(groups)
    Waveform(np.clip(mixed, -1, 1), SAMPLE_RATE).write(sound)
    write_notes(table, [note for notes in groups.values() for note in notes])


def _perform(score: Score, program: int, soundfont: str | os.PathLike[str] | None) -> np.ndarray:
    if soundfont is not None or has_fluidsynth():
        return synthesise(score, program, soundfont_path=soundfont).samples
    return additive(score, program).samples
