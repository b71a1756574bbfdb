"""Who plays what: an instrument for each part of a score, by the part's General MIDI program, its name and its range.

A part goes to the shipped instrument of its program, else to the one that its name names, else to the nearest of its family; within a
family of strings or reeds, to one whose range holds its notes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TypeVar

from orchestrion import header, shipped
from orchestrion.errors import OrchestrionError
from orchestrion.score import Part, Score

# General MIDI programs, from 0, to instruments, the first that ships and reaches the part's notes.
PROGRAMS: Mapping[range, tuple[str, ...]] = {
    range(4): ("piano",),
    range(4, 6): ("electric-piano", "piano"),
    range(6, 8): ("harpsichord", "piano"),
    range(8, 11): ("celesta", "harp", "piano"),
    range(11, 12): ("vibraphone", "harp", "piano"),
    range(12, 14): ("marimba", "harp", "piano"),
    range(14, 16): ("harp", "piano"),
    range(16, 21): ("organ", "piano"),
    range(21, 22): ("accordion", "organ", "piano"),
    range(22, 23): ("harmonica", "accordion", "organ", "piano"),
    range(23, 24): ("accordion", "organ", "piano"),
    range(24, 25): ("guitar", "piano"),
    range(25, 26): ("steel-guitar", "guitar", "piano"),
    range(26, 32): ("electric-guitar", "guitar", "piano"),
    range(32, 40): ("bass-guitar", "double-bass", "cello", "piano"),
    range(40, 41): ("violin", "viola", "cello"),
    range(41, 42): ("viola", "violin", "cello"),
    range(42, 43): ("cello", "viola", "double-bass", "violin"),
    range(43, 44): ("double-bass", "cello"),
    range(44, 45): ("strings", "violin", "viola", "cello", "double-bass"),
    range(45, 46): ("pizzicato", "harp", "piano"),
    range(46, 47): ("harp", "piano"),
    range(47, 48): ("tuba", "double-bass"),
    range(48, 52): ("strings", "violin", "viola", "cello", "double-bass"),
    range(52, 56): ("choir", "organ", "flute"),
    range(56, 57): ("trumpet", "horn"),
    range(57, 58): ("trombone", "horn", "tuba", "trumpet"),
    range(58, 59): ("tuba", "double-bass"),
    range(59, 60): ("trumpet", "horn"),
    range(60, 61): ("horn", "trumpet"),
    range(61, 64): ("trumpet", "trombone", "horn", "tuba"),
    range(64, 66): ("alto-sax", "tenor-sax", "clarinet"),
    range(66, 68): ("tenor-sax", "alto-sax", "clarinet"),
    range(68, 69): ("oboe", "english-horn", "clarinet"),
    range(69, 70): ("english-horn", "oboe", "clarinet"),
    range(70, 71): ("bassoon", "cello"),
    range(71, 72): ("clarinet", "flute"),
    range(72, 73): ("piccolo", "flute", "clarinet"),
    range(73, 74): ("flute", "clarinet"),
    range(74, 75): ("recorder", "flute", "clarinet"),
    range(75, 80): ("pan-flute", "recorder", "flute", "clarinet"),
    range(80, 88): ("clarinet", "flute"),
    range(88, 92): ("strings", "organ", "piano"),
    range(92, 96): ("choir", "organ", "piano"),
    range(96, 128): ("piano",),
}
# What parts are called in scores, in the languages that their makers write; longer names are looked for first.
NAMES: Mapping[str, str] = {
    "piano": "piano", "klavier": "piano", "pianoforte": "piano", "violin": "violin", "violine": "violin", "violon": "violin", "fiddle": "violin",
    "viola": "viola", "bratsche": "viola", "alto sax": "alto-sax", "saxophone": "alto-sax", "cello": "cello", "violoncello": "cello",
    "double bass": "double-bass", "contrabass": "double-bass", "kontrabass": "double-bass", "flute": "flute", "flöte": "flute", "oboe": "oboe",
    "bassoon": "bassoon", "fagott": "bassoon", "clarinet": "clarinet", "klarinette": "clarinet", "trumpet": "trumpet", "trompete": "trumpet",
    "horn": "horn", "tuba": "tuba", "guitar": "guitar", "gitarre": "guitar", "organ": "organ", "orgel": "organ", "harp": "harp", "harfe": "harp",
    "harpsichord": "harpsichord", "cembalo": "harpsichord", "clavecin": "harpsichord", "electric piano": "electric-piano", "celesta": "celesta",
    "vibraphone": "vibraphone", "marimba": "marimba", "accordion": "accordion", "akkordeon": "accordion", "harmonica": "harmonica",
    "bass guitar": "bass-guitar", "pizzicato": "pizzicato", "strings": "strings", "choir": "choir", "trombone": "trombone",
    "posaune": "trombone", "tenor sax": "tenor-sax", "english horn": "english-horn", "cor anglais": "english-horn", "englischhorn": "english-horn",
    "piccolo": "piccolo", "recorder": "recorder", "blockflöte": "recorder", "pan flute": "pan-flute", "panflöte": "pan-flute",
}  # fmt: skip
REST = "rest"
PlayerT = TypeVar("PlayerT")
ENOUGH = 0.9  # share of a part's notes that an instrument must reach


def cast(score: Score, ranges: Mapping[str, tuple[int, int]], default: str) -> list[str]:
    """An instrument for each pitched part with notes, in their order.

    Args:
        ranges: of the instruments there are, lowest and highest MIDI pitch.
        default: for a part that says nothing of itself.
    """
    return [_player(part, ranges, default) for part in score.parts if part.notes and not part.is_drum]


def instrument_ranges() -> dict[str, tuple[int, int]]:
    """Lowest and highest MIDI pitch of the shipped instruments that know notes."""
    ranges = {}
    for name in shipped.instruments():
        stated = header.read(shipped.FOLDER / f"{name}.safetensors").get("pitch_range")
        if isinstance(stated, list) and not name.endswith("-unconditioned"):
            ranges[name] = (int(stated[0]), int(stated[1]))
    return ranges


def players_of(score: Score, wishes: Sequence[str] = ()) -> list[str]:
    """Who plays ``score``: one instrument for each of its pitched parts with notes, or one for all where they are the same.

    Args:
        wishes: an instrument for all, one for each part, or ``INSTRUMENT=PART`` (see `assigned`); none for the shipped
            ones that the parts' programs and names ask for.

    Raises:
        OrchestrionError: as `assigned`.
    """
    if wishes and not any(map(is_assigned, wishes)):
        return list(wishes)
    players = assigned(score, wishes) if wishes else cast(score, instrument_ranges(), shipped.DEFAULT_INSTRUMENT)
    return players if len(set(players)) > 1 else players[:1] or [shipped.DEFAULT_INSTRUMENT]


def performers(score: Score, asked: PlayerT | None, *, has_players: bool, mixed: bool = False) -> list[PlayerT | str]:
    """Who plays a composed piece: who is ``asked``, or where its composer writes for players (``has_players``) these, or the piano.

    Args:
        mixed: whether players have gains or places of their own, so that not even two violins alone are one.
    """
    if asked is not None:
        return [asked]
    if has_players and mixed:
        return [*cast(score, instrument_ranges(), shipped.DEFAULT_INSTRUMENT)]
    return [*players_of(score)] if has_players else [shipped.DEFAULT_INSTRUMENT]


def is_assigned(wish: str) -> bool:
    """Whether ``wish`` is ``INSTRUMENT=PART`` and not the path of a file."""
    return "=" in wish and not os.path.isfile(wish)


def assigned(score: Score, wishes: Sequence[str]) -> list[str]:
    """Players of the pitched parts with notes, in their order, from ``INSTRUMENT=PART``.

    PART is a name, a number from 0, or ``rest`` for all parts that are not named; where ``rest`` is not given either,
    those are cast by program and name.

    Raises:
        OrchestrionError: no such part, a part named twice, or a wish of another form.
    """
    chosen: dict[int, str] = {}
    rest: str | None = None
    for wish in wishes:
        player, sign, part = wish.rpartition("=")
        if not (sign and player and part):
            raise OrchestrionError(f"{wish!r} names no part; where one -i is INSTRUMENT=PART, all must be.")
        if part.casefold() == REST and REST not in {known.name.casefold() for known in score.parts}:
            rest = player
            continue
        for index in score.part_indices(part):
            if index in chosen:
                raise OrchestrionError(f"Part {part!r} is given to two instruments.")
            chosen[index] = player
    played = [index for index, part in enumerate(score.parts) if part.notes and not part.is_drum]
    by_casting = cast(score, instrument_ranges(), shipped.DEFAULT_INSTRUMENT) if rest is None else [rest] * len(played)
    return [chosen.get(index, other) for index, other in zip(played, by_casting, strict=True)]


def _player(part: Part, ranges: Mapping[str, tuple[int, int]], default: str) -> str:
    wanted = [name for name in _wishes(part) if name in ranges]
    reached = [name for name in wanted if _reach(part, ranges[name]) >= ENOUGH]
    return (reached or wanted or [default])[0]


def _wishes(part: Part) -> Sequence[str]:
    """Instruments by falling likeness: of the part's name, where it names one, then of its program."""
    called = part.name.casefold()
    by_name = [NAMES[name] for name in sorted(NAMES, key=len, reverse=True) if name in called][:1]
    by_program = next(names for programs, names in PROGRAMS.items() if part.program in programs)
    # A file that sets no program says piano; what its part is called then says more.
    return [*by_name, *by_program] if part.program == 0 else [*by_program, *by_name]


def _reach(part: Part, reach: tuple[int, int]) -> float:
    low, high = reach
    return sum(low <= note.pitch <= high for note in part.notes) / len(part.notes)
