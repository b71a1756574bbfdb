"""A row of the table of experiments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrion.papers.lab import Lab
    from orchestrion.papers.page import Deviation, PageSection


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment. Nothing heavy is imported before ``run`` is called.

    Attributes:
        name: what it is called by on the command line.
        paper: authors and year.
        title: of its page.
        shows: the paper's figures or tables, for the list.
        run: makes the page's sections.
        deviations: of this experiment, whatever its scale.
        sizes: deviations of the networks that it trains at scale small, and of no others.
        needs_notes: whether recordings that are given must have their notes beside them.
    """

    name: str
    paper: str
    title: str
    shows: str
    run: Callable[[Lab], tuple[PageSection, ...]]
    deviations: tuple[Deviation, ...] = ()
    needs_notes: bool = False
    sizes: tuple[Deviation, ...] = ()
