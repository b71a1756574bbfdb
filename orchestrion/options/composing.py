"""What is asked of a composer, and how the notes of audio are written down."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from orchestrion import values
from orchestrion.errors import OrchestrionError
from orchestrion.options.base import SEED, STORAGES, Options
from orchestrion.values import Choice, Number, Whole

if TYPE_CHECKING:
    from orchestrion.score import Score

METHODS = ("pyin", "polyphonic", "melodia")
# Steps a quarter note of the grids that notes can be moved to, by their names; t stands for triplets.
GRIDS = {"1/4": 1, "1/8": 2, "1/16": 4, "1/32": 8, "1/8t": 3, "1/16t": 6}
AS_PLAYED = "none"


@dataclass(frozen=True, kw_only=True)
class Composing(Options):
    """What is asked of a composer. Piece i of ``count`` does not depend on how many are asked.

    Attributes:
        bars: length in bars of ``meter``, 1 to 10,000; of the new part, where there is a prime. 8 where ``seconds`` is None, too.
        seconds: length of the whole piece instead of ``bars``, above 0, rounded to whole bars (at least one new one).
        tempo: quarter notes a minute, 10 to 1000; None for the prime's, or 120.
        meter: (3, 4) or "3/4": 1 to 64 over 1, 2, 4, 8 or 16; None for the prime's, or 4/4.
        key: keep to this scale: "D major", "A minor", "G dorian".
        pitch_range: keep to MIDI numbers (low, high), both included; or "C4-C6".
        polyphony: most notes at once, 1 to 128; None for the model's own.
        prime: a score (or a file, or a built-in tune, or audio: what is sung) to continue; it begins the result.
        form: sections of equal length, such as "AABA" or "A A' B A" (a prime varies), ``auto`` for one of the model's, ``free`` for
            none; None for ``auto`` where the model has learnt forms and nothing is given.
        keep: a score (or a file, or a built-in tune) of which the bars ``fill`` are written anew; all else stays as it is.
        fill: bars of ``keep``, from 1 (a pickup is bar 0): ((5, 8),) or "5-8,12".
        melody: a score to be harmonised: it stays as it is, and nothing sounds above it.
        bass: a score to be harmonised: it stays as it is, and nothing sounds below it.
        chords: bar by bar, "| C | Am | F G7 | C |"; on beats only their notes sound. They go round.
        variations: so many variations after the prime, each as long as it, 1 to 100; None for none.
        pickup: sixteenths before the first whole bar, fewer than a bar has; None for as many as the model's tunes have, where the
            form is ``auto`` and nothing else says how long the piece is to be than ``bars``.
        density: notes that begin a quarter, all parts together, 0.05 to 16; None for what the model writes by itself.
        expression: 0 as typed, to 1: accents, swelling phrases, a broadening at the end; of new pieces, not of what is kept.
        temperature: logits are divided by it, 0.001 to 100; below 1 surer choices.
        conservativity: P(play) is raised to this power, 0 to 100; above 1 fewer notes.
        seed: from 0; same seed, same piece.
        count: pieces, 1 to 100,000.
        storage: of the weights: float32, bfloat16 or int8; None for what suits the network.
        threads: pieces written at a time; None for one a processor.
        strict: refuse a prime of which something cannot be followed, instead of saying so.
    """

    bars: Annotated[int | None, Whole(1, 10_000)] = None
    seconds: Annotated[float | None, Number(0, above=True)] = None
    tempo: Annotated[float | None, Number(10, 1000)] = None
    meter: Annotated[tuple[int, int] | None, values.meter] = None
    key: Annotated[str | None, values.key] = None
    pitch_range: Annotated[tuple[int, int] | None, values.pitch_range] = None
    polyphony: Annotated[int | None, Whole(1, 128)] = None
    prime: Annotated["Score | str | os.PathLike[str] | None", values.source] = None
    form: Annotated[str | None, values.form] = None
    keep: Annotated["Score | str | os.PathLike[str] | None", values.source] = None
    fill: Annotated[Sequence[tuple[int, int]], values.bar_spans] = ()
    melody: Annotated["Score | str | os.PathLike[str] | None", values.source] = None
    bass: Annotated["Score | str | os.PathLike[str] | None", values.source] = None
    chords: Annotated[str | None, values.chords] = None
    variations: Annotated[int | None, Whole(1, 100)] = None
    pickup: Annotated[int | None, Whole(0, 255)] = None
    density: Annotated[float | None, Number(0.05, 16)] = None
    expression: Annotated[float, Number(0, 1)] = 0.0
    temperature: Annotated[float, Number(1e-3, 100)] = 1.0
    conservativity: Annotated[float, Number(0, 100)] = 1.0
    seed: Annotated[int, SEED] = 0
    count: Annotated[int, Whole(1, 100_000)] = 1
    storage: Annotated[str | None, Choice(STORAGES)] = None
    threads: Annotated[int | None, Whole(1)] = None
    strict: Annotated[bool, values.flag] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bars is not None and self.seconds is not None:
            raise OrchestrionError("Give bars or seconds, not both.")
        if (self.keep is None) != (not self.fill):
            raise OrchestrionError("Bars to fill are those of a score to keep: give both, for example keep=tune.mid and fill=5-8.")
        given = [name for name in ("prime", "keep", "melody", "bass") if getattr(self, name) is not None]
        if len(given) > 1 and given != ["melody", "bass"]:
            raise OrchestrionError(f"Give {' or '.join(given)}, not both: each begins another kind of piece.")
        if given and given != ["prime"]:
            names = ("bars", "seconds", "tempo", "meter", "form", "chords", "variations")
            fixed = [name for name in names if getattr(self, name) is not None]
            if fixed:
                raise OrchestrionError(f"With {given[0]}, {fixed[0]} follows from the given score; leave it out.")
        if self.pickup and (given or self.variations):
            raise OrchestrionError("A pickup begins a new piece; leave it out where something is given.")
        if self.form is not None and self.variations is not None:
            raise OrchestrionError("Give form or variations, not both.")
        if self.variations and (self.prime is None or self.bars is not None or self.seconds is not None):
            raise OrchestrionError("Variations are of a prime and as long as it is: give a prime, and no length.")


@dataclass(frozen=True, kw_only=True)
class Transcribing(Options):
    """How the notes of audio are written down.

    Attributes:
        method: "pyin" for one voice, "polyphonic" for chords, "melodia" for the tune of a mixture.
        tempo: quarter notes a minute, about, 10 to 1000; "auto" or None to estimate it.
        meter: (3, 4) or "3/4"; it is not estimated.
        pickup: beats before the first bar line, fewer than a bar has.
        quantize: the grid that onsets and ends are moved to, such as "1/16" or, for triplets, "1/8t"; "none" or None to leave the
            notes as they were played.
    """

    method: Annotated[str, Choice(METHODS)] = METHODS[0]
    tempo: Annotated[float | None, values.tempo] = None
    meter: Annotated[tuple[int, int], values.meter] = (4, 4)
    pickup: Annotated[int, Whole(0, 64)] = 0
    quantize: Annotated[str | None, Choice((AS_PLAYED, *GRIDS))] = None
