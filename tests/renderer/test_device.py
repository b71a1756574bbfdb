"""Which device plays: a GPU only where there is one that has passed its check; the machine is made up here."""

import importlib.util
import warnings

import pytest
import torch

from orchestrion.errors import OrchestrionError
from orchestrion.renderer import device
from orchestrion.renderer.config import UNDRIVEN, WaveNetConfig

CONFIGS = [UNDRIVEN["small"], UNDRIVEN["medium"]]


@pytest.fixture
def gpu(monkeypatch):
    """A machine with a GPU; ``failures`` says of which sizes it fails the check, and ``checked`` which were tried."""
    failures, checked = {}, []

    def failure(config):
        checked.append(config)
        return failures.get(config)

    monkeypatch.setattr(device, "absence", lambda: None)
    monkeypatch.setattr(device, "failure", failure)
    return failures, checked


def test_without_a_gpu_the_processor_plays_and_says_nothing(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert device.choose("auto", CONFIGS) == "cpu"
    with pytest.raises(OrchestrionError, match=r"^There is no NVIDIA GPU .* Take --device cpu\.$"):
        device.choose("cuda", CONFIGS)


@pytest.mark.parametrize("asked", ["auto", "cuda"])
def test_a_gpu_that_passes_plays(gpu, asked):
    assert device.choose(asked, CONFIGS * 2) == "cuda"
    assert gpu[1] == CONFIGS  # each size once
    assert device.choose("cpu", CONFIGS) == "cpu"


def test_a_gpu_that_fails_is_named_and_left_alone(gpu):
    gpu[0][CONFIGS[1]] = "The GPU has failed its check (it is broken)."
    with pytest.warns(UserWarning, match=r"^The GPU has failed its check \(it is broken\)\. Playing on the CPU\.$"):
        assert device.choose("auto", CONFIGS) == "cpu"
    assert device.choose("auto", CONFIGS[:1]) == "cuda"
    with pytest.raises(OrchestrionError, match="failed its check"):
        device.choose("cuda", CONFIGS)


def test_what_the_gpu_does_not_take_is_played_by_the_processor_unchecked(gpu):
    wide = WaveNetConfig(levels=1024)
    for configs, storage, reason in ((CONFIGS, "float32", "less than the float32"), ([wide], "int8", "levels of up to 512")):
        assert device.choose("auto", configs, storage) == "cpu"
        with pytest.raises(OrchestrionError, match=reason):
            device.choose("cuda", configs, storage)
    assert gpu[1] == []


def test_absence_names_what_is_missing(monkeypatch):
    monkeypatch.setattr(device, "_has_driver", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "Triton" in device.absence()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert "8.0" in device.absence()
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    assert device.absence() is None


@pytest.mark.parametrize("error", [RuntimeError("no\nC compiler"), OrchestrionError("logits are off"), ValueError()])
def test_whatever_the_check_raises_is_one_sentence_and_it_runs_once(monkeypatch, error):
    pytest.importorskip("triton", reason="Triton is not installed (it is in the dev extra, for Linux)")
    from orchestrion.renderer.gpu import checking

    tried = []

    def check(config):
        tried.append(config)
        raise error

    monkeypatch.setattr(checking, "check", check)
    device.failure.cache_clear()
    try:
        said = {device.failure(CONFIGS[0]) for _ in range(3)}
    finally:
        device.failure.cache_clear()
    (sentence,) = said
    assert len(tried) == 1 and "\n" not in sentence
    assert sentence == f"The GPU has failed its check ({' '.join(str(error).split()) or 'ValueError'})."


def test_what_rounds_more_than_float16_may_go_to_the_gpu(gpu):
    for storage in ("int8", "bfloat16"):
        assert device.choose("auto", CONFIGS, storage) == "cuda"
        assert (device.stored("cuda", storage), device.stored("cpu", storage)) == ("float16", storage)


def test_unknown_devices_are_refused():
    with pytest.raises(OrchestrionError, match="'tpu' is unknown"):
        device.choose("tpu", CONFIGS)


@pytest.mark.gpu
def test_this_gpu_passes():
    assert device.choose("cuda", CONFIGS) == device.choose("auto", CONFIGS) == "cuda"
