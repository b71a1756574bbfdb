"""The sizes of a biaxial LSTM, as one frozen dataclass with presets.

| preset | pitches | time axis | note axis | clock | parameters |
| --- | --- | --- | --- | --- | --- |
| `repo` | 24–101 (78) | 300 + 300 | 100 + 50 | step number in four bits | 1,369,902 |
| `paper` | 21–108 (88) | 200 + 200 | 100 + 100 | step number in four bits | 747,402 |
| `matching` | 21–108 (88) | 200 + 200 | 100 + 100 | step number in four bits | 877,002 |
| `compact-melodies` | 55–88 (34) | 128 + 128 | 64 + 32 | place in the bar, form | 523,202 |
| `compact-chorales` | 33–84 (52) | 128 + 128 | 64 + 32 | place in the bar, form | 529,346 |
| `compact-quartets` | 31–100 (70) | 128 + 128 | 64 + 32 | place in the bar, form | 529,346 |

`repo` is the published program (github.com/danieldjohnson/biaxial-rnn-music-composition: 80 inputs a note). Its learned
initial states are left out: states start at zero. `paper` is the BALSTM of Johnson, "Generating Polyphonic Music Using
Tied Parallel Networks" (EvoMUSART 2017), of which the layer sizes and the 88 pitches are stated; the inputs are taken
to be the program's, with the note's number scaled to [0, 1) instead of raw. `matching` is the same network, which also hears what
followed when the music last stood as it does (`composer.matching`), and the chord below: it repeats what it has heard, in
rolls that tell no meter. The `compact` presets are ours, made to be
trained in half an hour on one core: they read the place in the bar instead of the bits of the step number, and pieces
are moved to the key signature without sharps or flats, so that a pitch class is a degree of the scale. They hear what
stood 1, 2, 4 and 8 bars ago, are told the form (`composer.form`), and a third axis that runs backwards in time lets them
see notes that are given for later (`composer.given`). Those that write in several parts hear, where they choose a note, the chord below
it: a note axis that is told of the next lower key alone must count semitones to know a third from a fourth. Dropout of the published program is .5; .3 is what we learnt best with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from orchestrion.errors import OrchestrionError

VICINITY = 12  # semitones to either side
NEAR = 2 * VICINITY + 1
BINARY_CLOCK = "step-bits"
BAR_CLOCK = "bar"
FORM_CLOCK = "form"
CLOCK_WIDTHS = {BINARY_CLOCK: 4, BAR_CLOCK: 24 + 3 + 1 + 4 + 12, FORM_CLOCK: 24 + 3 + 1 + 4 + 12 + 4 + 1}
CHORD_WIDTH = 12 + 12
STEPS_PER_BEAT = 4


@dataclass(frozen=True)
class ComposerConfig:
    """Pitches are MIDI numbers, both ends included; sizes are units per layer.

    ``raw_position``: the note's index itself is an input (as published), else index / 128.
    ``vicinity_wraps``: below the lowest pitch the vicinity reads the highest ones, as the published program does by
    Python's negative indices; else zeros, as it does above the highest pitch.
    ``spare_input``: one input that is always 0 (the published program's mark of a start, never set in it).
    ``normalises_key``: pieces are moved to the key signature without accidentals before the network sees them.
    ``lags_bars``: the rolls of so many bars ago are inputs. With the clock ``form``, so is the bar that the plan refers to.
    ``matches``: what followed the longest match is an input as often as there are numbers: where so many steps match (`matching`).
    ``foresight``: units of the axis that runs backwards over given notes; 0 for none.
    ``hears_chord``: the note axis hears what sounds below in the step that is being drawn (`features.chord_below`).
    """

    pitch_low: int = 24
    pitch_high: int = 101
    time_sizes: tuple[int, ...] = (300, 300)
    note_sizes: tuple[int, ...] = (100, 50)
    clock: str = BINARY_CLOCK
    raw_position: bool = True
    vicinity_wraps: bool = True
    spare_input: bool = True
    normalises_key: bool = False
    dropout: float = 0.5
    lags_bars: tuple[int, ...] = ()
    matches: tuple[int, ...] = ()
    foresight: int = 0
    hears_chord: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.pitch_low < self.pitch_high <= 127 or self.n_pitches <= VICINITY:
            raise OrchestrionError(
                f"A composer needs more than {VICINITY} pitches within 0..127, not {self.pitch_low}..{self.pitch_high}."
            )
        if self.clock not in CLOCK_WIDTHS:
            raise OrchestrionError(f"Unknown clock {repr(self.clock)[:60]}; choose one of {', '.join(CLOCK_WIDTHS)}.")
        if not self.time_sizes or not self.note_sizes or min(*self.time_sizes, *self.note_sizes) < 1:
            raise OrchestrionError("A composer needs at least one layer of at least one unit on either axis.")
        if any(n < 1 for n in self.lags_bars + self.matches) or not 0 <= self.foresight <= 4096:
            raise OrchestrionError("A composer looks back by whole bars, matches whole steps, and looks ahead by 0 to 4096 units.")
        if not 0 <= self.dropout < 1:
            raise OrchestrionError(f"Dropout must lie in [0, 1), not {self.dropout}.")

    @property
    def n_pitches(self) -> int:
        return self.pitch_high - self.pitch_low + 1

    @property
    def n_inputs(self) -> int:
        """Inputs a note: position, pitch class, vicinity, context, clock, spare; vicinities of memories; foresight."""
        own = 1 + 12 + 2 * NEAR + 12 + CLOCK_WIDTHS[self.clock] + self.spare_input
        return own + 2 * NEAR * self.n_memories + self.foresight

    @property
    def n_memories(self) -> int:
        """Earlier rolls heard beside the last step: one a lag, that of the bar that the plan refers to, and what followed matches."""
        return len(self.lags_bars) + self.hears_plan + len(self.matches)

    @property
    def hears_plan(self) -> bool:
        return self.clock == FORM_CLOCK

    @property
    def n_given_inputs(self) -> int:
        """Inputs a note of the backward axis: (known, sounding, articulated) of its vicinity, pitch classes that are known to sound."""
        return 3 * NEAR + 12

    @property
    def n_below(self) -> int:
        """Inputs of the note axis from the step that is being drawn: the note below, and the chord below."""
        return 2 + CHORD_WIDTH * self.hears_chord

    @property
    def layers(self) -> list[tuple[int, int]]:
        """(inputs, units) of every LSTM layer: time axis, note axis, and the axis that runs backwards, where there is one."""
        time = list(zip((self.n_inputs, *self.time_sizes), self.time_sizes, strict=False))
        note = list(zip((self.time_sizes[-1] + self.n_below, *self.note_sizes), self.note_sizes, strict=False))
        ahead = [(self.n_given_inputs, self.foresight)] if self.foresight else []
        return time + note + ahead

    @property
    def n_parameters(self) -> int:
        """One bias vector a layer: 4((i + u)u + u) each, and (u + 1)·2 for the outputs."""
        return sum(4 * ((i + u) * u + u) for i, u in self.layers) + (self.note_sizes[-1] + 1) * 2

    def to_dict(self) -> dict[str, object]:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> ComposerConfig:
        """Unknown keys and values of another type are errors."""
        known = {field.name: field for field in fields(cls)}
        for key, value in values.items():
            if key not in known:
                raise OrchestrionError(f"Unknown composer setting {str(key)[:60]!r}; known are {', '.join(known)}.")
            if not _fits(value, getattr(cls, key)):
                raise OrchestrionError(f"The composer setting {str(key)[:60]!r} cannot be {repr(value)[:100]}.")
        made: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**made)


def _fits(value: object, default: object) -> bool:
    if isinstance(default, tuple):
        return (
            isinstance(value, list | tuple)
            and (value or not default)
            and len(value) <= 8
            and all(type(v) is int and 0 < v <= 4096 for v in value)
        )
    if isinstance(default, float):
        return type(value) in (int, float)
    return type(value) is type(default)


_COMPACT = ComposerConfig(
    time_sizes=(128, 128), note_sizes=(64, 32), clock=FORM_CLOCK, raw_position=False, vicinity_wraps=False,
    spare_input=False, normalises_key=True, dropout=0.1, lags_bars=(1, 2, 4, 8), foresight=64,
)  # fmt: skip
PRESETS: dict[str, ComposerConfig] = {
    "repo": ComposerConfig(),
    "paper": ComposerConfig(
        pitch_low=21, pitch_high=108, time_sizes=(200, 200), note_sizes=(100, 100), raw_position=False, dropout=0.3
    ),
    "compact-melodies": replace(_COMPACT, pitch_low=55, pitch_high=88),
    "matching": ComposerConfig(
        pitch_low=21, pitch_high=108, time_sizes=(200, 200), note_sizes=(100, 100), raw_position=False, dropout=0.3,
        matches=(1, 4, 12), hears_chord=True,
    ),
    # 283 chorales are learnt by heart within minutes.
    "compact-chorales": replace(_COMPACT, pitch_low=33, pitch_high=84, dropout=0.3, hears_chord=True),
    "compact-quartets": replace(_COMPACT, pitch_low=31, pitch_high=100, dropout=0.3, hears_chord=True),
}


def preset(name: str, data: str = "melodies") -> ComposerConfig:
    """The preset ``name``; plain ``compact`` is completed by the name of the data."""
    full = f"compact-{data}" if name == "compact" and f"compact-{data}" in PRESETS else name
    full = "compact-chorales" if full == "compact" else full
    if full not in PRESETS:
        raise OrchestrionError(f"Unknown composer preset {name!r}; choose one of compact, {', '.join(PRESETS)}.")
    return PRESETS[full]
