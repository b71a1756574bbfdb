"""Training on the keys around the notes: most of a keyboard is silent, and to hear that costs as much as notes do.

A batch is cut to windows of equal width, one a crop, that hold all of the crop's notes and `MARGIN` keys to either side.
One batch in `WHOLE` is left as it is, so that the network learns the silence far from the notes, too.
"""

from __future__ import annotations

import numpy as np

MARGIN = 6
WHOLE = 8
PITCH_AXES = {"grid": 1, "heard": 1, "before": 0, "memory": 2, "given": 1}


def cut_to_notes(crops: list[dict[str, np.ndarray]], rng: np.random.Generator) -> list[dict[str, np.ndarray]]:
    """Crops with fewer keys: arrays named in `PITCH_AXES` are cut along that axis, and ``lowest`` is the first key's index."""
    n_keys = crops[0]["grid"].shape[1]
    spans = [_span(crop) for crop in crops]
    width = min(n_keys, max(last - first for first, last in spans) + 1 + 2 * MARGIN)
    if rng.integers(WHOLE) == 0:
        width = n_keys
    cut = []
    for crop, (first, last) in zip(crops, spans, strict=True):
        lowest = int(np.clip(rng.integers(last - width + 1, first + 1), 0, n_keys - width))
        keys = np.arange(lowest, lowest + width)
        kept = {name: values.take(keys, axis=PITCH_AXES[name]) if name in PITCH_AXES else values for name, values in crop.items()}
        cut.append(kept | {"lowest": np.array(lowest)})
    return cut


def _span(crop: dict[str, np.ndarray]) -> tuple[int, int]:
    """The lowest and the highest key that sounds in a crop or anywhere that it hears; the middle one where none does."""
    heard = [np.moveaxis(crop[name], axis, 0) for name, axis in PITCH_AXES.items() if name in crop and name != "given"]
    sounds = [values.reshape(len(values), -1).any(axis=1) for values in heard]
    keys = np.flatnonzero(np.logical_or.reduce(sounds))
    return (int(keys[0]), int(keys[-1])) if len(keys) else (crop["grid"].shape[1] // 2,) * 2
