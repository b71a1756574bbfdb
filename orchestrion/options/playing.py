"""How a score is arranged and played, and the audio written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from orchestrion import values
from orchestrion.errors import OrchestrionError
from orchestrion.options.base import DEVICES, SEED, STORAGE, STORAGES, Options
from orchestrion.values import Choice, Number, Several, Whole


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
        noise: of bow, breath, hammer and room, times the instruments' own, 0 to 4.
        guidance: of a network without a source, away from its twin that is not told the notes, 0 (none) to 20; see `renderer.guidance`.
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
    noise: Annotated[float, Number(0, 4)] = 1.0
    guidance: Annotated[float, Number(0, 20)] = 0.0
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
