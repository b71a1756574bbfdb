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
    from orchestrion.api import arrange, compare, compare_all, compose, generate, perform, render, stream, transcribe
    from orchestrion.audio import Waveform
    from orchestrion.bridge import ConditioningSeries
    from orchestrion.renderer.instrument import Instrument
    from orchestrion.score import BUILTIN_TUNES, Note, Part, PianoRoll, Score

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
    "arrange",
    "compare",
    "compare_all",
    "compose",
    "generate",
    "perform",
    "render",
    "stream",
    "transcribe",
]
_HOMES = (
    dict.fromkeys(("BUILTIN_TUNES", "Note", "Part", "PianoRoll", "Score"), "orchestrion.score")
    | {"ConditioningSeries": "orchestrion.bridge", "Waveform": "orchestrion.audio"}
    | dict.fromkeys(("arrange", "compare", "compare_all", "compose", "generate", "perform", "render", "stream", "transcribe"), "orchestrion.api")
    | {"Instrument": "orchestrion.renderer.instrument"}
)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'orchestrion' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
