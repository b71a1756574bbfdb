"""Waveforms and mean spectra as pictures: every panel shows its own, on one scale."""

from __future__ import annotations

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.evaluation.figures.waves import mean_spectra_figure, waveforms_figure


def test_waveforms_share_one_scale_and_a_mark() -> None:
    loud, soft = (Waveform(np.full(100, level, dtype=np.float32), 1000) for level in (0.8, 0.1))
    figure = waveforms_figure({"loud": loud, "soft": soft}, "two", mark=0.05)
    one, other = figure.axes
    assert one.get_ylim() == other.get_ylim() and one.get_title(loc="left") == "loud"
    assert one.lines[0].get_xdata()[-1] == 0.099 and one.lines[1].get_xdata() == [0.05, 0.05]
    assert waveforms_figure({"a": soft}, "", in_samples=True).axes[0].lines[0].get_xdata()[-1] == 99


def test_mean_spectra_are_drawn_in_decibels_with_their_axes() -> None:
    hz, values = np.linspace(0, 4000, 5), np.ones((3, 5))
    values[:, 2] = 10
    figure = mean_spectra_figure({"true": values, "predicted": values / 10}, hz, 0.25, "means")
    images = [axis.images[0] for axis in figure.axes[:2]]
    assert list(images[0].get_extent()) == [0.0, 0.75, 0.0, 4000.0]
    np.testing.assert_allclose(np.asarray(images[0].get_array())[2] - np.asarray(images[1].get_array())[2], 20)
    assert images[0].get_clim() == images[1].get_clim() == (20 - 70, 20)
