"""The WaveNet's configuration and its published presets."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrion.bridge.groups import GROUPS
from orchestrion.errors import OrchestrionError
from orchestrion.renderer.coding import GRID, MU, Coding

HIGHPASS_HZ = 8.0  # of what a mixture has drawn: a slip of its mean is not heard, the lowest A of a piano (27.5 Hz) is
CONDITIONING = ("context", "causal", "none")
LIMITS = {
    "layers": (1, 200), "cycle": (1, 16), "residual": (1, 1024), "skip": (1, 4096), "head": (1, 4096),
    "levels": (2, 65536), "pitch_low": (0, 127), "pitch_high": (0, 127), "context_width": (1, 99),
    "context_dilation": (1, 64), "context_channels": (1, 4096), "conditioning_channels": (1, 1024), "harmonics": (0, 32),
    "sample_rate": (1000, 192000), "hop": (1, 4096), "source_window": (0, 256), "mixtures": (0, 32), "history": (1, 256),
}  # fmt: skip


@dataclass(frozen=True)
class WaveNetConfig:
    """Sizes of the network and the clocks it runs on.

    Attributes:
        layers: gated residual layers; layer l has dilation ``2 ** (l % cycle)``.
        cycle: layers in a stack, after which the dilation starts again at 1.
        residual: channels of the residual stream and of each gate (R).
        skip: channels of the skip sum (S).
        head: channels between the two last products (A).
        levels: µ-law classes.
        conditioning: ``causal`` (one causal convolution of width 2 over frames, as Manzelli et al. 2018), ``context``
            (two-sided convolutions over frames, ours) or ``none`` (unconditioned).
        groups: what the convolutions see, each cropped to ``pitch_low..pitch_high``; see ``bridge.groups``.
        context_width: frames each of the two ``context`` convolutions spans (odd).
        context_dilation: dilation of the second one.
        context_channels: channels between them.
        conditioning_channels: channels of y, which ``V`` projects in every layer.
        harmonics: harmonics of the sinusoidal excitation; 0 for none.
        stretched: whether they are stretched as those of a piano's stiff strings; see ``renderer.excitation``.
        sample_rate: samples a second.
        hop: samples a conditioning frame governs.
        source_window: samples on either side of each sample that are heard of the harmonic source (see ``bridge.source``), which
            also tells the convolutions how loud its noise is; 0 for no source.
        mixtures: logistics of the output, see ``renderer.output``; 0 for a softmax over ``levels``.
        history: past samples that enter through the input: with a softmax 2 (embedded), with a mixture any number.
        preemphasis, gain: of the audio that the network knows, see ``renderer.coding``.
    """

    layers: int = 20
    cycle: int = 10
    residual: int = 64
    skip: int = 128
    head: int = 256
    levels: int = 256
    conditioning: str = "context"
    groups: tuple[str, ...] = ("velocity", "onset", "decay")
    pitch_low: int = 21
    pitch_high: int = 108
    context_width: int = 9
    context_dilation: int = 4
    context_channels: int = 128
    conditioning_channels: int = 64
    harmonics: int = 8
    stretched: bool = False
    sample_rate: int = 16000
    hop: int = 64
    source_window: int = 0
    mixtures: int = 0
    history: int = 2
    preemphasis: float = 0.0
    gain: float = 1.0

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise OrchestrionError(f"WaveNet config: {name} is {value!r}; it must be a whole number from {low} to {high}.")
        if self.conditioning not in CONDITIONING:
            raise OrchestrionError(f"WaveNet config: conditioning is {self.conditioning!r}, not one of {', '.join(CONDITIONING)}.")
        if not isinstance(self.stretched, bool):
            raise OrchestrionError(f"WaveNet config: stretched is {self.stretched!r}; it must be true or false.")
        if self.pitch_low > self.pitch_high:
            raise OrchestrionError(f"WaveNet config: pitch_low {self.pitch_low} lies above pitch_high {self.pitch_high}.")
        if self.context_width % 2 == 0:
            raise OrchestrionError(f"WaveNet config: context_width is {self.context_width}; it must be odd.")
        if self.conditioned and not (self.groups and set(self.groups) <= set(GROUPS)):
            raise OrchestrionError(f"WaveNet config: groups are {self.groups}; name some of {', '.join(GROUPS)}.")
        if not self.conditioned and (self.harmonics or self.source_window):
            raise OrchestrionError("WaveNet config: an unconditioned network has no excitation; set harmonics and source_window to 0.")
        if self.harmonics and self.source_window:
            raise OrchestrionError("WaveNet config: take harmonics or a harmonic source, not both.")
        if not self.mixtures and self.history != 2:
            raise OrchestrionError(f"WaveNet config: with a softmax, history is 2, not {self.history}.")
        for name, (least, most) in {"preemphasis": (0.0, 0.99), "gain": (0.01, 100.0)}.items():
            number = getattr(self, name)
            if isinstance(number, bool) or not isinstance(number, int | float) or not least <= number <= most:
                raise OrchestrionError(f"WaveNet config: {name} is {number!r}; it must be a number from {least:g} to {most:g}.")
        if not self.mixtures and (self.preemphasis or self.gain != 1):
            raise OrchestrionError("WaveNet config: with a softmax the audio is taken as it is; set preemphasis to 0 and gain to 1.")
        if self.source_window >= self.hop:
            raise OrchestrionError(f"WaveNet config: source_window {self.source_window} must be less than the hop {self.hop}.")

    @property
    def conditioned(self) -> bool:
        return self.conditioning != "none"

    @property
    def dilations(self) -> tuple[int, ...]:
        return tuple(2 ** (layer % self.cycle) for layer in range(self.layers))

    @property
    def receptive_field(self) -> int:
        """Past samples that reach one prediction: sum of the dilations (kernel 2) + those of the input."""
        return sum(self.dilations) + self.history

    @property
    def coding(self) -> Coding:
        """Audio as the codes that the network predicts, and back."""
        if self.mixtures:
            return Coding(GRID, MU, self.preemphasis, self.gain, 1 - 2 * math.pi * HIGHPASS_HZ / self.sample_rate)
        return Coding(self.levels, self.levels - 1)

    @property
    def outputs(self) -> int:
        """Columns of the last layer."""
        return 3 * self.mixtures if self.mixtures else self.levels

    @property
    def drive_channels(self) -> int:
        """Channels of what is added at the input at audio rate; 0 for nothing."""
        return 2 * (2 * self.source_window + 1) if self.source_window else 2 * self.harmonics

    @property
    def input_channels(self) -> int:
        """Conditioning channels of a frame before the convolutions."""
        if not self.conditioned:
            return 0
        from orchestrion.bridge.noise import N_BANDS  # with the compiler, which no help needs

        return len(self.groups) * (self.pitch_high - self.pitch_low + 1) + (N_BANDS if self.source_window else 0)

    @property
    def context_frames(self) -> tuple[int, int]:
        """(past, future) frames that reach y of one frame."""
        if self.conditioning == "none":
            return 0, 0
        if self.conditioning == "causal":
            return 1, 0
        side = self.context_width // 2 * (1 + self.context_dilation)
        return side, side

    def to_dict(self) -> dict[str, object]:
        return dataclasses.asdict(self) | {"groups": list(self.groups)}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> WaveNetConfig:
        """The config a weights file carries; unknown or missing keys are errors, but for those younger than some files."""
        known = {field.name for field in dataclasses.fields(cls)}
        values = YOUNGER | dict(values)
        if set(values) != known:
            names = ", ".join(sorted(set(values) ^ known))
            raise OrchestrionError(f"WaveNet config: unknown or missing keys: {names}.")
        groups = values["groups"]
        if not isinstance(groups, list | tuple) or not all(isinstance(group, str) for group in groups):
            raise OrchestrionError("WaveNet config: groups must be a list of names.")
        arguments: dict[str, Any] = dict(values) | {"groups": tuple(groups)}
        return cls(**arguments)

    def unconditioned(self) -> WaveNetConfig:
        """The same network without y: the generator to compare with."""
        return dataclasses.replace(self, conditioning="none", groups=(), harmonics=0, stretched=False, source_window=0)


# Of fields that files written before they existed lack.
YOUNGER: dict[str, object] = {
    "stretched": False, "source_window": 0, "mixtures": 0, "history": 2, "preemphasis": 0.0, "gain": 1.0,
}  # fmt: skip
# Unit harmonics at the input and a softmax, at 16 kHz: what recordings are trained on, whose source is not tracked.
UNDRIVEN: dict[str, WaveNetConfig] = {"small": WaveNetConfig(residual=32, skip=64), "medium": WaveNetConfig()}
_DRIVEN = WaveNetConfig(
    harmonics=0, sample_rate=24000, hop=96, source_window=16, mixtures=4, history=16, preemphasis=0.85, gain=2.0
)

PRESETS: dict[str, WaveNetConfig] = {
    # Driven by a harmonic source that is made from the score; see ``renderer.network``.
    "small": dataclasses.replace(_DRIVEN, residual=32, skip=64),
    "medium": _DRIVEN,
    # Manzelli et al. 2018 and its published code: 60 layers in 6 stacks of dilations 1..512, 32/32/512 channels, the
    # 128-dimensional binary roll reduced to 16 channels by a causal convolution, no excitation. Deviation: the roll is
    # constant within a frame, so the convolution runs once a frame instead of once a sample.
    "paper": WaveNetConfig(
        layers=60, residual=32, skip=512, head=512, conditioning="causal", groups=("sounding",),
        pitch_low=0, pitch_high=127, conditioning_channels=16, harmonics=0,
    ),
}  # fmt: skip
