"""What a blind listening test asks."""

from dataclasses import dataclass
from typing import Annotated

from orchestrion import values
from orchestrion.options.base import SEED, Options
from orchestrion.values import Number, Whole


@dataclass(frozen=True, kw_only=True)
class Listening(Options):
    """What a blind listening test asks.

    Attributes:
        title: heading of the page.
        ratings: clips that each listener rates; all of them if None, 0 for pairs only.
        pairs: pairs that each listener chooses from.
        repeats: clips that come twice, to see who answers at random.
        pair_repeats: pairs that come twice, the sides exchanged.
        seconds: each clip is cut to so much, 0.5 to 120; as long as it is if None.
        abx: trials for each listener in which a third clip is one of a pair again, and is to be told: 0 for none.
        anchor: the system of which a copy without anything above 3.5 kHz is hidden among the others (the low anchor of
            ITU-R BS.1534); None for no anchor.
        question: asked of each clip that is rated.
        pair_question: asked of each pair.
        collect: the page sends the answers to the server that it came from (``orchestrion listen serve``), too.
        completion_code: shown at the end; computed for each listener if None.
        seed: of names, playlists and orders.
    """

    title: Annotated[str, values.text] = "Listening test"
    ratings: Annotated[int | None, Whole()] = None
    pairs: Annotated[int, Whole()] = 0
    repeats: Annotated[int, Whole()] = 5
    pair_repeats: Annotated[int, Whole()] = 2
    seconds: Annotated[float | None, Number(0.5, 120)] = None
    abx: Annotated[int, Whole(0, 1000)] = 0
    anchor: Annotated[str | None, values.text] = None
    question: Annotated[str, values.text] = "How good is it as music?"
    pair_question: Annotated[str, values.text] = "Which one is better as music?"
    collect: Annotated[bool, values.flag] = False
    completion_code: Annotated[str | None, values.text] = None
    seed: Annotated[int, SEED] = 0
