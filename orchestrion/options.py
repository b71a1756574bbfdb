"""What may be asked of each deed, with units, ranges and defaults: shared by the command line, Python and notebooks.

Every field is annotated with its parser (`orchestrion.values`), for all of them: ``Composing(meter="3/4")`` holds ``(3, 4)``.
Annotations are evaluated here, so that no ``from __future__ import annotations`` may stand above.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Literal, Self, get_args

from orchestrion import values
from orchestrion.errors import OrchestrionError
from orchestrion.shipped import DEFAULT_INSTRUMENT
from orchestrion.values import Choice, Listed, Number, Several, Whole

if TYPE_CHECKING:
    from orchestrion.audio import Waveform
    from orchestrion.score import Score

Parser = Callable[[object], object]
DEVICES = ("auto", "cpu", "cuda")
STORAGES = ("float32", "bfloat16", "int8")
# Whole numbers play fastest on every width of vectors, and cost up to 0.008 bits a sample of held-out audio, which no
# measure of notes shows (``benchmarks/storage_price.py``, ``benchmarks/parallel_price.py``).
STORAGE = "int8"
NOISE = "noise"
SEED = Whole()
Stages = tuple[tuple[int, int], ...]
Optimizer = Literal["adamw", "adam", "rmsprop", "sgd"]
Schedule = Literal["cosine", "halved"]
METHODS = ("pyin", "polyphonic", "melodia")
# Steps a quarter note of the grids that notes can be moved to, by their names; t stands for triplets.
GRIDS = {"1/4": 1, "1/8": 2, "1/16": 4, "1/32": 8, "1/8t": 3, "1/16t": 6}
AS_PLAYED = "none"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Base of those below: every field is parsed, but for those that are None, as their defaults are."""

    def __post_init__(self) -> None:
        for each in fields(self):
            given = getattr(self, each.name)
            if given is None and each.default is None:
                continue
            try:
                object.__setattr__(self, each.name, parser_of(each)(given))
            except OrchestrionError as error:
                raise OrchestrionError(f"{each.name}: {error}") from error

    @classmethod
    def of(cls, **given: object) -> Self:
        """From values that are still to be parsed."""
        return cls(**given)


def parser_of(each: Field[object]) -> Parser:
    """The parser that stands in a field's annotation."""
    parser: Parser = get_args(each.type)[1]
    return parser


@dataclass(frozen=True, kw_only=True)
class Arranging(Options):
    """How a score is changed before it is played, in this order.

    Attributes:
        part: only the part of this name, or of this number from 0; None for all.
        transpose: semitones, -127 to 127.
        tempo: quarter notes a minute at the beginning, 10 to 1000; later changes keep their ratio.
        speed: plays so many times as fast, 0.1 to 10; not together with ``tempo``.
        start: seconds as played, from 0.
        end: seconds as played, above 0; None for the score's own.
        tail: let what sounds at ``end`` ring on for a second, instead of ending there.
        strict: refuse a score of which something cannot be followed, instead of saying so.
    """

    part: Annotated[int | str | None, values.part] = None
    transpose: Annotated[int, Whole(-127, 127)] = 0
    tempo: Annotated[float | None, Number(10, 1000)] = None
    speed: Annotated[float | None, Number(0.1, 10)] = None
    start: Annotated[float, Number(0)] = 0.0
    end: Annotated[float | None, Number(0, above=True)] = None
    tail: Annotated[bool, values.flag] = False
    strict: Annotated[bool, values.flag] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tempo is not None and self.speed is not None:
            raise OrchestrionError("Give tempo or speed, not both.")
        if self.end is not None and self.end <= self.start:
            raise OrchestrionError(f"Cannot cut from {self.start:g} s to {self.end:g} s; the end must come after the start.")

    @property
    def length_s(self) -> float | None:
        """Of the audio, where it is to end before the score's last note has rung out."""
        return None if self.end is None or self.tail else self.end - self.start


@dataclass(frozen=True, kw_only=True)
class Composing(Options):
    """What is asked of a composer. Piece i of ``count`` does not depend on how many are asked.

    Attributes:
        bars: length in bars of ``meter``, 1 to 10,000; of the new part, where there is a prime. 8 where ``seconds`` is None, too.
        seconds: length of the whole piece instead of ``bars``, above 0, rounded to whole bars (at least one new one).
        tempo: quarter notes a minute, 10 to 1000; None for the prime's, or 120.
        meter: (3, 4) or "3/4": 1 to 64 over 1, 2, 4, 8 or 16; None for the prime's, or 4/4.
        key: keep to this scale: "D major", "A minor", "G dorian".
        pitch_range: keep to MIDI numbers (low, high), both included; or "C4-C6".
        polyphony: most notes at once, 1 to 128; None for the model's own.
        prime: a score (or a file, or a built-in tune, or audio: what is sung) to continue; it begins the result.
        form: sections of equal length, such as "AABA" or "A A' B A" (a prime varies), ``auto`` for one of the model's, ``free`` for
            none; None for ``auto`` where the model has learnt forms and nothing is given.
        keep: a score (or a file, or a built-in tune) of which the bars ``fill`` are written anew; all else stays as it is.
        fill: bars of ``keep``, from 1 (a pickup is bar 0): ((5, 8),) or "5-8,12".
        melody: a score to be harmonised: it stays as it is, and nothing sounds above it.
        bass: a score to be harmonised: it stays as it is, and nothing sounds below it.
        chords: bar by bar, "| C | Am | F G7 | C |"; on beats only their notes sound. They go round.
        variations: so many variations after the prime, each as long as it, 1 to 100; None for none.
        expression: 0 as typed, to 1: accents, swelling phrases, a broadening at the end; of new pieces, not of what is kept.
        temperature: logits are divided by it, 0.001 to 100; below 1 surer choices.
        conservativity: P(play) is raised to this power, 0 to 100; above 1 fewer notes.
        seed: from 0; same seed, same piece.
        count: pieces, 1 to 100,000.
        storage: of the weights: float32, bfloat16 or int8; None for what suits the network.
        threads: pieces written at a time; None for one a processor.
        strict: refuse a prime of which something cannot be followed, instead of saying so.
    """

    bars: Annotated[int | None, Whole(1, 10_000)] = None
    seconds: Annotated[float | None, Number(0, above=True)] = None
    tempo: Annotated[float | None, Number(10, 1000)] = None
    meter: Annotated[tuple[int, int] | None, values.meter] = None
    key: Annotated[str | None, values.key] = None
    pitch_range: Annotated[tuple[int, int] | None, values.pitch_range] = None
    polyphony: Annotated[int | None, Whole(1, 128)] = None
    prime: Annotated["Score | str | os.PathLike[str] | None", values.source] = None
    form: Annotated[str | None, values.form] = None
    keep: Annotated["Score | str | os.PathLike[str] | None", values.source] = None
    fill: Annotated[Sequence[tuple[int, int]], values.bar_spans] = ()
    melody: Annotated["Score | str | os.PathLike[str] | None", values.source] = None
    bass: Annotated["Score | str | os.PathLike[str] | None", values.source] = None
    chords: Annotated[str | None, values.chords] = None
    variations: Annotated[int | None, Whole(1, 100)] = None
    expression: Annotated[float, Number(0, 1)] = 0.0
    temperature: Annotated[float, Number(1e-3, 100)] = 1.0
    conservativity: Annotated[float, Number(0, 100)] = 1.0
    seed: Annotated[int, SEED] = 0
    count: Annotated[int, Whole(1, 100_000)] = 1
    storage: Annotated[str | None, Choice(STORAGES)] = None
    threads: Annotated[int | None, Whole(1)] = None
    strict: Annotated[bool, values.flag] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bars is not None and self.seconds is not None:
            raise OrchestrionError("Give bars or seconds, not both.")
        if (self.keep is None) != (not self.fill):
            raise OrchestrionError("Bars to fill are those of a score to keep: give both, for example keep=tune.mid and fill=5-8.")
        given = [name for name in ("prime", "keep", "melody", "bass") if getattr(self, name) is not None]
        if len(given) > 1 and given != ["melody", "bass"]:
            raise OrchestrionError(f"Give {' or '.join(given)}, not both: each begins another kind of piece.")
        if given and given != ["prime"]:
            names = ("bars", "seconds", "tempo", "meter", "form", "chords", "variations")
            fixed = [name for name in names if getattr(self, name) is not None]
            if fixed:
                raise OrchestrionError(f"{fixed[0]} follows from the given score; leave it out together with {given[0]}.")
        if self.form is not None and self.variations is not None:
            raise OrchestrionError("Give form or variations, not both.")


@dataclass(frozen=True, kw_only=True)
class Transcribing(Options):
    """How the notes of audio are written down.

    Attributes:
        method: "pyin" for one voice, "polyphonic" for chords, "melodia" for the tune of a mixture.
        tempo: quarter notes a minute, about, 10 to 1000; "auto" or None to estimate it.
        meter: (3, 4) or "3/4"; it is not estimated.
        pickup: beats before the first bar line, fewer than a bar has.
        quantize: the grid that onsets and ends are moved to, such as "1/16" or, for triplets, "1/8t"; "none" or None to leave the
            notes as they were played.
    """

    method: Annotated[str, Choice(METHODS)] = METHODS[0]
    tempo: Annotated[float | None, values.tempo] = None
    meter: Annotated[tuple[int, int], values.meter] = (4, 4)
    pickup: Annotated[int, Whole(0, 64)] = 0
    quantize: Annotated[str | None, Choice((AS_PLAYED, *GRIDS))] = None


@dataclass(frozen=True, kw_only=True)
class Playing(Options):
    """How scores are played. Same score, instrument and options: same bytes, on one device.

    Attributes:
        seed: from 0.
        temperature: divides the logits, above 0 and up to 100; None for each instrument's own.
        parallel: cut scores into pieces that are played at once and joined where little sounds, instead of playing them
            in one run; None for those of eight seconds or more, on instruments that know the notes.
        gains_db: of an ensemble's parts, -120 to 24 dB, one each; none for all 0.
        pans: of an ensemble's parts, -1 left to 1 right, one each; with them the audio is stereo.
        vibrato: times the instruments' own, 0 to 4.
        length_s: the audio ends there, faded out, where it would be longer; None: when the last note has rung out, after a second.
        only_source: the harmonic source alone, without the network; for driven instruments.
        storage: of the weights: float32, bfloat16 or int8; a GPU plays in float16.
        device: "cpu", "cuda", or "auto" for a GPU that plays as it should.
        threads: processor threads; None for all.
    """

    seed: Annotated[int, SEED] = 0
    temperature: Annotated[float | None, Number(0, 100, above=True)] = None
    parallel: Annotated[bool | None, values.flag] = None
    gains_db: Annotated[Sequence[float], Several(Number(-120, 24))] = ()
    pans: Annotated[Sequence[float], Several(Number(-1, 1))] = ()
    vibrato: Annotated[float, Number(0, 4)] = 1.0
    length_s: Annotated[float | None, Number(0, above=True)] = None
    only_source: Annotated[bool, values.flag] = False
    storage: Annotated[str, Choice(STORAGES)] = STORAGE
    device: Annotated[str, Choice(DEVICES)] = "auto"
    threads: Annotated[int | None, Whole(1)] = None


@dataclass(frozen=True, kw_only=True)
class AudioFormat(Options):
    """How audio is written; the file's ending says the rest.

    Attributes:
        rate: samples a second, 1,000 to 768,000; None for the audio's own, or the next that the format has.
        channels: 1 or 2; None for the audio's own.
        bits: of a sample: 16, 24, or, in .wav, 32; None for 16. Not for .ogg, .opus and .mp3.
    """

    rate: Annotated[int | None, Whole(1_000, 768_000)] = None
    channels: Annotated[int | None, Whole(1, 2)] = None
    bits: Annotated[int | None, values.bits] = None


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


@dataclass(frozen=True, kw_only=True)
class Training(Options):
    """How long the training of a renderer or a composer runs, and how. The first of ``minutes`` and ``steps`` that is reached ends it.

    Attributes:
        minutes: of training, resumed parts added up, above 0; None for no limit where ``steps`` is given, else for 60.
        steps: updates, from 1; None for no limit.
        learning_rate: at its peak, above 0; None for 0.002, for composers 0.003.
        validate_minutes: minutes between validations, and between checkpoints, above 0.
        precision: of the arithmetic, "bf16-mixed" or "32-true".
        compiled: through torch.compile; None: of renderers on recordings, where a compiler is found.
        threads: processor threads; None for all.
        seed: from 0; of weights, batches and noise.
    """

    minutes: Annotated[float | None, Number(0, above=True)] = None
    steps: Annotated[int | None, Whole(1)] = None
    learning_rate: Annotated[float | None, Number(0, above=True)] = None
    validate_minutes: Annotated[float, Number(0, above=True)] = 5.0
    precision: Annotated[Literal["bf16-mixed", "32-true"], Choice(("bf16-mixed", "32-true"))] = "bf16-mixed"
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
        keep_epochs: epochs after which the weights are kept as ``epoch-N.safetensors``, too.
        validate_minutes: between validations, above 0; None for twelve in a training that ends by the clock, else for 5.
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
    keep_epochs: Annotated[tuple[int, ...], Listed(Whole(1))] = ()
    validate_minutes: Annotated[float | None, Number(0, above=True)] = None
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


@dataclass(frozen=True, kw_only=True)
class Listening(Options):
    """What a blind listening test asks.

    Attributes:
        title: heading of the page.
        ratings: clips that each listener rates; all of them if None, 0 for pairs only.
        pairs: pairs that each listener chooses from.
        repeats: clips that come twice, to see who answers at random.
        pair_repeats: pairs that come twice, the sides exchanged.
        seconds: each clip is cut to so much, 0.5 to 120; as long as it is if None.
        completion_code: shown at the end; computed for each listener if None.
        seed: of names, playlists and orders.
    """

    title: Annotated[str, values.text] = "Listening test"
    ratings: Annotated[int | None, Whole()] = None
    pairs: Annotated[int, Whole()] = 0
    repeats: Annotated[int, Whole()] = 5
    pair_repeats: Annotated[int, Whole()] = 2
    seconds: Annotated[float | None, Number(0.5, 120)] = None
    completion_code: Annotated[str | None, values.text] = None
    seed: Annotated[int, SEED] = 0
