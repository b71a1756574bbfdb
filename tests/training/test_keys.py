"""Crops cut to the keys around their notes."""

import numpy as np

from orchestrion.training.keys import MARGIN, PITCH_AXES, WHOLE, cut_to_notes

N_KEYS = 88


def crop(*keys: int) -> dict[str, np.ndarray]:
    """One of four steps with notes on ``keys``, the first of them before it begins, the last of them a bar ago."""
    grid, before, memory = np.zeros((4, N_KEYS, 2)), np.zeros((N_KEYS, 2)), np.zeros((4, 2, N_KEYS, 2))
    before[keys[0]], memory[:, 1, keys[-1]] = 1, 1
    grid[:, list(keys[1:-1])] = 1
    return {"grid": grid, "heard": grid, "before": before, "memory": memory, "given": np.ones((4, N_KEYS, 3)), "mask": np.ones(4)}


def test_all_notes_are_kept_where_they_are_said_to_be() -> None:
    crops, widths = [crop(30, 40, 50), crop(80, 85, 87), crop(0, 3, 5)], []
    for seed in range(60):
        cut = cut_to_notes(crops, np.random.default_rng(seed))
        width = cut[0]["grid"].shape[1]
        widths.append(width)
        for old, new in zip(crops, cut, strict=True):
            keys = slice(int(new["lowest"]), int(new["lowest"]) + width)
            for name, axis in PITCH_AXES.items():
                np.testing.assert_array_equal(new[name], np.moveaxis(np.moveaxis(old[name], axis, 0)[keys], 0, axis))
                assert name == "given" or new[name].sum() == old[name].sum()
            assert new["mask"] is old["mask"]
    assert set(widths) == {20 + 1 + 2 * MARGIN, N_KEYS}
    assert 0 < widths.count(N_KEYS) < 60 * 3 / WHOLE


def test_the_place_in_the_window_varies_and_silence_has_one() -> None:
    silent = {name: np.zeros_like(values) for name, values in crop(1, 2, 3).items()}
    places = {int(cut_to_notes([silent], np.random.default_rng(seed))[0]["lowest"]) for seed in range(40)}
    assert len(places) > MARGIN
