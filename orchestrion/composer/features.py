"""What the composer reads about each note: the published inputs, vectorised.

To draw step t the network reads, for every pitch p, from the grid of step t-1:

    position        1   index of p (raw as published, or scaled)
    pitch class    12   one-hot of the MIDI number mod 12
    vicinity       50   (sounding, articulated) of p-12 ... p+12, note by note
    context        12   sounding notes of each pitch class, rotated so that p's own comes first
    clock     4/44/49   the published bits, or the place in the bar and the tonic, or these and the plan
    spare         0/1   always 0
    memories    50 each (sounding, articulated) of p-12 ... p+12, as many bars ago as the config says, and in the bar that
                        the plan refers to: at the same place of the bar as the step to be drawn; what followed matches
    foresight           what the backward axis makes of given notes (`network`)

The note axis hears the note below as it was drawn, and where the config says so the chord below (`chord_below`).

The published program gives step t the bits of t-1, the step the other inputs come from; so do we. Before step 0 the
grid is silent.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from orchestrion.composer.config import BAR_CLOCK, BINARY_CLOCK, CLOCK_WIDTHS, FORM_CLOCK, VICINITY, ComposerConfig
from orchestrion.composer.form import Plan
from orchestrion.composer.matching import continued

PLACES = 24  # sixteenths in the longest bar told apart (3/2, 12/8)
BARS_BITS = 3
BARS_LEFT = 4
TONICS = 12
PLAN_KINDS = 4  # not told, new, varied, the same: see `form`
FAR_BARS = 64


def previous_steps(grid: torch.Tensor) -> torch.Tensor:
    """``grid`` [b, s, p, 2] one step later, silence first."""
    return torch.nn.functional.pad(grid, (0, 0, 0, 0, 1, 0))[:, :-1]


def note_inputs(
    previous: torch.Tensor,
    clock: torch.Tensor,
    config: ComposerConfig,
    memory: torch.Tensor | None = None,
    lowest: torch.Tensor | None = None,
) -> torch.Tensor:
    """Inputs [b, s, p, n_inputs - foresight] from the previous steps [b, s, p, 2] (0/1), the clock rows [b, s, w] and, where
    the network has memories, the earlier rolls [b, s, m, p, 2] (silence when None).

    ``lowest`` [b]: index of the first of p keys, where each piece is given a part of the keyboard outside which nothing sounds.
    """
    b, s, p, _ = previous.shape
    first = previous.new_zeros(b, dtype=torch.long) if lowest is None else lowest
    columns = [
        static_inputs(config).to(previous)[first[:, None] + torch.arange(p, device=first.device)][:, None].expand(b, s, p, 13),
        vicinity(previous, wraps=config.vicinity_wraps and p == config.n_pitches),
        context(previous, first + config.pitch_low),
        clock.to(previous)[:, :, None, :].expand(b, s, p, clock.shape[-1]),
    ]
    if config.spare_input:
        columns.append(previous.new_zeros(b, s, p, 1))
    for i in range(config.n_memories):
        earlier = torch.zeros_like(previous) if memory is None else memory[:, :, i].to(previous)
        columns.append(vicinity(earlier, wraps=False))
    return torch.cat(columns, dim=-1)


def given_inputs(given: torch.Tensor, lowest: torch.Tensor) -> torch.Tensor:
    """Inputs [b, s, p, n_given_inputs] of the backward axis from (known, sounding, articulated) [b, s, p, 3] in 0/1; ``lowest`` [b]
    are the pitches that the pieces begin with."""
    return torch.cat([vicinity(given, wraps=False), context(given[..., 1:], lowest)], dim=-1)


def memories(
    grid: np.ndarray, config: ComposerConfig, bar_steps: int, plan: Plan, first: int, n_steps: int
) -> np.ndarray:
    """The earlier rolls [n_steps, m, p, 2] for steps ``first`` … of ``grid`` [s, p, 2]: `bars_ago`, what ``plan`` refers to, and what
    followed matches (`matching`)."""
    earlier = [bars_ago(grid, config.lags_bars, bar_steps, first, n_steps)]
    if config.hears_plan:
        steps = plan.source_steps(bar_steps, first, n_steps)
        referred = grid[np.clip(steps, 0, max(len(grid) - 1, 0))]
        referred[steps < 0] = 0
        earlier.append(referred[:, None])
    if config.matches:
        earlier.append(continued(grid, config.matches, first, n_steps))
    return np.concatenate(earlier, axis=1)


def bars_ago(grid: np.ndarray, lags: Sequence[int], bar_steps: int, first: int, n_steps: int) -> np.ndarray:
    """What stood ``lags`` bars before steps ``first`` … of ``grid`` [s, p, 2]: [n_steps, l, p, 2], silence before the piece."""
    steps = np.arange(first, first + n_steps)[:, None] - np.array(lags, dtype=int)[None] * bar_steps
    rows: np.ndarray = grid[np.clip(steps, 0, max(len(grid) - 1, 0))]
    rows[steps < 0] = 0
    return rows


def static_inputs(config: ComposerConfig) -> torch.Tensor:
    """Position and pitch class [p, 13], the same at every step."""
    index = torch.arange(config.n_pitches)
    classes = torch.nn.functional.one_hot((index + config.pitch_low) % 12, 12)
    position = index if config.raw_position else index / 128
    return torch.cat([position[:, None].float(), classes.float()], dim=1)


def vicinity(previous: torch.Tensor, *, wraps: bool) -> torch.Tensor:
    """[b, s, p, c] → [b, s, p, 25 c]: 25 notes from p-12 to p+12, ``c`` channels (sounding, articulated) each."""
    below = previous[:, :, -VICINITY:] if wraps else torch.zeros_like(previous[:, :, -VICINITY:])
    above = torch.zeros_like(below)
    padded = torch.cat([below, previous, above], dim=2)
    windows = padded.unfold(2, 2 * VICINITY + 1, 1)  # [b, s, p, c, 25]
    return windows.transpose(-1, -2).flatten(-2)


def context(previous: torch.Tensor, lowest: torch.Tensor) -> torch.Tensor:
    """[b, s, p, 2] → [b, s, p, 12]: how many notes of each pitch class sound, counted from the note's own class; ``lowest`` [b] are
    the pitches that the pieces begin with."""
    own = (lowest[:, None] + torch.arange(previous.shape[2], device=lowest.device)) % 12  # [b, p]
    counts = previous[..., 0] @ torch.nn.functional.one_hot(own, 12).to(previous)  # [b, s, 12]
    classes = (own[..., None] + torch.arange(12, device=lowest.device)) % 12  # [b, p, 12]
    return counts.gather(2, classes.flatten(1)[:, None].expand(-1, counts.shape[1], -1)).view(*previous.shape[:3], 12)


def chord_below(grid: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
    """[b, s, p, 2] → [b, s, p, 24]: of the notes below each in the same step, how many of each pitch class sound, counted from the
    note's own class, and a one-hot of the lowest one's; zeros where none sounds. ``first`` [b] are the pitches that the pieces begin
    with."""
    sounding = grid[..., 0]
    own = (first[:, None] + torch.arange(grid.shape[2], device=grid.device)) % 12  # [b, p]
    classes = torch.nn.functional.one_hot(own, 12).to(grid)[:, None]  # [b, 1, p, 12]
    each = sounding[..., None] * classes
    below = each.cumsum(dim=2) - each  # [b, s, p, 12], without the note itself
    lower = sounding.cumsum(dim=2) - sounding
    lowest = (each * (lower == 0)[..., None]).sum(dim=2, keepdim=True) * (lower > 0)[..., None]
    turned = ((own[..., None] + torch.arange(12, device=grid.device)) % 12)[:, None].expand_as(below)
    return torch.cat([below.gather(3, turned), lowest.expand_as(below).gather(3, turned)], dim=-1)


def clock_rows(
    config: ComposerConfig,
    meter: tuple[int, int],
    first: int,
    n_steps: int,
    total: int | None,
    tonic: int | None = None,
    kinds: np.ndarray | None = None,
    pickup: bool = False,
) -> np.ndarray:
    """Clock inputs [n_steps, w] float32 for drawing steps ``first`` … of a piece of ``total`` steps (None: no end).

    ``step-bits``: the four low bits of step t-1 as -1/+1, lowest first (published; it knows no meter).
    ``bar``: one-hot place in the bar (24; longer bars share the last place), three bits -1/+1 of the bar's number,
    whether the meter is in threes (6/8, 9/8, …: 1), one-hot of how many bars are left (0–3; none: more), one-hot
    pitch class of the tonic (none: not told).
    ``form``: these, the bars counted from the first whole one where there is a ``pickup``; then a one-hot of what the plan
    says of the bar (``kinds`` [bars], None: not told) and how many bars are left, logarithmically from 0 to 1 (1: 63 or more, or
    no end).
    """
    steps = np.arange(first, first + n_steps)
    if config.clock == BINARY_CLOCK:
        return (((steps[:, None] - 1) >> np.arange(4)) & 1).astype(np.float32) * 2 - 1
    bar_steps = meter[0] * 16 // meter[1]
    bar = steps // bar_steps
    rows = np.zeros((n_steps, CLOCK_WIDTHS[config.clock]), dtype=np.float32)
    rows[np.arange(n_steps), np.minimum(steps % bar_steps, PLACES - 1)] = 1
    number = bar - (pickup and config.clock == FORM_CLOCK)
    rows[:, PLACES : PLACES + BARS_BITS] = ((number[:, None] >> np.arange(BARS_BITS)) & 1) * 2 - 1
    rows[:, PLACES + BARS_BITS] = meter[1] == 8 and meter[0] % 3 == 0
    if total is not None:
        left = (total - 1) // bar_steps - bar
        near = (left >= 0) & (left < BARS_LEFT)
        rows[near, PLACES + BARS_BITS + 1 + left[near]] = 1
    if tonic is not None:
        rows[:, CLOCK_WIDTHS[BAR_CLOCK] - TONICS + tonic] = 1
    if config.clock == FORM_CLOCK:
        told = CLOCK_WIDTHS[BAR_CLOCK] + (np.zeros_like(bar) if kinds is None else kinds[np.minimum(bar, len(kinds) - 1)])
        rows[np.arange(n_steps), told] = 1
        left = np.full(n_steps, FAR_BARS) if total is None else np.clip((total - 1) // bar_steps - bar, 0, FAR_BARS)
        rows[:, -1] = np.minimum(np.log2(1.0 + left) / np.log2(FAR_BARS), 1.0)
    return rows


def telling(row: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """A clock row [w] of the clock ``form`` as rows [v, w] that say of their bar each of ``kinds`` [v] instead."""
    rows = np.repeat(row[None], len(kinds), axis=0)
    first = CLOCK_WIDTHS[BAR_CLOCK]
    rows[:, first : first + PLAN_KINDS] = np.eye(PLAN_KINDS, dtype=row.dtype)[kinds]
    return rows
