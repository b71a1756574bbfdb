"""Parameters of the published sizes, each against a formula; built on the meta device, which takes no memory."""

import pytest
import torch

from orchestrion.generators.table import BACKENDS


def lstm(inputs: int, hidden: int) -> int:
    return 4 * (inputs * hidden + hidden * hidden + hidden)


def affine(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


H, NV, KG = 2048, 2 * 11025, 2 * 4000
TCN_CONVOLUTIONS = 2 * 6  # two in each of six blocks
FORMULAS = {
    # Two embeddings; a gate of two taps, residual and skip in each layer; the head. V·y or not.
    "wavenet-unconditioned": 2 * 256 * 32 + 60 * (2 * 32 * 64 + 64 + affine(32, 32) + 32 * 512) + 512
    + affine(512, 512) + affine(512, 256),
    "spectral-lstm": lstm(NV, H) + 3 * H + affine(H, NV),  # three diagonal peepholes
    "spectral-gru": 3 * (NV * H + H * H + H) + affine(H, NV),
    "spectral-base": lstm(KG, H) + affine(H, KG),
    "spectral-dense": affine(KG, H) + lstm(H, H) + affine(H, KG),
    "spectral-conv1d": affine(3, 12) + lstm(12 * (KG - 2) // 2, H) + affine(H, KG),
    "spectral-conv2d": affine(2 * 3 * 3, 12) + affine(12 * 3, 2) + lstm(2 * 4000 // 4, H) + affine(H, KG),
    "spectral-bilinear": affine(KG, H) + 2 * lstm(H, H) + affine(H, KG),
    "spectral-stacked": lstm(KG, H) + lstm(H, H) + affine(H, KG),
    "sample-lstm": lstm(1, 256) + affine(256, 1),
    "stft-encdec": lstm(1000, H) + lstm(H, H) + affine(H, 1000),
    "tcn": affine(5 * 1, 64) + (TCN_CONVOLUTIONS - 1) * affine(5 * 64, 64) + affine(1, 64) + affine(64, 1),
}  # fmt: skip
FORMULAS["wavenet"] = FORMULAS["wavenet-unconditioned"] + affine(2 * 128, 16) + 16 * 60 * 64


def parameters(name: str, preset: str) -> int:
    kind = BACKENDS[name]
    with torch.device("meta"):
        return sum(p.numel() for p in kind.network(kind.presets()[preset]).parameters())


@pytest.mark.parametrize("name", BACKENDS)
def test_the_published_size_has_as_many_parameters_as_its_formula(name):
    assert parameters(name, "paper") == FORMULAS[name]


@pytest.mark.parametrize("name", [name for name in BACKENDS if name != "wavenet"])
def test_the_small_size_fits_into_two_megabytes_of_float16(name):
    assert 2 * parameters(name, "small") < 2 << 20


def test_published_settings():
    nv, kg = BACKENDS["spectral-lstm"].presets()["paper"], BACKENDS["spectral-base"].presets()["paper"]
    assert (nv.sample_rate, nv.block, nv.steps, nv.hidden, nv.cell) == (44100, 11025, 40, 2048, "lstm-peephole")
    assert (kg.sample_rate, kg.block, kg.steps, kg.hidden, kg.cell_dropout) == (16000, 4000, 40, 2048, 0.5)
    assert nv.block / nv.sample_rate == kg.block / kg.sample_rate == 0.25
    tcn = BACKENDS["tcn"].presets()["paper"]
    assert (tcn.sample_rate, tcn.window, tcn.dilations, tcn.receptive_field) == (4410, 512, (1, 2, 4, 8, 16, 32), 505)
    encdec = BACKENDS["stft-encdec"].presets()["paper"]
    assert (encdec.block, encdec.steps, encdec.hidden) == (500, 20, 2048)


def test_the_dense_stage_has_fewer_parameters_than_the_base_against_the_paper():
    assert parameters("spectral-dense", "paper") < parameters("spectral-base", "paper") < parameters("spectral-conv1d", "paper")
