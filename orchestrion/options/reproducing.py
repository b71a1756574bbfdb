"""What may be asked of the experiments of the papers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from orchestrion import values
from orchestrion.options.base import SEED, Options
from orchestrion.values import Choice, Number, Several, Whole


@dataclass(frozen=True, kw_only=True)
class Reproducing(Options):
    """How an experiment of the papers is run.

    Attributes:
        scale: "small" trains small networks for minutes; "paper" the published sizes for the published epochs.
        minutes: of training, all networks of an experiment together, above 0; None for 3 at scale small, for the papers' epochs else.
        data: folders of recordings instead of what is performed for the purpose, one for each data set of the experiment.
        runs: finished trainings in place of those of conditioned WaveNets and their twins: {"with-notes": "runs/cello"}.
        soundfont: an .sf2 file that performs; None for the system's, or additive synthesis where there is none.
        material_minutes: of audio that is performed for each data set, above 0; None for 12 at scale small, 60 else.
        seconds: of clips, 1 to 600.
        clips: of each network, 1 to 100.
        threads: processor threads of training; None for all.
        seed: from 0; of material, weights, batches and clips.
    """

    scale: Annotated[Literal["small", "paper"], Choice(("small", "paper"))] = "small"
    minutes: Annotated[float | None, Number(0, above=True)] = None
    data: Annotated[Sequence[str], Several(values.path)] = ()
    runs: Annotated[Mapping[str, str], values.models] = field(default_factory=dict)
    soundfont: Annotated[str | None, values.path] = None
    material_minutes: Annotated[float | None, Number(0, 1440, above=True)] = None
    seconds: Annotated[float, Number(1, 600)] = 10.0
    clips: Annotated[int, Whole(1, 100)] = 2
    threads: Annotated[int | None, Whole(1)] = None
    seed: Annotated[int, SEED] = 0
