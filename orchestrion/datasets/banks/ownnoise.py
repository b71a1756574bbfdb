"""Noise of a source along the recording's own phases: what a network is trained on, where playing takes phases at random.

As the partials' phases in training are the recording's, so are those of the noise: the network learns to follow the noise that the
source sounds, and not to draw one of its own beside it.
"""

from __future__ import annotations

import numpy as np

from orchestrion.bridge.noise import OVERLAP, band_of_bins, place_of_bins

# Frames of a recording agree in phase with their neighbours, those of played noise do not: of the same levels they are louder by this.
COHERENT_DB = 5.36


def own_noise(rest: np.ndarray, power: np.ndarray, hop: int, sample_rate: int, shape: np.ndarray | None = None) -> np.ndarray:
    """Noise of given levels with the phases of what partials leave of a recording.

    Args:
        rest: ``[f * hop]``, or less in the last frame: the recording without its partials.
        power: ``[f, 52]`` mean squares about the middle of each frame, in the bands `noise.FINE_EDGES_HZ`.
        shape: ``[193]`` factors within the bands, see `NoiseSpectra.add`.

    Returns:
        As long as ``rest``, float64. Of white noise at its own levels it correlates by .95 with ``rest``.
    """
    n_frames, size = len(power), OVERLAP * hop
    window = np.hanning(size + 1)[:-1]
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(rest, (hop, size)), size)[::hop][:n_frames]
    spectra = np.fft.rfft(frames * window, axis=1)
    band, scale = band_of_bins(hop, sample_rate)
    if shape is not None:
        scale = scale * shape[place_of_bins(hop, sample_rate)]
    magnitude = np.sqrt(np.where(band >= 0, power[:, np.maximum(band, 0)], 0.0) * scale) * 10 ** (-COHERENT_DB / 20)
    spectra *= magnitude / np.maximum(np.abs(spectra), 1e-20)
    made = np.fft.irfft(spectra, size, axis=1) * window
    out = np.zeros((n_frames + OVERLAP) * hop)
    for k in range(OVERLAP):
        out[k * hop : (k + n_frames) * hop] += made[:, k * hop : (k + 1) * hop].ravel()
    return out[hop : hop + len(rest)]
