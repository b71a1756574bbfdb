"""The network: the gated unit's equation, causality by gradient, receptive field, and ``forward`` equal to ``step``."""

import dataclasses

import numpy as np
import pytest
import torch

from orchestrion.renderer import network as networks
from orchestrion.renderer.config import PRESETS, UNDRIVEN, WaveNetConfig
from orchestrion.renderer.network import WaveNet

TINY = WaveNetConfig(
    layers=6, cycle=3, residual=8, skip=12, head=16, levels=32, groups=("velocity", "onset"), pitch_low=60, pitch_high=71,
    context_width=3, context_dilation=2, context_channels=8, conditioning_channels=6, harmonics=2, hop=16,
)  # fmt: skip
DRIVEN = dataclasses.replace(
    TINY, levels=256, harmonics=0, source_window=3, mixtures=2, history=5, preemphasis=0.85, gain=2.0
)  # fmt: skip
CONFIGS = {
    "context": TINY,
    "causal": dataclasses.replace(TINY, conditioning="causal", groups=("sounding",), harmonics=0),
    "none": TINY.unconditioned(),
    "driven": DRIVEN,
    "driven, no conditioning": DRIVEN.unconditioned(),
}


def network(config, seed=0):
    torch.manual_seed(seed)
    model = WaveNet(config).double()
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return model


def inputs(config, n_frames=6, batch=2, seed=1):
    """Codes [b, t], frames [b, f, channels] or None, and the score's signal as `WaveNet.drive` takes it, or None."""
    rng = torch.Generator().manual_seed(seed)
    n = n_frames * config.hop
    codes = torch.randint(0, config.coding.levels, (batch, n), generator=rng)
    frames = torch.rand(batch, n_frames, config.input_channels, generator=rng, dtype=torch.double) if config.conditioned else None
    shape = (batch, n + 2 * config.source_window) if config.source_window else (batch, n, 2 * config.harmonics)
    signal = torch.rand(shape, generator=rng, dtype=torch.double) - 0.5 if config.drive_channels else None
    return codes, frames, signal


def drive_of(model, signal):
    return None if signal is None else model.drive(signal)


def rows_of(model, frames, n_frames=6, batch=2):
    return model.conditioning_rows(frames, n_frames, batch)


def assert_twins(model, codes, rows, drive, n):
    """``step`` n times is ``forward``."""
    whole, state = model(codes, rows, drive), model.initial_state(len(codes))
    for t in range(n):
        at = None if drive is None else drive[:, t]
        raw, state = model.step(codes[:, t], rows[:, t // model.config.hop], at, state)
        torch.testing.assert_close(raw, whole[:, t], atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", CONFIGS)
def test_forward_equals_repeated_step(kind):
    model = network(CONFIGS[kind])
    codes, frames, signal = inputs(CONFIGS[kind])
    assert_twins(model, codes, rows_of(model, frames), drive_of(model, signal), codes.shape[1])


@pytest.mark.parametrize("config", [*PRESETS.values(), *UNDRIVEN.values()], ids=[*PRESETS, *(f"{name} undriven" for name in UNDRIVEN)])
def test_forward_equals_step_at_full_size(config):
    torch.manual_seed(0)
    model = WaveNet(config)
    codes, frames, signal = inputs(config, n_frames=2, batch=1)
    with torch.no_grad():
        drive = drive_of(model, None if signal is None else signal.float())
        assert_twins(model, codes, model.conditioning_rows(frames.float()), drive, config.hop + 6)  # past the first frame's end


def test_the_gated_unit_is_manzellis_equation_3():
    """One layer against the equation written out with convolutions."""
    config = dataclasses.replace(TINY, layers=1, harmonics=0)
    model = network(config)
    levels, frames, _ = inputs(config, batch=1)
    rows = rows_of(model, frames, batch=1)
    before = torch.cat([torch.full((1, 1), config.levels // 2), levels[:, :-1]], 1)
    x = (model.embed_now(levels) + model.embed_before(before)).transpose(1, 2)
    kernel = torch.stack([model.w_past[0], model.w_now[0]], -1).transpose(0, 1)
    convolved = torch.nn.functional.conv1d(torch.nn.functional.pad(x, (1, 0)), kernel)
    y = rows[:, :, 0].repeat_interleave(config.hop, 1).transpose(1, 2)
    f, g = (convolved + y).chunk(2, 1)
    z = torch.tanh(f) * torch.sigmoid(g)
    skip = torch.relu((z.transpose(1, 2) @ model.w_skip[0]) + model.b_skip)
    expected = torch.relu(skip @ model.w_head + model.b_head) @ model.w_out + model.b_out
    torch.testing.assert_close(model(levels, rows), expected)


@pytest.mark.parametrize("kind", CONFIGS)
def test_receptive_field_formula_is_confirmed_by_gradient(kind, monkeypatch):
    seen = input_gradient(CONFIGS[kind], -1, monkeypatch)
    reached = np.flatnonzero(seen)
    # Position t of ``codes`` is sample t - 1, so the prediction at t sees positions t - receptive_field + 1 .. t.
    assert len(seen) - reached[0] == CONFIGS[kind].receptive_field
    assert reached[-1] == len(seen) - 1


@pytest.mark.parametrize("kind", CONFIGS)
def test_no_gradient_from_the_future(kind, monkeypatch):
    seen = input_gradient(CONFIGS[kind], 40, monkeypatch)
    assert seen[40] > 0 and not seen[41:].any()


def test_the_source_is_heard_exactly_its_window_ahead():
    """And from as long ago as the layers reach; the mixture's centre is the sample's own."""
    model, w, at = network(DRIVEN), DRIVEN.source_window, 60
    codes, frames, signal = inputs(DRIVEN, batch=1)
    signal.requires_grad_(True)
    model(codes, rows_of(model, frames, batch=1).detach(), model.drive(signal))[0, at].square().sum().backward()
    reached = np.flatnonzero(signal.grad[0]) - w  # entry i of the signal is sample i - w
    assert (reached[0], reached[-1]) == (at - sum(DRIVEN.dilations) - w, at + w)
    signal.grad = None
    model.centre(signal, torch.Size((1, codes.shape[1])))[0, at].backward()
    assert np.flatnonzero(signal.grad[0]).tolist() == [at + w]


@pytest.mark.parametrize("kind", ["context", "causal"])
def test_frames_reach_exactly_the_stated_context(kind):
    config = CONFIGS[kind]
    model = network(config)
    _, frames, _ = inputs(config, n_frames=30, batch=1)
    frames.requires_grad_(True)
    model.conditioning_rows(frames)[0, 15].square().sum().backward()
    reached = np.flatnonzero(frames.grad[0].abs().sum(-1).numpy())
    past, future = config.context_frames
    assert (reached[0], reached[-1]) == (15 - past, 15 + future)


def input_gradient(config, at, monkeypatch):
    """How much each position of the codes matters for what is predicted at ``at``, ``[t]``."""
    model, caught = network(config), []
    codes, frames, signal = inputs(config, batch=1)

    def keep(out):
        caught.append(out.double().requires_grad_() if out.is_leaf else out)
        caught[-1].retain_grad()
        return caught[-1]

    if config.mixtures:
        heard = networks.values
        monkeypatch.setattr(networks, "values", lambda recent: keep(heard(recent)))
    else:
        for embedding in (model.embed_now, model.embed_before):
            embedding.register_forward_hook(lambda _, __, out: keep(out))
    model(codes, rows_of(model, frames, batch=1).detach(), drive_of(model, signal))[0, at].square().sum().backward()
    if config.mixtures:
        by_age = caught[0].grad[0].abs().numpy().T[::-1]  # [history, t], the newest first
    else:
        by_age = [out.grad[0].abs().sum(-1).numpy() for out in caught]  # the network asks for the newest first
    # Entry t of what is `age` samples old is position t - age.
    return sum(np.append(seen[age:], np.zeros(age)) for age, seen in enumerate(by_age))


def test_layers_compiled_one_by_one_compute_the_same_from_two_graphs(monkeypatch):
    seen = []

    def backend(graph, examples):
        seen.append(graph)
        return graph.forward

    compile_ = torch.compile
    monkeypatch.setattr(torch, "compile", lambda function: compile_(function, backend=backend))
    config = CONFIGS["causal"]
    plain, compiled = network(config), network(config)
    compiled.compile_layers()
    codes, frames, _ = inputs(config)
    losses = [model(codes, rows_of(model, frames)).logsumexp(-1).mean() for model in (plain, compiled)]
    assert losses[0].item() == losses[1].item()
    for loss in losses:
        loss.backward()
    for one, two in zip(plain.parameters(), compiled.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad)
    assert len(seen) == 2 < config.layers  # a dilation of 1, and all others
    assert compiled.state_dict().keys() == plain.state_dict().keys()
