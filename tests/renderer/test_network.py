"""The network: the gated unit's equation, causality by gradient, receptive field, and ``forward`` equal to ``step``."""

import dataclasses

import numpy as np
import pytest
import torch

from orchestrion.renderer.config import PRESETS, WaveNetConfig
from orchestrion.renderer.network import WaveNet

TINY = WaveNetConfig(
    layers=6, cycle=3, residual=8, skip=12, head=16, levels=32, groups=("velocity", "onset"), pitch_low=60, pitch_high=71,
    context_width=3, context_dilation=2, context_channels=8, conditioning_channels=6, harmonics=2, hop=16,
)  # fmt: skip
CONFIGS = {
    "context": TINY,
    "causal": dataclasses.replace(TINY, conditioning="causal", groups=("sounding",), harmonics=0),
    "none": TINY.unconditioned(),
}


def network(config, seed=0):
    torch.manual_seed(seed)
    model = WaveNet(config).double()
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return model


def inputs(config, n_frames=6, batch=2, seed=1):
    rng = torch.Generator().manual_seed(seed)
    levels = torch.randint(0, config.levels, (batch, n_frames * config.hop), generator=rng)
    frames = torch.rand(batch, n_frames, config.input_channels, generator=rng, dtype=torch.double) if config.conditioned else None
    shape = (batch, n_frames * config.hop, 2 * config.harmonics)
    excitation = torch.rand(shape, generator=rng, dtype=torch.double) if config.harmonics else None
    return levels, frames, excitation


def rows_of(model, frames, n_frames=6, batch=2):
    return model.conditioning_rows(frames, n_frames, batch)


@pytest.mark.parametrize("kind", CONFIGS)
def test_forward_equals_repeated_step(kind):
    config = CONFIGS[kind]
    model = network(config)
    levels, frames, excitation = inputs(config)
    rows = rows_of(model, frames)
    whole = model(levels, rows, excitation)
    state = model.initial_state(2)
    for t in range(levels.shape[1]):
        source = excitation[:, t] if excitation is not None else None
        logits, state = model.step(levels[:, t], rows[:, t // config.hop], source, state)
        torch.testing.assert_close(logits, whole[:, t], atol=1e-4, rtol=0)


@pytest.mark.parametrize("preset", ["small", "medium", "paper"])
def test_forward_equals_step_at_full_size(preset):
    config = PRESETS[preset]
    torch.manual_seed(0)
    model = WaveNet(config)
    levels, frames, excitation = inputs(config, n_frames=2, batch=1)
    frames, excitation = frames.float(), excitation.float() if excitation is not None else None
    with torch.no_grad():
        rows = model.conditioning_rows(frames)
        whole = model(levels, rows, excitation)
        state = model.initial_state(1)
        for t in range(70):  # past the first frame's end
            source = excitation[:, t] if excitation is not None else None
            logits, state = model.step(levels[:, t], rows[:, t // config.hop], source, state)
            torch.testing.assert_close(logits, whole[:, t], atol=1e-4, rtol=0)


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
def test_receptive_field_formula_is_confirmed_by_gradient(kind):
    config = CONFIGS[kind]
    model = network(config)
    levels, frames, excitation = inputs(config, batch=1)
    seen = input_gradient(model, levels, rows_of(model, frames, batch=1), excitation, at=-1)
    reached = np.flatnonzero(seen)
    # Position t of ``levels`` is sample t - 1, so the prediction at t sees positions t - receptive_field + 1 .. t.
    assert len(seen) - reached[0] == config.receptive_field
    assert reached[-1] == len(seen) - 1


@pytest.mark.parametrize("kind", CONFIGS)
def test_no_gradient_from_the_future(kind):
    config = CONFIGS[kind]
    model = network(config)
    levels, frames, excitation = inputs(config, batch=1)
    seen = input_gradient(model, levels, rows_of(model, frames, batch=1), excitation, at=40)
    assert seen[40] > 0 and not seen[41:].any()


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


def input_gradient(model, levels, rows, excitation, at):
    """How much each position's embedding matters for the logits at ``at``, ``[t]``."""
    caught = []
    hooks = [e.register_forward_hook(lambda _, __, out: caught.append(out) or out.retain_grad()) for e in (model.embed_now, model.embed_before)]
    model(levels, rows.detach(), excitation)[0, at].square().sum().backward()
    for hook in hooks:
        hook.remove()
    now, before = (out.grad[0].abs().sum(-1).numpy() for out in caught)
    # embed_before's entry t is position t - 1.
    return now + np.append(before[1:], 0)
