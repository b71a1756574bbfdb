"""Where to play: on the GPU where there is one that plays as it should, else on the processor."""

from __future__ import annotations

import ctypes
import importlib.util
import sys
import warnings
from collections.abc import Iterable
from functools import lru_cache

from orchestrion.errors import OrchestrionError
from orchestrion.options import DEVICES, STORAGE
from orchestrion.progress import waiting
from orchestrion.renderer.config import WaveNetConfig

OLDEST = (8, 0)  # compute capability: copies into shared memory that nothing waits for


def choose(asked: str, configs: Iterable[WaveNetConfig], storage: str = STORAGE) -> str:
    """The device that networks of these sizes are played on, "cpu" or "cuda".

    ``auto`` takes the GPU where torch and Triton can use one, where float16 is no less than the ``storage`` asked for and it
    takes those sizes, and where it has passed the check in ``gpu.checking``, once a process for each size. Where it fails that, it is said in a warning.
    The same seed gives the same bytes on one device, and others on another one.

    Raises:
        OrchestrionError: "cuda" is asked for and cannot be had; or another name.
    """
    if asked not in DEVICES:
        raise OrchestrionError(f"Device {asked!r} is unknown; choose one of {', '.join(DEVICES)}.")
    if asked == "cpu":
        return asked
    sizes = tuple(dict.fromkeys(configs))
    trouble = absence() or unfitness(sizes, storage)
    failed = None if trouble else next(filter(None, map(failure, sizes)), None)
    if not trouble and not failed:
        return "cuda"
    if asked == "cuda":
        raise OrchestrionError(f"{trouble or failed} Take --device cpu.")
    if failed:
        warnings.warn(f"{failed} Playing on the CPU.", stacklevel=2)
    return "cpu"


def stored(device: str, storage: str) -> str:
    """How weights are kept on ``device`` where ``storage`` is asked for."""
    return storage if device == "cpu" else "float16"


def absence() -> str | None:
    """A sentence where no GPU can be used."""
    if not _has_driver():
        return "There is no NVIDIA GPU here that torch can use."
    import torch

    if not torch.cuda.is_available() or torch.version.hip:
        return "There is no NVIDIA GPU here that torch can use."
    if importlib.util.find_spec("triton") is None:
        return "The GPU's player needs Triton, which is not installed."
    if torch.cuda.get_device_capability() < OLDEST:
        return "The GPU's player needs a GPU of compute capability 8.0 or newer."
    return None


def _has_driver() -> bool:
    """Whether NVIDIA's driver is there: without it, torch need not be waited for."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def unfitness(configs: Iterable[WaveNetConfig], storage: str) -> str | None:
    """A sentence where the GPU's player rounds more than that storage, or does not take one of those sizes."""
    if storage == "float32":
        return "The GPU's player keeps weights in float16, which is less than the float32 asked for."
    from orchestrion.renderer.gpu.weights import too_wide

    return next(filter(None, map(too_wide, configs)), None)


@lru_cache
def failure(config: WaveNetConfig) -> str | None:
    """A sentence where the GPU does not play a random network of that size as it should."""
    from orchestrion.renderer.gpu.checking import check

    try:
        with waiting("Trying the GPU (once a run)"):
            check(config)
    except Exception as error:  # noqa: BLE001 - whatever Triton, its compilers or the driver raise, the processor plays
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        return f"The GPU has failed its check ({reason})."
    return None
