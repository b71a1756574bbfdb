"""What a generator of audio continues, one by one or all side by side."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from orchestrion import values
from orchestrion.options.base import SEED, Options
from orchestrion.shipped import DEFAULT_INSTRUMENT
from orchestrion.values import Number, Several, Whole

if TYPE_CHECKING:
    from orchestrion.audio import Waveform
    from orchestrion.score import Score

NOISE = "noise"


@dataclass(frozen=True, kw_only=True)
class Generating(Options):
    """What a generator continues, and for how long.

    Attributes:
        seconds: of the continuation, above 0 and up to six hours.
        seed_audio: a waveform, an audio file, or "noise"; resampled to the model's rate.
        seed_start_s: where in ``seed_audio`` the seed begins.
        seed_seconds: how much of it is the seed, above 0 and up to 60; the papers had 40 blocks of a quarter of a second.
        with_seed: put the seed before what continues it.
        score: what ``wavenet`` plays; no other back-end can be told.
        temperature: 0 plays what is predicted, as the papers do; 1 draws about it as far as predictions are off (a WaveNet's
            divides its logits); None for the model's own.
        seed: from 0; decides noise and whatever else is drawn.
    """

    seconds: Annotated[float, Number(0, 21_600, above=True)] = 10.0
    seed_audio: Annotated["Waveform | str | os.PathLike[str]", values.source] = NOISE
    seed_start_s: Annotated[float, Number(0, 21_600)] = 0.0
    seed_seconds: Annotated[float, Number(0, 60, above=True)] = 10.0
    with_seed: Annotated[bool, values.flag] = False
    score: Annotated["Score | str | os.PathLike[str] | None", values.source] = None
    temperature: Annotated[float | None, Number(0, 100)] = None
    seed: Annotated[int, SEED] = 0


@dataclass(frozen=True, kw_only=True)
class ComparingAll(Options):
    """Every generator that has a model, on the same seeds.

    Attributes:
        data: a prepared set of songs: its validation split gives seeds and held-out recordings, its training split is
            searched for copies. None for built-in tunes.
        clips: how many seeds, 1 to 100; pictures of means are over them.
        seconds: of what is generated from each, 1 to 600.
        seed_seconds: of what it continues, 0.1 to 60.
        models: a run's folder or weights file for back-ends: {"tcn": "runs/tcn"}.
        runs: a folder with a run for each back-end, called after it.
        instrument: the conditioned WaveNet.
        only: these back-ends; none for all.
        seed: of the first clip; the next have the next.
    """

    data: Annotated[str | None, values.path] = None
    clips: Annotated[int, Whole(1, 100)] = 3
    seconds: Annotated[float, Number(1, 600)] = 10.0
    seed_seconds: Annotated[float, Number(0.1, 60)] = 10.0
    models: Annotated[Mapping[str, str], values.models] = field(default_factory=dict)
    runs: Annotated[str | None, values.path] = None
    instrument: Annotated[str, values.path] = DEFAULT_INSTRUMENT
    only: Annotated[Sequence[str], Several(values.text)] = ()
    seed: Annotated[int, SEED] = 0
