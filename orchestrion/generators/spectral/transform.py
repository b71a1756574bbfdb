"""Blocks of audio to vectors of the spectrum and back: the papers' DFT and three transforms that mend its faults.

| name | vector of a step | samples it covers | dimensions |
| --- | --- | --- | --- |
| ``dft`` | [Re ‖ Im] of the whole DFT (N&V, K&G) | N, butted | 2N |
| ``rfft`` | [Re ‖ Im] without the mirrored half | N, butted | N |
| ``overlap`` | the same of 2N windowed samples | 2N, overlapping by half | 2N |
| ``mdct`` | modified discrete cosine transform | 2N, overlapping by half | N |

    butted       |--- t ---|-- t+1 --|
    overlapping  |--- t ---|---------|          windows sin(π (n + 1/2) / 2N), whose squares sum to one
                           |-- t+1 --|---------|

A predicted DFT is not Hermitian, so its inverse is complex; the real part is played, and `imaginary_residue` tells how
much is lost. Butted blocks click at their edges; overlapping ones cannot.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

LEAST = 1e-6


class Transform(ABC):
    """A transform of blocks side by side, where the step is the window; `Overlapping` ones see twice as much.

    Attributes:
        block: samples a step.
        window: samples that a vector describes.
        channels: in which a convolution can take a vector apart: 2 where it is [Re ‖ Im] of the same bins.
    """

    channels = 1

    def __init__(self, block: int):
        self.block = block
        self.window = block

    def frames(self, audio: Tensor) -> Tensor:
        """``[b, t]`` (t a multiple of the block) to ``[b, s, window]``."""
        return audio.unfold(-1, self.window, self.block)

    def join(self, frames: Tensor) -> Tensor:
        """``[s, window]`` to the audio after what came before them, ``[t]``."""
        return frames.flatten()

    def frames_for(self, n_samples: int) -> int:
        """Vectors that `join` needs for so many samples."""
        return -(-n_samples // self.block)

    @property
    @abstractmethod
    def dimensions(self) -> int:
        """Of a vector."""

    def possible(self, noise: Tensor) -> Tensor:
        """Independent normal numbers ``[…, dimensions]`` as a real signal can have them, of the same variance."""
        return noise

    def magnitudes(self, vectors: Tensor) -> Tensor:
        """Of the bin that each of ``[…, dimensions]`` belongs to, in the same shape."""
        return vectors.abs()

    @abstractmethod
    def analyse(self, audio: Tensor) -> Tensor:
        """``[b, t]`` to ``[b, s, dimensions]``."""

    @abstractmethod
    def synthesise(self, vectors: Tensor) -> Tensor:
        """``[s, dimensions]`` to the audio that follows what came before, ``[t]``."""


class Overlapping(Transform):
    """Windows of two blocks every block, faded by a sine at analysis and again at synthesis."""

    def __init__(self, block: int):
        super().__init__(block)
        self.window = 2 * block

    def fade(self, like: Tensor) -> Tensor:
        n = torch.arange(self.window, dtype=torch.float64) + 0.5
        return torch.sin(math.pi * n / self.window).to(like)

    def frames(self, audio: Tensor) -> Tensor:
        return super().frames(audio) * self.fade(audio)

    def join(self, frames: Tensor) -> Tensor:
        # The first frame's first half lies over what came before, and the last one's second half is not complete.
        faded = frames * self.fade(frames)
        return (faded[:-1, self.block :] + faded[1:, : self.block]).flatten()

    def frames_for(self, n_samples: int) -> int:
        return super().frames_for(n_samples) + 1


class Dft(Transform):
    """[Re ‖ Im] of all N bins."""

    channels = 2

    @property
    def dimensions(self) -> int:
        return 2 * self.window

    def analyse(self, audio: Tensor) -> Tensor:
        spectrum = torch.fft.fft(self.frames(audio))
        return torch.cat([spectrum.real, spectrum.imag], -1)

    def synthesise(self, vectors: Tensor) -> Tensor:
        return self.join(self.inverse(vectors).real)

    def possible(self, noise: Tensor) -> Tensor:
        # Bin N - k is the conjugate of bin k; half of what is drawn would be lost with the imaginary part of the inverse.
        real, imaginary = noise.chunk(2, -1)
        bins = torch.arange(self.window)
        mirror = -bins % self.window
        even, odd = (real + real[..., mirror]) / math.sqrt(2), (imaginary - imaginary[..., mirror]) / math.sqrt(2)
        return torch.cat([torch.where(bins == mirror, real, even), odd], -1)

    def magnitudes(self, vectors: Tensor) -> Tensor:
        real, imaginary = vectors.chunk(2, -1)
        return _length(real, imaginary).tile(2)

    def inverse(self, vectors: Tensor) -> Tensor:
        """``[s, dimensions]`` to complex ``[s, window]``."""
        real, imaginary = vectors.chunk(2, -1)
        result: Tensor = torch.fft.ifft(torch.complex(real, imaginary))
        return result


class RealFft(Transform):
    """[Re ‖ Im] of the bins that say something: 0 to N/2 of Re, and of Im those that are not zero for every real signal."""

    @property
    def dimensions(self) -> int:
        return self.window

    def analyse(self, audio: Tensor) -> Tensor:
        half = torch.fft.rfft(self.frames(audio))
        return torch.cat([half.real, half.imag[..., 1 : (self.window + 1) // 2]], -1)

    def synthesise(self, vectors: Tensor) -> Tensor:
        return self.join(torch.fft.irfft(torch.complex(*self._parts(vectors)), self.window))

    def magnitudes(self, vectors: Tensor) -> Tensor:
        size = _length(*self._parts(vectors))
        return torch.cat([size, size[..., 1 : (self.window + 1) // 2]], -1)

    def _parts(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        n_real = self.window // 2 + 1
        real, imaginary = vectors[..., :n_real], vectors[..., n_real:]
        return real, F.pad(imaginary, (1, n_real - 1 - imaginary.shape[-1]))


class OverlapFft(Overlapping, RealFft):
    """`RealFft` of overlapping windows."""


class Mdct(Overlapping):
    """X[k] = Σ_n w[n] x[n] cos(π/N (n + 1/2 + N/2)(k + 1/2)), k < N (Princen & Bradley 1986), by a complex FFT of 2N.

    Scaled by √(2/N), with which analysis and synthesis with the same sine window give the signal back.
    """

    @property
    def dimensions(self) -> int:
        return self.block

    def analyse(self, audio: Tensor) -> Tensor:
        frames = self.frames(audio)
        before, after = self._turns(frames)
        spectrum = torch.fft.fft(frames * before)[..., : self.block]
        result: Tensor = (spectrum * after).real * math.sqrt(2 / self.block)
        return result

    def synthesise(self, vectors: Tensor) -> Tensor:
        before, after = self._turns(vectors)
        padded = F.pad(vectors * after.conj(), (0, self.block))
        frames = (torch.fft.ifft(padded) * self.window * before.conj()).real * math.sqrt(2 / self.block)
        return self.join(frames)

    def _turns(self, like: Tensor) -> tuple[Tensor, Tensor]:
        # exp(-iπ/N (n + n0)(k + 1/2)) = before[n] · exp(-2πi nk / 2N) · after[k], with n0 = 1/2 + N/2.
        size, n0 = self.block, 0.5 + self.block / 2
        n = torch.arange(self.window, dtype=torch.float64)
        k = torch.arange(size, dtype=torch.float64)
        before, after = -math.pi * n / (2 * size), -math.pi * n0 * (k + 0.5) / size
        dtype = torch.complex128 if like.dtype == torch.float64 else torch.complex64
        turn_before, turn_after = (torch.polar(torch.ones_like(x), x).to(like.device, dtype) for x in (before, after))
        return turn_before, turn_after


TRANSFORMS: dict[str, Callable[[int], Transform]] = {"dft": Dft, "rfft": RealFft, "overlap": OverlapFft, "mdct": Mdct}


def _length(real: Tensor, imaginary: Tensor) -> Tensor:
    return (real.square() + imaginary.square() + LEAST**2).sqrt()  # whose gradient is finite at 0, too


def imaginary_residue(transform: Dft, vectors: Tensor) -> float:
    """Energy of the imaginary part over all of the inverse of ``[s, dimensions]``: 0 for true spectra, up to 1."""
    complex_audio = transform.inverse(vectors)
    total = complex_audio.abs().square().sum()
    return float(complex_audio.imag.square().sum() / total) if total else 0.0
