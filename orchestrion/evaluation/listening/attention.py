"""Which listeners are excluded: rules that are fixed before any answer is seen, and reported with every exclusion.

A listener is excluded who

- rates clips that come twice (at least `REPEATS` of them) differently by more than `DIFFERENCE` on average,
- gives the same rating to eight clips or more, or
- sends a file that does not belong to its completion code.

Random ratings from 1 to 5 differ by 1.6 on average, those of attentive listeners by 0.5 to 0.9. The rule prefers keeping somebody
who answers at random, which widens intervals, to excluding somebody who is unsure. In simulations (ratings scattering by 0.5 to
0.8) it finds somewhat more than half of the random listeners with five repeats and nearly two thirds with eight, and excludes
0 to 3 of 100 others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestrion.evaluation.listening.answers import Session
from orchestrion.evaluation.listening.codes import completion_code

REPEATS = 3
DIFFERENCE = 1.4
SAME = 8


@dataclass(frozen=True, slots=True)
class Attention:
    """Of one listener: mean |difference| of repeated ratings and share of repeated choices kept (None without any), and
    why the answers are left out (None: they count)."""

    difference: float | None
    agreement: float | None
    reason: str | None


def attention_of(session: Session, fixed_code: str | None = None) -> Attention:
    """Apply the rules to one listener.

    Args:
        fixed_code: the code that all listeners of this test were shown, where one was set.
    """
    first = {rated.clip: rated.rating for rated in session.ratings if not rated.is_repeat}
    again = [
        abs(rated.rating - first[rated.clip]) for rated in session.ratings if rated.is_repeat and rated.clip in first
    ]
    chosen = {frozenset((c.winner, c.loser)): c.winner for c in session.choices if not c.is_repeat}
    kept = [
        chosen[pair] == c.winner
        for c in session.choices
        if c.is_repeat and (pair := frozenset((c.winner, c.loser))) in chosen
    ]
    difference = float(np.mean(again)) if again else None
    agreement = float(np.mean(kept)) if kept else None
    return Attention(difference, agreement, _reason(session, list(first.values()), again, fixed_code))


def _reason(session: Session, ratings: list[int], again: list[int], fixed_code: str | None) -> str | None:
    if session.code is not None and session.code != (fixed_code or completion_code(session.study, session.listener)):
        return "the file does not belong to its completion code"
    if len(ratings) >= SAME and len(set(ratings)) == 1:
        return f"gave the same rating to all {len(ratings)} clips"
    if len(again) >= REPEATS and np.mean(again) > DIFFERENCE:
        return f"rated {len(again)} clips that came twice differently by {np.mean(again):.1f} on average"
    return None
