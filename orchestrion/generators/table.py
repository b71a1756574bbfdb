"""The table of back-ends. A row is all that registers one: the command line, the loaders, training and comparisons read it here.

How each is trained stands in its row, by preset: ``paper`` as its paper says, ``small`` as suits a laptop (AdamW, a cosine,
clipped gradients, a moving average, examples cut at random places). Sources and gaps, by paper:

- Nayebi & Vitelli 2015: 2,000 epochs; their program has RMSprop with its toolkit's rate of 0.001. Batch size not printed.
- Kalingeri & Grandhe 2016: 2,000 epochs, RMSprop at 0.0001. Batch size not printed.
- Xu & Swar 2021: the TCN with SGD at 0.01 and a batch that begins at 32 and grows after "a few hundred epochs"; the encoder and
  decoder with Adam, 200 epochs at 0.001 and 200 at 0.0005; nothing on the sample LSTM, which gets Adam here.
- van den Oord et al. 2016: none of it is printed; as our renderers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrion.errors import OrchestrionError
from orchestrion.generators.backend import Backend, Config
from orchestrion.generators.recipe import Recipe, published
from orchestrion.generators.sequence.config import EncDecConfig, SampleLstmConfig, TcnConfig
from orchestrion.generators.spectral.config import KG, NV, SpectralConfig, small

if TYPE_CHECKING:
    from orchestrion.generators.generator import Generator

WAVENET, SAMPLE_LSTM, ENCODER_DECODER, TCN = "wavenet", "sample-lstm", "stft-encdec", "tcn"
_WAVENET_CURES = ("noise", "gain_drift_db")
_SAMPLE_CURES = (*_WAVENET_CURES, "own")
_SPECTRAL_CURES = (*_SAMPLE_CURES, "magnitudes")


def _spectral(what: str, config: SpectralConfig, batch: int = 16) -> Backend:
    ours = config.generation == NV.generation
    paper, rate = ("Nayebi & Vitelli 2015", 1e-3) if ours else ("Kalingeri & Grandhe 2016", 1e-4)
    recipes = {"paper": published("rmsprop", rate, 2000, ((0, 16),)), "small": Recipe(batch=((0, batch),))}
    return Backend(what, paper, lambda: {"paper": config, "small": small(config)}, _spectral_network, recipes, _SPECTRAL_CURES)


def _spectral_network(config: Config) -> Generator:
    from orchestrion.generators.spectral.network import Spectral

    assert isinstance(config, SpectralConfig)
    return Spectral(config)


def _sample_lstm_network(config: Config) -> Generator:
    from orchestrion.generators.sequence.sample_lstm import SampleLstm

    assert isinstance(config, SampleLstmConfig)
    return SampleLstm(config)


def _encdec_network(config: Config) -> Generator:
    from orchestrion.generators.sequence.stft_encdec import EncoderDecoder

    assert isinstance(config, EncDecConfig)
    return EncoderDecoder(config)


def _tcn_network(config: Config) -> Generator:
    from orchestrion.generators.sequence.tcn import Tcn

    assert isinstance(config, TcnConfig)
    return Tcn(config)


def _wavenet_network(config: Config) -> Generator:
    from orchestrion.generators.wavenet import WaveNetGenerator
    from orchestrion.renderer.config import WaveNetConfig

    assert isinstance(config, WaveNetConfig)
    return WaveNetGenerator(config)


def _conditioned_sizes() -> Mapping[str, Config]:
    from orchestrion.renderer.config import PRESETS

    return {name: PRESETS[name] for name in ("paper", "small", "medium")}


def _unconditioned_sizes() -> Mapping[str, Config]:
    from orchestrion.renderer.config import PRESETS, UNDRIVEN

    # Van den Oord's own: the samples as they are, 16 kHz, and a softmax.
    return {name: config.unconditioned() for name, config in {**UNDRIVEN, "paper": PRESETS["paper"]}.items()}


# The published network hears 6,140 samples: a crop must be several times as long.
_LONG = Recipe(learning_rate=2e-3, warmup_steps=200, ema_decay=0.999, batch=((0, 4),), crop_s=1.5, minutes=60.0)
_XS = "Xu & Swar 2021"

BACKENDS: dict[str, Backend] = {
    WAVENET: Backend(
        "a WaveNet that plays a score", "Manzelli et al. 2018", _conditioned_sizes, _wavenet_network, unit="nats per sample"
    ),
    "wavenet-unconditioned": Backend(
        "a WaveNet without a score", "van den Oord et al. 2016", _unconditioned_sizes, _wavenet_network,
        {"paper": _LONG, "medium": _LONG, "small": Recipe(learning_rate=4e-3, ema_decay=0.995, batch=((0, 1),))},
        _WAVENET_CURES, "nats per sample",
    ),
    "spectral-lstm": _spectral("an LSTM with peepholes on DFT blocks", replace(NV, cell="lstm-peephole")),
    "spectral-gru": _spectral("a GRU on DFT blocks", replace(NV, cell="gru")),
    "spectral-base": _spectral("an LSTM on DFT blocks", KG),
    "spectral-dense": _spectral(
        "a dense layer, then an LSTM on DFT blocks", replace(KG, stage="dense", dropout=0.2, l2=1e-4)
    ),
    # A convolution's step costs several times the others'.
    "spectral-conv1d": _spectral("1-D convolutions, then an LSTM on DFT blocks", replace(KG, stage="conv1d"), batch=4),
    "spectral-conv2d": _spectral(
        "2-D convolutions over three DFT blocks, then an LSTM", replace(KG, stage="conv2d", context=3), batch=4
    ),
    "spectral-bilinear": _spectral(
        "a dense layer, then two LSTMs summed, on DFT blocks", replace(KG, stage="dense", core="bilinear", dropout=0.2, l2=1e-4)
    ),
    "spectral-stacked": _spectral("two LSTMs one after the other on DFT blocks", replace(KG, core="stacked")),
    SAMPLE_LSTM: Backend(
        "an LSTM from 500 samples to the next", _XS,
        lambda: {"paper": SampleLstmConfig(), "small": SampleLstmConfig(hidden=32, targets=100)}, _sample_lstm_network,
        # One target a window: cut at random, so that every sample is one in its turn.
        {"paper": published("adam", 1e-3, 400, ((0, 32),), cut="random"), "small": Recipe(learning_rate=4e-3, batch=((0, 32),))},
        _SAMPLE_CURES,
    ),
    ENCODER_DECODER: Backend(
        "an LSTM encoder and decoder on DFT blocks", _XS,
        lambda: {"paper": EncDecConfig(), "small": EncDecConfig(hidden=96)}, _encdec_network,
        {"paper": published("adam", 1e-3, 400, ((0, 32),), halved=True), "small": Recipe()}, _SPECTRAL_CURES,
    ),
    TCN: Backend(
        "a temporal convolutional network", _XS,
        lambda: {"paper": TcnConfig(), "small": TcnConfig(filters=32, targets=2048)}, _tcn_network,
        # "gradually increase": doubled every 300 epochs.
        {"paper": published("sgd", 1e-2, 1200, ((0, 32), (300, 64), (600, 128), (900, 256)), cut="random"),
         "small": Recipe(learning_rate=4e-3, batch=((0, 4),))},
        _SAMPLE_CURES,
        "Huber loss, normalised",
    ),
}  # fmt: skip
"""Back-ends by name, in the order of the papers."""


def backend_named(name: str) -> Backend:
    """A row.

    Raises:
        OrchestrionError: no such back-end.
    """
    if name not in BACKENDS:
        raise OrchestrionError(f"There is no back-end {name!r}; choose one of {', '.join(BACKENDS)}.")
    return BACKENDS[name]


def preset_named(name: str, preset: str) -> Config:
    """A preset's config.

    Raises:
        OrchestrionError: no such back-end or preset.
    """
    presets = backend_named(name).presets()
    if preset not in presets:
        raise OrchestrionError(f"{name} has no preset {preset!r}; choose one of {', '.join(presets)}.")
    return presets[preset]


def on_songs() -> list[str]:
    """Names of the back-ends that learn from plain songs."""
    return [name for name, backend in BACKENDS.items() if backend.recipes]


def function_names() -> dict[str, str]:
    """Names of back-ends as Python spells them: ``spectral_lstm`` → ``spectral-lstm``."""
    return {name.replace("-", "_"): name for name in BACKENDS}
