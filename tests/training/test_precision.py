"""Which arithmetic a training chooses by itself."""

import pytest
import torch

from orchestrion.options import Training
from orchestrion.training.precision import native_precision
from orchestrion.training.settings import composers_loop, settled


@pytest.mark.parametrize(
    ("told", "precision"),
    [
        ({"avx512_f": True, "avx512_vnni": True, "avx512_bf16": False, "amx_bf16": False}, "32-true"),
        ({"avx512_bf16": True}, "bf16-mixed"),
        ({"amx_bf16": True, "avx512_bf16": False}, "bf16-mixed"),
        ({"neon": True, "bf16": False}, "32-true"),
        ({"neon": True, "bf16": True}, "bf16-mixed"),
    ],
)
def test_bfloat16_is_chosen_only_where_the_processor_multiplies_it(monkeypatch, told, precision):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told, raising=False)
    assert native_precision() == precision
    for loop in (settled, composers_loop):
        assert loop(Training(steps=1)).precision == precision
        for asked in ("32-true", "bf16-mixed"):
            assert loop(Training(steps=1, precision=asked)).precision == asked


def test_a_torch_that_does_not_tell_trains_in_float32(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert native_precision() == "32-true"


@pytest.mark.parametrize(("capability", "precision"), [((7, 5), "32-true"), ((8, 0), "bf16-mixed"), ((9, 0), "bf16-mixed")])
def test_a_gpu_decides_where_there_is_one(monkeypatch, capability, precision):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert native_precision() == precision
