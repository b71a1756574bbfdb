"""A network's parameters as arrays, and the score's way through them by the compiled kernels."""

import dataclasses

import numpy as np
import pytest
import torch

from orchestrion.bridge import ConditioningSeries
from orchestrion.renderer.config import PRESETS, UNDRIVEN
from orchestrion.renderer.kernels import conditioner as conditioning
from orchestrion.renderer.kernels.conditioner import Conditioner
from orchestrion.renderer.kernels.packing import in_gate_order
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.parameters import Parameters, shapes
from orchestrion.renderer.sampler import generate, prepare
from orchestrion.score import Note

CONFIGS = {
    **PRESETS, "undriven": UNDRIVEN["small"], "unconditioned": PRESETS["small"].unconditioned(),
    "odd": dataclasses.replace(PRESETS["small"], residual=40, context_channels=50, conditioning_channels=20, context_width=3, source_window=5),
    "no neighbours": dataclasses.replace(PRESETS["small"], context_width=1),
}  # fmt: skip
N_FRAMES = 150  # more than a block, and not two


@pytest.fixture(params=CONFIGS.values(), ids=CONFIGS)
def network(request):
    torch.manual_seed(0)
    return WaveNet(dataclasses.replace(request.param, layers=3, cycle=2)).eval().requires_grad_(False)


def series(config):
    notes = [Note(0.0, 0.3, 60, 100), Note(0.1, 0.4, 64, 50)]
    return ConditioningSeries.from_notes(notes, sample_rate=config.sample_rate, hop=config.hop, duration_s=0.6)


def test_names_and_shapes_are_the_networks(network):
    assert shapes(network.config) == {name: tuple(value.shape) for name, value in network.state_dict().items()}


def test_there_and_back(network):
    parameters = Parameters.of(network)
    assert Parameters.of(parameters) is parameters
    again = parameters.network()
    assert again.source is network.source and not again.training
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in again.state_dict().items())


def test_both_play_the_same(network):
    item = series(network.config)
    assert np.array_equal(generate(network, [item])[0], generate(Parameters.of(network), [item])[0])


def test_a_network_of_zeros_plays():
    assert np.isfinite(generate(Parameters.zeros(PRESETS["small"]), [series(PRESETS["small"])])[0]).all()


def test_rows_and_drive_are_the_networks(network):
    c = network.config
    item = series(c)
    parameters, packed = prepare(network)
    conditioner = Conditioner(parameters, packed, item)
    past, future = c.context_frames
    frames = torch.from_numpy(conditioner.features.frames(-past, N_FRAMES + future))[None] if c.conditioned else None
    expected = network.conditioning_rows(frames, N_FRAMES)[0, past : past + N_FRAMES].numpy()
    padded = np.zeros((N_FRAMES, c.layers, 2, packed.width), np.float32)
    padded[..., : c.residual] = expected.reshape(N_FRAMES, c.layers, 2, c.residual)
    assert np.abs(conditioner.rows(0, N_FRAMES) - in_gate_order(padded)).max() < 1e-6
    signal = conditioner.features.signal(0, N_FRAMES)
    if signal is not None:
        given = torch.from_numpy(signal)[None]
        drive = conditioner.drive(0, N_FRAMES).reshape(-1, packed.width)
        assert np.abs(drive[:, : c.residual] - network.drive(given)[0].numpy()).max() < 3e-6 and not drive[:, c.residual :].any()
        if c.source_window:
            assert np.abs(conditioner.centre(0, N_FRAMES).ravel() - network.centre(given, None)[0].numpy()).max() < 1e-6


def test_a_frame_is_the_same_in_blocks_of_any_length(network, monkeypatch):
    item = series(network.config)
    parameters, packed = prepare(network)
    one = Conditioner(parameters, packed, item)
    asked = [one.rows] + ([one.drive] if network.config.drive_channels else [])
    whole = [ask(0, N_FRAMES) for ask in asked]
    monkeypatch.setattr(conditioning, "BLOCK", 17)
    for ask, expected in zip(asked, whole, strict=True):
        ask.__self__._blocks.clear()
        ask.__self__._last_signal = -1, np.empty(0)
        got = np.concatenate([ask(0, 60), ask(60, N_FRAMES - 60)])
        # The features of the score themselves are float64 sums over notes, rounded once.
        assert np.abs(got - expected).max() < 1e-6
