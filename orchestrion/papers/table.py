"""The table of experiments: a row is all that registers one. Nothing heavy is imported before a row runs."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from orchestrion.errors import OrchestrionError
from orchestrion.papers.experiment import Experiment

if TYPE_CHECKING:
    from orchestrion.papers.lab import Lab
    from orchestrion.papers.page import Deviation, PageSection

_DATA: Deviation = (
    "recordings of artists", "chorales of Bach's performed by a SoundFont (or by additive synthesis), unless --data gives others",
    "no such recordings are free to hand on",
)  # fmt: skip
_LAPTOP: Deviation = ("no held-out data while training, no averages", "AdamW, a cosine, averages (scale small)", "minutes on a laptop")
_ALIKE: Deviation = ("epochs", "as many steps of as many examples for all networks of a page", "what is compared has seen the same")
_COMMON = (_DATA, _LAPTOP, _ALIKE)

NV, KG, XS, MTSK = "Nayebi & Vitelli 2015", "Kalingeri & Grandhe 2016", "Xu & Swar 2021", "Manzelli et al. 2018"


def _from(module: str, function: str) -> Callable[[Lab], tuple[PageSection, ...]]:
    """The function, imported when it is called."""

    def run(lab: Lab) -> tuple[PageSection, ...]:
        found: Callable[[Lab], tuple[PageSection, ...]] = getattr(import_module(f"orchestrion.papers.{module}"), function)
        return found(lab)

    return run


_ROWS = (
    Experiment("nayebi-losses", NV, "LSTM and GRU on two data sets", "Figure 1", _from("nayebi", "losses"), _COMMON),
    Experiment("nayebi-hidden", NV, "Hidden dimensions", "Figure 2", _from("nayebi", "hidden"), _COMMON),
    Experiment("nayebi-spectra", NV, "What the networks predict", "Figure 3", _from("nayebi", "spectra"), _COMMON),
    Experiment("nayebi-seeds", NV, "Seed length and generation loops", "section 5, no figure", _from("nayebi", "seeds"), _COMMON),
    Experiment("nayebi-blocks", NV, "Block size", "section 5, no figure", _from("nayebi", "blocks"), _COMMON),
    Experiment("nayebi-layers", NV, "Recurrent layers", "section 5, no figure", _from("nayebi", "layers"), _COMMON),
)
EXPERIMENTS = {row.name: row for row in _ROWS}
"""Experiments by name, in the order of the papers."""


def experiment_named(name: str) -> Experiment:
    """A row.

    Raises:
        OrchestrionError: no such experiment.
    """
    if name not in EXPERIMENTS:
        raise OrchestrionError(f"There is no experiment {name!r}; `orchestrion paper list` names them.")
    return EXPERIMENTS[name]
