"""Every generator of audio behind one small protocol, and the table of them.

| name | paper |
| --- | --- |
| ``wavenet``, ``wavenet-unconditioned`` | van den Oord et al. 2016; Manzelli et al. 2018 |
| ``spectral-lstm``, ``spectral-gru`` | Nayebi & Vitelli 2015 |
| ``spectral-base``, ``-dense``, ``-conv1d``, ``-conv2d``, ``-bilinear``, ``-stacked`` | Kalingeri & Grandhe 2016 |
| ``sample-lstm``, ``stft-encdec``, ``tcn`` | Xu & Swar 2021 |

Each has the presets ``paper`` (the published size) and ``small`` (trains on a laptop in minutes).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
from torch import Tensor

from orchestrion import shipped, weights
from orchestrion.errors import OrchestrionError
from orchestrion.progress import Advance
from orchestrion.renderer import config as wavenet
from orchestrion.renderer.sequence import sample_lstm, stft_encdec, tcn
from orchestrion.renderer.spectral import config as spectral
from orchestrion.renderer.spectral.network import Spectral
from orchestrion.renderer.unconditioned import WaveNetGenerator

ARCHITECTURE = "generator"
WAVENET = "wavenet"


@runtime_checkable
class Generator(Protocol):
    """A ``torch.nn.Module`` that learns from plain audio and continues it.

    Attributes:
        config: a frozen dataclass with ``to_dict`` and ``from_dict``.
        sample_rate: samples a second.
        block: samples between possible seams in its audio; 1 where it goes sample by sample.
        clip_samples: samples of a training example.
    """

    config: Any

    @property
    def sample_rate(self) -> int: ...

    @property
    def block(self) -> int: ...

    @property
    def clip_samples(self) -> int: ...

    def calibrate(self, clips: Iterable[Tensor]) -> None:
        """Measure what normalises the data, over ``clips`` each ``[b, t]``; once, before training."""

    def loss(self, clips: Tensor) -> Tensor:
        """What training minimises, over ``[b, clip_samples]`` of audio in [-1, 1]."""

    def generate(
        self, seed_audio: np.ndarray | None, n_samples: int, seed: int, progress: Advance | None = None
    ) -> np.ndarray:
        """The continuation of ``seed_audio`` (float32 [t] at the model's rate; None: noise), float32 [n_samples] in [-1, 1]."""


@dataclass(frozen=True)
class GeneratorKind:
    """A row of the table.

    Attributes:
        paper: authors and year.
        config: the config's class.
        model: the model's class.
        presets: configs by name.
        unit: what the loss is measured in.
    """

    paper: str
    config: Any
    model: Callable[[Any], Any]
    presets: Mapping[str, Any]
    unit: str = "mean squared error, normalised"


def _spectral(name: str, paper: str) -> GeneratorKind:
    presets = {"paper": spectral.PAPER[name], "small": spectral.SMALL[name]}
    return GeneratorKind(paper, spectral.SpectralConfig, Spectral, presets)


def _wavenet(paper: str, presets: Mapping[str, wavenet.WaveNetConfig]) -> GeneratorKind:
    return GeneratorKind(paper, wavenet.WaveNetConfig, WaveNetGenerator, presets, "nats per sample")


_SIZES = {name: wavenet.PRESETS[name] for name in ("paper", "small", "medium")}
# Van den Oord's own: the samples as they are, 16 kHz, and a softmax.
_FREE_SIZES = {name: config.unconditioned() for name, config in {**wavenet.UNDRIVEN, "paper": _SIZES["paper"]}.items()}
_NV, _KG, _XS = "Nayebi & Vitelli 2015", "Kalingeri & Grandhe 2016", "Xu & Swar 2021"

GENERATORS: Mapping[str, GeneratorKind] = {
    "wavenet": _wavenet("Manzelli et al. 2018", _SIZES),
    "wavenet-unconditioned": _wavenet("van den Oord et al. 2016", _FREE_SIZES),
    "spectral-lstm": _spectral("spectral-lstm", _NV),
    "spectral-gru": _spectral("spectral-gru", _NV),
    "spectral-base": _spectral("spectral-base", _KG),
    "spectral-dense": _spectral("spectral-dense", _KG),
    "spectral-conv1d": _spectral("spectral-conv1d", _KG),
    "spectral-conv2d": _spectral("spectral-conv2d", _KG),
    "spectral-bilinear": _spectral("spectral-bilinear", _KG),
    "spectral-stacked": _spectral("spectral-stacked", _KG),
    "sample-lstm": GeneratorKind(
        _XS, sample_lstm.SampleLstmConfig, sample_lstm.SampleLstm, {"paper": sample_lstm.PAPER, "small": sample_lstm.SMALL}
    ),
    "stft-encdec": GeneratorKind(
        _XS, stft_encdec.EncDecConfig, stft_encdec.EncoderDecoder, {"paper": stft_encdec.PAPER, "small": stft_encdec.SMALL}
    ),
    "tcn": GeneratorKind(
        _XS, tcn.TcnConfig, tcn.Tcn, {"paper": tcn.PAPER, "small": tcn.SMALL}, "Huber loss, normalised"
    ),
}  # fmt: skip


def kind_named(backend: str) -> GeneratorKind:
    """The row of ``backend``.

    Raises:
        OrchestrionError: no such back-end.
    """
    if backend not in GENERATORS:
        raise OrchestrionError(f"There is no back-end {backend!r}; choose one of {', '.join(GENERATORS)}.")
    return GENERATORS[backend]


def preset_named(backend: str, preset: str) -> Any:
    """A preset's config.

    Raises:
        OrchestrionError: no such back-end or preset.
    """
    presets = kind_named(backend).presets
    if preset not in presets:
        raise OrchestrionError(f"{backend} has no preset {preset!r}; choose one of {', '.join(presets)}.")
    return presets[preset]


def load_generator(name_or_path: str | os.PathLike[str]) -> Generator:
    """A shipped model by name, or any weights file that ``orchestrion train`` wrote, an instrument's included.

    Raises:
        OrchestrionError: no such model, or a file that is damaged or not a generator's; see ``orchestrion.weights``.
    """
    path = shipped.find(name_or_path)
    tensors, metadata = weights.load(path)
    kind = GENERATORS[backend_of(metadata, path)]
    config = metadata.get("config")
    if not isinstance(config, dict):
        raise OrchestrionError(f"{path} carries no config; train it again.")
    try:
        sized = kind.config.from_dict(config)
    except (OrchestrionError, TypeError) as error:
        raise OrchestrionError(f"{path} carries a config that cannot be used. {error}") from error
    model = weights.build(lambda: kind.model(sized), {name: tensor.float() for name, tensor in tensors.items()}, path)
    if isinstance(model, WaveNetGenerator):
        model.temperature = float(str(metadata.get("temperature", 1.0)))
    return cast(Generator, model.eval().requires_grad_(False))


def backend_of(metadata: Mapping[str, object], path: str | os.PathLike[str]) -> str:
    """Which back-end a weights file says it is of.

    Raises:
        OrchestrionError: it is of something else.
    """
    config = metadata.get("config")
    if metadata.get("architecture") == WAVENET and isinstance(config, dict):
        return "wavenet-unconditioned" if config.get("conditioning") == "none" else "wavenet"
    backend = metadata.get("backend")
    if metadata.get("architecture") != ARCHITECTURE or not isinstance(backend, str) or backend not in GENERATORS:
        found = metadata.get("architecture")
        raise OrchestrionError(f"{os.fspath(path)} holds a model of architecture {found!r}, not one that generates audio.")
    return backend


def save_generator(path: str | os.PathLike[str], backend: str, model: Any, metadata: Mapping[str, object]) -> None:
    """Write ``model`` with its config and ``metadata`` (JSON-able) in the header, atomically."""
    # A WaveNet's file is an instrument's, so that one file serves both.
    is_wavenet = isinstance(model, WaveNetGenerator)
    header = {"architecture": WAVENET if is_wavenet else ARCHITECTURE, "backend": backend, "config": model.config.to_dict()}
    weights.save(path, model.state_dict(), dict(metadata) | header)
