"""How far is a predicted spectrum from that of a real signal?

The full DFT of real samples is Hermitian, X[N - k] = conj X[k]. A network that predicts real and imaginary parts of all N bins
(Nayebi and Vitelli 2015; Kalingeri and Grandhe 2016) breaks this symmetry, and the inverse transform becomes complex. Its real part
is played and its imaginary part discarded. This meter measures the discarded part. Real FFTs cannot have it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestrion.errors import OrchestrionError

# Rounding of 32-bit numbers leaves -130 dB and less; -60 dB is far above that and far below what can be heard.
THRESHOLD_DB = -60.0
FLOOR_DB = -160.0


@dataclass(frozen=True, slots=True)
class ResidueMeter:
    """Energy of the imaginary part of the inverse transform over that of the whole, in dB: 0 at most, -160 at least."""

    residue_db: float
    worst_block_db: float

    @property
    def found(self) -> bool:
        return self.residue_db > THRESHOLD_DB


def measure_residue(spectra: np.ndarray) -> ResidueMeter:
    """Of full complex spectra [n blocks, N].

    Raises:
        OrchestrionError: not two-dimensional, empty, or not finite.
    """
    if spectra.ndim != 2 or not spectra.size or not np.isfinite(spectra).all():
        raise OrchestrionError(f"Spectra must be finite and [blocks, bins]; these have the shape {spectra.shape}.")
    signal = np.fft.ifft(spectra.astype(np.complex128), axis=1)
    imaginary, whole = np.square(signal.imag).sum(axis=1), np.square(np.abs(signal)).sum(axis=1)
    audible = whole > 1e-12 * whole.max()
    blocks = [_ratio_db(a, b) for a, b in zip(imaginary[audible], whole[audible], strict=True)]
    return ResidueMeter(_ratio_db(imaginary.sum(), whole.sum()), max(blocks, default=FLOOR_DB))


def _ratio_db(part: float, whole: float) -> float:
    return float(max(10 * np.log10(part / whole + 1e-16), FLOOR_DB)) if whole > 0 else FLOOR_DB
