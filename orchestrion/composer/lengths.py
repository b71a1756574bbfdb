"""How long a piece is: whole bars of new music after what is given."""

from __future__ import annotations

import numpy as np

from orchestrion.composer import form
from orchestrion.composer.config import STEPS_PER_BEAT
from orchestrion.errors import OrchestrionError
from orchestrion.options import Composing
from orchestrion.score import Meter, PianoRoll, Score
from orchestrion.score.chords import parse_chords
from orchestrion.values import sections

DEFAULT_BARS = 8
LONGEST_STEPS = 1_000_000
LONGEST_GIVEN = 50_000


def all_known(roll: PianoRoll | None) -> np.ndarray:
    """(known, sounding, articulated) [s, 128, 3] of a roll of which all is known."""
    if roll is None:
        return np.zeros((0, 128, 3), dtype=np.uint8)
    return np.concatenate([np.ones((*roll.grid.shape[:2], 1), dtype=np.uint8), roll.grid.astype(np.uint8)], axis=-1)


def whole_bars(known: np.ndarray, meter: tuple[int, int]) -> np.ndarray:
    """Known silence after the end, up to a whole bar."""
    if len(known) > LONGEST_GIVEN:
        raise OrchestrionError(f"The given score has {len(known):,} sixteenths, more than the {LONGEST_GIVEN:,} allowed; take a part of it.")
    padded = np.pad(known, ((0, -len(known) % (meter[0] * 16 // meter[1])), (0, 0), (0, 0)))
    padded[len(known) :, :, 0] = 1
    return padded


def pickup_steps(prime: Score, meter: tuple[int, int]) -> int:
    """Steps before the first whole bar of ``prime``; 0 where it is to go on in another meter."""
    if prime.meter != Meter(prime.meter.time_s, *meter):
        return 0
    return round(prime.pickup_quarters * STEPS_PER_BEAT) % (meter[0] * 16 // meter[1])


def n_new_steps(wishes: Composing, tempo: float, meter: tuple[int, int], n_begun: int) -> int:
    """Length of the new part in steps: whole bars. ``seconds`` are those of the whole piece."""
    bar_steps = meter[0] * 16 // meter[1]
    bars = wishes.bars
    if wishes.variations:
        if not n_begun:
            raise OrchestrionError("The prime has no note to vary.")
        bars = wishes.variations * n_begun // bar_steps
    elif wishes.seconds is not None:
        whole = round(wishes.seconds * tempo * STEPS_PER_BEAT / 60 / bar_steps) - n_begun // bar_steps
        if n_begun and whole < 1:
            raise OrchestrionError(f"The prime alone is longer than {wishes.seconds:g} s; ask for more, or for a number of bars.")
        bars = max(1, whole)
    elif bars is None:
        named = wishes.form is not None and wishes.form not in (form.AUTO, form.FREE)
        formed = form.SECTION_BARS * len(sections(wishes.form)) if named and wishes.form else None
        bars = formed or (len(parse_chords(wishes.chords)) if wishes.chords else DEFAULT_BARS)
    if not 1 <= bars * bar_steps <= LONGEST_STEPS:
        raise OrchestrionError(f"A length of {bars} bars is outside 1 to {LONGEST_STEPS // bar_steps:,}.")
    return bars * bar_steps
