"""How each back-end is trained: as its paper says with the preset ``paper``, as suits a laptop with ``small``.

Sources and gaps, by paper:

- Nayebi & Vitelli 2015: 2,000 epochs; their program has RMSprop with its toolkit's rate of 0.001. Batch size not printed.
- Kalingeri & Grandhe 2016: 2,000 epochs, RMSprop at 0.0001. Batch size not printed.
- Xu & Swar 2021: the TCN with SGD at 0.01 and a batch that begins at 32 and grows after "a few hundred epochs"; the encoder and
  decoder with Adam, 200 epochs at 0.001 and 200 at 0.0005; nothing on the sample LSTM, which gets Adam here.
- van den Oord et al. 2016: none of it is printed; as our renderers.

``small`` departs from all of them where a few minutes demand it: AdamW, a cosine, clipped gradients, a moving average of the
weights, examples cut at random places instead of always the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stages = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Recipe:
    """Defaults of a training.

    Attributes:
        optimizer, learning_rate, schedule, final_share, warmup_steps, clip, ema_decay: see ``LoopSettings``.
        batch: (first epoch, batch size) of every stage, the first from epoch 0.
        cut: ``grid``: songs in consecutive examples, all of them once an epoch, in an order drawn for each epoch;
            ``random``: each example begins anywhere.
        epochs: of the published training; what a training runs for where neither minutes nor steps are given.
    """

    optimizer: Literal["adamw", "adam", "rmsprop", "sgd"] = "adamw"
    learning_rate: float = 3e-3
    schedule: Literal["cosine", "halved"] = "cosine"
    final_share: float = 0.02
    warmup_steps: int = 50
    clip: float = 1.0
    ema_decay: float = 0.99
    batch: Stages = ((0, 16),)
    cut: Literal["grid", "random"] = "random"
    epochs: int | None = None


def _published(
    optimizer: Literal["adam", "rmsprop", "sgd"], rate: float, epochs: int, batch: Stages, *, halved: bool = False
) -> Recipe:
    """As a paper prints it: no warm-up, no clipping, no average, a rate that stays or is halved once."""
    return Recipe(
        optimizer, rate, "halved" if halved else "cosine", final_share=0.5 if halved else 1.0, warmup_steps=1, clip=0.0,
        ema_decay=0.0, batch=batch, cut="grid", epochs=epochs,
    )  # fmt: skip


_NV = _published("rmsprop", 1e-3, 2000, ((0, 16),))
_KG = _published("rmsprop", 1e-4, 2000, ((0, 16),))
_WAVENET = Recipe(learning_rate=2e-3, warmup_steps=200, ema_decay=0.999, batch=((0, 4),))

PAPER: dict[str, Recipe] = {
    "wavenet-unconditioned": _WAVENET,
    "spectral-lstm": _NV,
    "spectral-gru": _NV,
    "spectral-base": _KG,
    "spectral-dense": _KG,
    "spectral-conv1d": _KG,
    "spectral-conv2d": _KG,
    "spectral-bilinear": _KG,
    "spectral-stacked": _KG,
    "sample-lstm": _published("adam", 1e-3, 400, ((0, 32),)),
    "stft-encdec": _published("adam", 1e-3, 400, ((0, 32),), halved=True),
    # "gradually increase": doubled every 300 epochs.
    "tcn": _published("sgd", 1e-2, 1200, ((0, 32), (300, 64), (600, 128), (900, 256))),
}

SMALL: dict[str, Recipe] = dict.fromkeys(PAPER, Recipe()) | {
    # A convolution's step costs several times the others'.
    "spectral-conv1d": Recipe(batch=((0, 4),)),
    "spectral-conv2d": Recipe(batch=((0, 4),)),
    "wavenet-unconditioned": Recipe(learning_rate=4e-3, ema_decay=0.995, batch=((0, 1),)),
    "sample-lstm": Recipe(learning_rate=4e-3, batch=((0, 32),)),
    "tcn": Recipe(learning_rate=4e-3, batch=((0, 4),)),
}
RECIPES: dict[str, dict[str, Recipe]] = {"paper": PAPER, "medium": PAPER, "small": SMALL}


def recipe_for(backend: str, preset: str) -> Recipe:
    """The recipe of a back-end's preset."""
    return RECIPES[preset][backend]
