"""How renderers, composers and the back-ends of earlier papers are trained."""

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from orchestrion import values
from orchestrion.options.base import SEED, Options
from orchestrion.values import Choice, Listed, Number, Whole

Stages = tuple[tuple[int, int], ...]
Optimizer = Literal["adamw", "adam", "rmsprop", "sgd"]
Schedule = Literal["cosine", "halved"]


@dataclass(frozen=True, kw_only=True)
class Training(Options):
    """How long the training of a renderer or a composer runs, and how. The first of ``minutes`` and ``steps`` that is reached ends it.

    Attributes:
        minutes: of training, resumed parts added up, above 0; None for no limit where ``steps`` is given, else for 60.
        steps: updates, from 1; None for no limit.
        learning_rate: at its peak, above 0; None for 0.002, for composers 0.003.
        validate_minutes: minutes between validations, and between checkpoints, above 0.
        validate_steps: updates between them, from 1, instead of minutes: stopped and resumed, a training then ends in the same weights.
        precision: of the arithmetic, "bf16-mixed" or "32-true"; "auto": the former where the machine multiplies bfloat16 itself, else the latter.
        compiled: through torch.compile; None: of renderers on recordings, where a compiler is found.
        threads: processor threads; None for all.
        seed: from 0; of weights, batches and noise.
    """

    minutes: Annotated[float | None, Number(0, above=True)] = None
    steps: Annotated[int | None, Whole(1)] = None
    learning_rate: Annotated[float | None, Number(0, above=True)] = None
    validate_minutes: Annotated[float, Number(0, above=True)] = 5.0
    validate_steps: Annotated[int | None, Whole(1)] = None
    precision: Annotated[Literal["auto", "bf16-mixed", "32-true"], Choice(("auto", "bf16-mixed", "32-true"))] = "auto"
    compiled: Annotated[bool | None, values.flag] = None
    threads: Annotated[int | None, Whole(1)] = None
    seed: Annotated[int, SEED] = 0


@dataclass(frozen=True, kw_only=True)
class BackendTraining(Options):
    """How a back-end is trained; None is as the recipe of the preset says (see `orchestrion.generators.recipe`).

    Attributes:
        minutes: of training, above 0. The first of the next four that is reached ends it.
        steps: updates, from 1.
        examples: from 1.
        epochs: passes over the songs, above 0.
        optimizer: "adamw", "adam", "rmsprop" or "sgd".
        learning_rate: at its peak, above 0.
        schedule: "cosine", or "halved" for the second half.
        final_share: what is left of the learning rate at the end, 0 to 1.
        warmup_steps: in which the learning rate rises to its peak, from 1.
        clip: most norm of the gradient; 0 for no limit.
        ema_decay: a step, of the moving average of the weights, 0 to 1; 0 for none.
        keep: the weights of the "best" validation, or the "last".
        batch: examples a step: 16, or "32,64@300" to double them after 300 epochs.
        cut: examples one after another ("grid") or from anywhere ("random").
        crop_s: seconds of an example, above 0 and up to 60; None for what the settings say.
        noise: cure of decay: noise on what is heard, of up to so many times the songs' RMS, 0 to 10. Cures: `orchestrion.generators.cures`.
        gain_drift_db: cure: half of the examples are heard louder or softer by up to this, 0 to 60.
        own: cure: this share of what is heard is the network's own, 0 to 1.
        magnitudes: cure: weight of the error of log-magnitudes in the loss, 0 to 100.
        keep_epochs: epochs, or fractions of one, after which the weights are kept as ``epoch-N.safetensors``, too.
        validate_minutes: between validations, above 0; None for twelve in a training that ends by the clock, else for 5.
        validate_steps: updates between validations, from 1, instead of minutes.
        threads: processor threads; None for all.
        seed: from 0; of weights, batches and noise.
    """

    minutes: Annotated[float | None, Number(0, above=True)] = None
    steps: Annotated[int | None, Whole(1)] = None
    examples: Annotated[int | None, Whole(1)] = None
    epochs: Annotated[float | None, Number(0, above=True)] = None
    optimizer: Annotated[Optimizer | None, Choice(get_args(Optimizer))] = None
    learning_rate: Annotated[float | None, Number(0, above=True)] = None
    schedule: Annotated[Schedule | None, Choice(get_args(Schedule))] = None
    final_share: Annotated[float | None, Number(0, 1)] = None
    warmup_steps: Annotated[int | None, Whole(1)] = None
    clip: Annotated[float | None, Number(0)] = None
    ema_decay: Annotated[float | None, Number(0, 1)] = None
    keep: Annotated[Literal["best", "last"] | None, Choice(("best", "last"))] = None
    batch: Annotated[Stages | None, values.stages] = None
    cut: Annotated[Literal["grid", "random"] | None, Choice(("grid", "random"))] = None
    crop_s: Annotated[float | None, Number(0, 60, above=True)] = None
    noise: Annotated[float, Number(0, 10)] = 0.0
    gain_drift_db: Annotated[float, Number(0, 60)] = 0.0
    own: Annotated[float, Number(0, 1)] = 0.0
    magnitudes: Annotated[float, Number(0, 100)] = 0.0
    keep_epochs: Annotated[tuple[float, ...], Listed(Number(0, above=True))] = ()
    validate_minutes: Annotated[float | None, Number(0, above=True)] = None
    validate_steps: Annotated[int | None, Whole(1)] = None
    threads: Annotated[int | None, Whole(1)] = None
    seed: Annotated[int, SEED] = 0


@dataclass(frozen=True, kw_only=True)
class Crops(Options):
    """What a batch of recordings is made of.

    Attributes:
        batch_size: crops a step, for each process.
        crop_frames: conditioning frames of a crop.
        noise_levels: each crop's input history is jittered by a normal of 0 to this many µ-law levels; the targets stay
            clean, so the network learns to come back from its own errors.
        history_gain_db: half of the crops hear their own past louder or softer by up to this much, 0 to 40, clipped as a waveform
            clips, while the targets stay as they are: the score alone then says how loud a note is, and a tone that has
            run away comes back. 15 or so for smooth tones (a flute), which otherwise may grow into a full-scale square wave.
        rest_share: this share of the crops is a rest: no notes, and whatever sounds dies away within a fraction of a second, in
            the targets sooner than in the past that the network hears. Music seldom rests, and what has never been heard to
            end may ring on for ever: 0.05 or so then.
        gain_db: each crop is made louder or softer by up to this much; None for 3 on real recordings, 0 on a SoundFont's.
        polarity: whether half of the crops are turned upside down; None for real recordings only, as on SoundFont audio the
            excitation's phase tells the sound's.
    """

    batch_size: Annotated[int, Whole(1)] = 1
    crop_frames: Annotated[int, Whole(1)] = 96
    noise_levels: Annotated[float, Number(0)] = 2.0
    history_gain_db: Annotated[float, Number(0, 40)] = 0.0
    rest_share: Annotated[float, Number(0, 1)] = 0.0
    gain_db: Annotated[float | None, Number(0)] = None
    polarity: Annotated[bool | None, values.flag] = None
