"""The part of an instrument's sound that is not harmonic (bow, breath, hammer, room): levels in bands, and audio made from them.

Tables have 52 fine bands over age, and a *shape* within the bands, one for all ages; the network hears 12 coarse bands, each a sum of
fine ones. Audio is made frame by frame: every bin of a spectrum has the level of its band, what the shape says it differs from that,
and a random phase; four frames overlap. Phases are a function of pitch and frame
only, so the same score gives the same noise, whichever block is asked for.
"""

from __future__ import annotations

import itertools
from functools import lru_cache

import numpy as np

from orchestrion.compiled import compiled

BAND_EDGES_HZ = np.array([0, 200, 400, 650, 1000, 1450, 2000, 2700, 3600, 4800, 6300, 8500, 12000], dtype=np.float64)
FINE_IN_BAND = (3, 3, 3, 3, 3, 3, 3, 4, 4, 5, 7, 11)
FINE_EDGES_HZ = np.concatenate(
    [np.linspace(low, high, n, endpoint=False) for (low, high), n in zip(itertools.pairwise(BAND_EDGES_HZ), FINE_IN_BAND, strict=True)] + [BAND_EDGES_HZ[-1:]]
)
N_BANDS, N_FINE = len(BAND_EDGES_HZ) - 1, len(FINE_EDGES_HZ) - 1
FIRST_FINE = np.cumsum((0, *FINE_IN_BAND[:-1]))
SHAPE_HZ = 62.5  # between the places at which a shape is known: the bins of an instrument's own clock
N_SHAPE = int(FINE_EDGES_HZ[-1] / SHAPE_HZ) + 1
FLOOR_DB, SPAN_DB = -110.0, 40.0
LEAST = 10**-11.9  # of a mean square in a fine band: softer is silence
OVERLAP = 4  # frames of a window
WINDOW_POWER = 3 / 8 * OVERLAP  # of overlapping Hann windows, summed
BEFORE, AFTER = 2, 1  # frames that reach into a block from before it and after it


def noise_feature(power: np.ndarray) -> np.ndarray:
    """Mean squares ``[f, 52]`` (or ``[f, 12]``) as what a network hears of them: float32 ``[f, 12]``, 0 at -110 dB and below, 1 more each 40 dB."""
    coarse = np.add.reduceat(power, FIRST_FINE, axis=1) if power.shape[1] == N_FINE else power
    db = 10 * np.log10(np.maximum(coarse, 1e-30))
    result: np.ndarray = (np.maximum(db - FLOOR_DB, 0.0) / SPAN_DB).astype(np.float32)
    return result


def refined(noise_db: np.ndarray) -> np.ndarray:
    """Levels in coarse bands ``[..., 12, ages]`` as levels in fine ones ``[..., 52, ages]``: each band's power spread evenly."""
    shares = np.diff(FINE_EDGES_HZ) / np.repeat(np.diff(BAND_EDGES_HZ), FINE_IN_BAND)
    return np.asarray(np.repeat(noise_db, FINE_IN_BAND, axis=-2) + 10 * np.log10(shares)[:, None], dtype=np.float32)


class NoiseSpectra:
    """Spectra of the frames that reach into frames ``start..stop``, to which one note after another is added."""

    def __init__(self, start: int, stop: int, hop: int, sample_rate: int):
        self.first, self.last, self._hop = start - BEFORE, stop + AFTER, hop
        self._band, self._scale = band_of_bins(hop, sample_rate)
        self._place = place_of_bins(hop, sample_rate)
        self._values = np.zeros((self.last - self.first, len(self._band)), np.complex128)

    def add(self, first: int, power: np.ndarray, key: int, shape: np.ndarray | None = None) -> None:
        """Add noise of ``power`` (mean squares ``[f, 52]``) in frames ``first..``; those of other keys are independent of it.

        Args:
            shape: ``[193]`` factors of power within the bands, at multiples of `SHAPE_HZ`; None for 1.
        """
        scale = self._scale if shape is None else self._scale * shape[self._place]
        _add(self._values[first - self.first : first - self.first + len(power)], power, first, key, self._band, scale)

    def samples(self) -> np.ndarray:
        """Audio of the block, ``[(stop - start) * hop]`` float64."""
        hop, window = self._hop, np.hanning(OVERLAP * self._hop + 1)[:-1]
        out = np.zeros((len(self._values) + OVERLAP - 1) * hop)
        for i, row in enumerate(self._values):
            if row.any():
                out[i * hop : (i + OVERLAP) * hop] += np.fft.irfft(row, OVERLAP * hop) * window
        # The window of frame i goes from hop i - 1 to hop i + 2, the block from its frame 2 on.
        return out[(BEFORE + 1) * hop : (len(self._values) - AFTER + 1) * hop]


@lru_cache(maxsize=8)
def band_of_bins(hop: int, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """The fine band of each bin (-1: none), and the factor from that band's mean square to the squared magnitude of the bin."""
    size = OVERLAP * hop
    hz = np.fft.rfftfreq(size, 1 / sample_rate)
    band = np.searchsorted(FINE_EDGES_HZ, hz, side="right") - 1
    band[(hz >= FINE_EDGES_HZ[-1]) | (hz <= 0) | (hz >= sample_rate / 2)] = -1
    density = sample_rate / size / np.diff(FINE_EDGES_HZ)
    return band, np.where(band >= 0, density[band] * size**2 / (2 * WINDOW_POWER), 0.0)


@lru_cache(maxsize=8)
def place_of_bins(hop: int, sample_rate: int) -> np.ndarray:
    """Where in a shape each bin lies, int64."""
    hz = np.fft.rfftfreq(OVERLAP * hop, 1 / sample_rate)
    return np.asarray(np.minimum(np.rint(hz / SHAPE_HZ), N_SHAPE - 1).astype(np.int64))


@compiled(nogil=True)
def _add(values: np.ndarray, power: np.ndarray, first: int, key: int, band: np.ndarray, scale: np.ndarray) -> None:  # pragma: no cover - compiled
    for f in range(len(power)):
        bits, left = np.uint64(0), 0
        state = np.uint64(key) * np.uint64(0xD1342543DE82EF95) + np.uint64(first + f) * np.uint64(0x2545F4914F6CDD1D)
        for k in range(len(band)):
            if left == 0:  # splitmix64 (Steele et al. 2014): two bits a bin, a phase of four
                state += np.uint64(0x9E3779B97F4A7C15)
                z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                bits, left = z ^ (z >> np.uint64(31)), 32
            if band[k] >= 0 and power[f, band[k]] > LEAST:
                size = np.sqrt(power[f, band[k]] * scale[k] / 2)
                values[f, k] += complex(size if bits & np.uint64(1) else -size, size if bits & np.uint64(2) else -size)
            bits >>= np.uint64(2)
            left -= 1
