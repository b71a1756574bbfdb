"""Which arithmetic a training runs fastest in on this machine."""

from __future__ import annotations

from typing import Literal

import torch

Precision = Literal["bf16-mixed", "32-true"]
NATIVE_BF16 = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
"""What torch calls a processor's own products of bfloat16, on x86-64 and on ARM."""
FIRST_GPU_WITH_BF16 = 8  # compute capability, major: Ampere


def native_precision() -> Precision:
    """``bf16-mixed`` where the GPU, or without one the processor, multiplies bfloat16 itself; else ``32-true``.

    Elsewhere torch converts back and forth: composers trained 2.4 times slower, the published WaveNet 3.5 times, on a
    Xeon without it. Versions of torch that do not tell what a processor can (before 2.10) count as without.
    """
    if torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.get_device_capability()[0] >= FIRST_GPU_WITH_BF16 else "32-true"
    tell = getattr(torch.cpu, "get_capabilities", None)
    can = tell() if tell else {}
    return "bf16-mixed" if any(can.get(name) for name in NATIVE_BF16) else "32-true"
