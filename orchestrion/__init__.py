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
    from orchestrion.api import compare, compose, generate, perform, render, stream
    from orchestrion.bridge import BUILTIN_TUNES, ConditioningSeries, Note, Part, PianoRoll, Score, Waveform
    from orchestrion.renderer.instrument import Instrument

__version__ = VERSION
__all__ = [
    "BUILTIN_TUNES",
    "ConditioningSeries",
    "Instrument",
    "Note",
    "OrchestrionError",
    "Part",
    "PianoRoll",
    "Score",
    "Waveform",
    "compare",
    "compose",
    "generate",
    "perform",
    "render",
    "stream",
]
_BRIDGE = ("BUILTIN_TUNES", "ConditioningSeries", "Note", "Part", "PianoRoll", "Score", "Waveform")
_HOMES = (
    dict.fromkeys(_BRIDGE, "orchestrion.bridge")
    | dict.fromkeys(("compare", "compose", "generate", "perform", "render", "stream"), "orchestrion.api")
    | {"Instrument": "orchestrion.renderer.instrument"}
)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'orchestrion' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
