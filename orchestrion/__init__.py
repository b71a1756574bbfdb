"""Orchestrion composes melodies and plays any score as raw audio with a neural instrument that obeys the notes.

    >>> import orchestrion
    >>> tune = orchestrion.compose(bars=8, seed=7)                        # doctest: +SKIP
    >>> orchestrion.render(tune, instrument="violin").write("tune.wav")    # doctest: +SKIP

The names below are imported when they are first used, so that ``import orchestrion`` (and with it every ``--help``)
does not wait for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from orchestrion.errors import OrchestrionError
from orchestrion.version import VERSION

if TYPE_CHECKING:
    from orchestrion import models
    from orchestrion.api import data, evaluate, listen, train
    from orchestrion.api.aloud import live, play
    from orchestrion.api.comparing import compare, compare_all, generate
    from orchestrion.api.composing import compose, perform, statistics, transcribe
    from orchestrion.api.instruments import bench, info, learn
    from orchestrion.api.papers import paper
    from orchestrion.api.playing import arrange, render, stream
    from orchestrion.audio import Waveform
    from orchestrion.bridge import ConditioningSeries
    from orchestrion.ensemble import Mix
    from orchestrion.options import AudioFormat
    from orchestrion.renderer.instrument import Instrument
    from orchestrion.score import BUILTIN_TUNES, Note, Part, PianoRoll, Score

__version__ = VERSION
__all__ = [
    "BUILTIN_TUNES",
    "AudioFormat",
    "ConditioningSeries",
    "Instrument",
    "Mix",
    "Note",
    "OrchestrionError",
    "Part",
    "PianoRoll",
    "Score",
    "Waveform",
    "arrange",
    "bench",
    "compare",
    "compare_all",
    "compose",
    "data",
    "evaluate",
    "generate",
    "info",
    "learn",
    "listen",
    "live",
    "models",
    "paper",
    "perform",
    "play",
    "render",
    "statistics",
    "stream",
    "train",
    "transcribe",
]
_MODULES = {name: f"orchestrion.api.{name}" for name in ("data", "evaluate", "listen", "train")} | {"models": "orchestrion.models"}
_HOMES = (
    dict.fromkeys(("BUILTIN_TUNES", "Note", "Part", "PianoRoll", "Score"), "orchestrion.score")
    | {"ConditioningSeries": "orchestrion.bridge", "Waveform": "orchestrion.audio"}
    | {"AudioFormat": "orchestrion.options", "Mix": "orchestrion.ensemble", "Instrument": "orchestrion.renderer.instrument"}
    | dict.fromkeys(("compare", "compare_all", "generate"), "orchestrion.api.comparing")
    | dict.fromkeys(("compose", "perform", "statistics", "transcribe"), "orchestrion.api.composing")
    | dict.fromkeys(("bench", "info", "learn"), "orchestrion.api.instruments")
    | {"paper": "orchestrion.api.papers"}
    | dict.fromkeys(("live", "play"), "orchestrion.api.aloud")
    | dict.fromkeys(("arrange", "render", "stream"), "orchestrion.api.playing")
)


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name not in __all__:
        raise AttributeError(f"module 'orchestrion' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
