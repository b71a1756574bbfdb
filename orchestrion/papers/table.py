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
_SHARES: Deviation = ("weights of epochs 1,200 to 2,100", "weights after the same shares of whatever the training's length is", "minutes on a laptop")
_PICKED: Deviation = ("plausible clips were picked by hand", "all clips are rated", "picking is what such a test should be free of")
_STEMS: Deviation = (
    "lo-fi music, and its stems by Spleeter (drums, piano, other)",
    "chorales on piano and bass, and the bass alone, unless --data gives others (orchestrion data prepare --stem separates them)",
    "no such recordings are free to hand on",
)  # fmt: skip
_WINDOWS: Deviation = ("one target a window", "every position of an example is a target (scale small)", "the same loss at a fraction of the time")
_XU = (_STEMS, _LAPTOP, _ALIKE)
_MTSK: tuple[Deviation, ...] = (
    ("MusicNet's cello", "the upper or the lower voices of chorales of Bach's on a SoundFont's cello, unless --data gives recordings with notes", "at hand everywhere"),
    ("a roll that is convolved at audio rate", "the convolution runs once a frame of 4 ms", "the roll is constant within a frame"),
    ("length of the training: not said", "minutes, or an hour a network at scale paper", "the same for both twins"),
)

_SMALLER: tuple[Deviation, ...] = (("60 layers, 512 skip channels", "20 layers, 64 skip channels", "minutes on a laptop"),)
_COMPOSER: Deviation = (
    "Johnson's biaxial LSTM", "at scale small with fewer units, and told the place in the bar and the form (compact-chorales); at scale paper that of Johnson 2017",
    "minutes on a laptop",
)  # fmt: skip
_COUPLED: Deviation = (
    "a composer of scores in sixteenths", "steps of an eighth of a second, whatever the tempo; 64 and 32 units",
    "the roll must lie on the clock of the recordings",
)  # fmt: skip

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
    Experiment("kalingeri-recordings", KG, "What the networks learn from", "Figures 1 and 5", _from("kalingeri", "recordings"), (_DATA,)),
    Experiment("kalingeri-networks", KG, "Six networks trained alike", "Figures 9 and 10", _from("kalingeri", "networks"), _COMMON),
    Experiment("kalingeri-epochs", KG, "Clips at four epochs", "section 4, no figure", _from("kalingeri", "epochs"), (*_COMMON, _SHARES)),
    Experiment("kalingeri-listening", KG, "A blind listening sheet", "Table 1", _from("kalingeri", "listening"), (*_COMMON, _PICKED)),
    Experiment("kalingeri-ensemble", KG, "An ensemble of stacked LSTMs", "section 3.3, no figure", _from("kalingeri", "ensemble"), _COMMON),
    Experiment("xu-rates", XS, "The sample rate", "Figure 3", _from("xu", "rates"), (_STEMS,)),
    Experiment("xu-models", XS, "Three networks on two data sets", "section 8, no figure", _from("xu", "models"), (*_XU, _WINDOWS)),
    Experiment("xu-noise", XS, "What the TCN makes of noise", "Figure 9", _from("xu", "noise"), _XU),
    Experiment("xu-predictions", XS, "What the encoder-decoder predicts", "Figure 10", _from("xu", "predictions"), _XU),
    Experiment("xu-kernels", XS, "Kernel sizes of the TCN", "section 6.4, no figure", _from("xu", "kernels"), _XU),
    Experiment("manzelli-spectrogram", MTSK, "Sound against conditioning", "Figure 3", _from("manzelli", "spectrogram"), _MTSK, True, _SMALLER),
    Experiment("manzelli-twin", MTSK, "Conditioned against unconditioned", "no figure", _from("manzelli", "twin"), _MTSK, True, _SMALLER),
    Experiment("manzelli-genre", MTSK, "Composer and renderer of one data set", "no figure", _from("manzelli", "genre"), (*_MTSK, _COMPOSER), True, _SMALLER),
    Experiment("manzelli-coupled", MTSK, "Coupled training", "future work", _from("manzelli", "coupled"), (*_MTSK, _COUPLED), True, _SMALLER),
    Experiment("manzelli-melodia", MTSK, "Labels that were heard", "no figure", _from("manzelli", "melodia"), _MTSK, True, _SMALLER),
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
