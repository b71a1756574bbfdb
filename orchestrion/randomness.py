"""Random numbers by counter: the number of step n of voice v is a function of (seed, v, n) alone.

There is no generator and no hidden state, so one voice or thirty, one run or a resumed one, a block at a time or all at
once draw the same numbers. The mixing function is the finaliser of SplitMix64 (Steele, Lea & Flood 2014, "Fast
splittable pseudorandom number generators", OOPSLA), applied once for the seed, once for the voice and once for n.

`uniform` takes arrays; `uniform_scalar` is its twin for compiled loops. They are equal to the last bit.
"""

from __future__ import annotations

import numpy as np

from orchestrion.compiled import compiled

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLY_1 = np.uint64(0xBF58476D1CE4E5B9)
_MULTIPLY_2 = np.uint64(0x94D049BB133111EB)
_SHIFT_1, _SHIFT_2, _SHIFT_3 = np.uint64(30), np.uint64(27), np.uint64(31)
_TO_53_BITS = np.uint64(11)
_UNIT = 2.0**-53


def uniform(seed: int, voice: int | np.ndarray, n: int | np.ndarray) -> np.ndarray:
    """Numbers in [0, 1) for every pair of `voice` and `n` (broadcast), float64.

    `seed`, `voice` and `n` are taken modulo 2**64.

    >>> bool(uniform(0, 0, np.arange(5))[3] == uniform(0, 0, 3))
    True
    """
    stream = stream_key(seed, voice)
    with np.errstate(over="ignore"):
        bits = _mix(stream + (_as_uint64(n) + np.uint64(1)) * _GOLDEN)
    return (bits >> _TO_53_BITS).astype(np.float64) * _UNIT


def stream_key(seed: int, voice: int | np.ndarray) -> np.ndarray:
    """The uint64 key of (seed, voice): the first argument of `uniform_scalar`."""
    with np.errstate(over="ignore"):
        keyed = _mix(_as_uint64(seed) + _GOLDEN)
        return _mix(keyed ^ _mix(_as_uint64(voice) * _GOLDEN + _MULTIPLY_1))


@compiled(nogil=True)
def uniform_scalar(key: np.uint64, n: int | np.uint64) -> float:  # pragma: no cover - compiled
    """The number of step `n` (uint64 or non-negative int) of the stream `key` = stream_key(seed, voice)."""
    z = key + (np.uint64(n) + np.uint64(1)) * _GOLDEN
    z = (z ^ (z >> _SHIFT_1)) * _MULTIPLY_1
    z = (z ^ (z >> _SHIFT_2)) * _MULTIPLY_2
    z = z ^ (z >> _SHIFT_3)
    return np.float64(z >> _TO_53_BITS) * _UNIT


def _mix(z: np.ndarray) -> np.ndarray:
    z = (z ^ (z >> _SHIFT_1)) * _MULTIPLY_1
    z = (z ^ (z >> _SHIFT_2)) * _MULTIPLY_2
    result: np.ndarray = z ^ (z >> _SHIFT_3)
    return result


def _as_uint64(value: int | np.ndarray) -> np.ndarray:
    if isinstance(value, (int, np.integer)):
        return np.asarray(int(value) % 2**64, dtype=np.uint64)
    return np.asarray(value).astype(np.uint64)
