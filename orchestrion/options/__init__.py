"""What may be asked of each deed, with units, ranges and defaults: shared by the command line, Python and notebooks.

Every field is annotated with its parser (`orchestrion.values`), for all of them: ``Composing(meter="3/4")`` holds ``(3, 4)``.
Annotations are evaluated where the classes stand, so that no ``from __future__ import annotations`` may stand above them.
"""

from orchestrion.options.base import DEVICES, SEED, STORAGE, STORAGES, Options, Parser, parser_of
from orchestrion.options.composing import AS_PLAYED, GRIDS, METHODS, Composing, Transcribing
from orchestrion.options.generating import NOISE, ComparingAll, Generating
from orchestrion.options.listening import Listening
from orchestrion.options.playing import Arranging, AudioFormat, Playing
from orchestrion.options.reproducing import Reproducing
from orchestrion.options.training import BackendTraining, Crops, Optimizer, Schedule, Stages, Training

__all__ = [
    "AS_PLAYED",
    "DEVICES",
    "GRIDS",
    "METHODS",
    "NOISE",
    "SEED",
    "STORAGE",
    "STORAGES",
    "Arranging",
    "AudioFormat",
    "BackendTraining",
    "ComparingAll",
    "Composing",
    "Crops",
    "Generating",
    "Listening",
    "Optimizer",
    "Options",
    "Parser",
    "Playing",
    "Reproducing",
    "Schedule",
    "Stages",
    "Training",
    "Transcribing",
    "parser_of",
]
