"""The GPU's sample loop: its logits, its draws, and that a voice's numbers are its own."""

import dataclasses

import numpy as np
import pytest
import torch

from orchestrion.errors import OrchestrionError
from orchestrion.randomness import stream_key, uniform
from orchestrion.renderer.config import PRESETS, UNDRIVEN
from orchestrion.renderer.kernels.batch import VoiceState
from tests.renderer.gpu.conftest import KINDS, TINY, random_network
from tests.renderer.reference import draw, draw_mixture

pytest.importorskip("triton", reason="Triton is not installed (it is in the dev extra, for Linux)")

from orchestrion.renderer.gpu.batch import GpuBatch
from orchestrion.renderer.gpu.checking import Trial, check
from orchestrion.renderer.gpu.kernel import PROGRAM_VOICES
from orchestrion.renderer.gpu.weights import GpuWeights, padded, sizes_of

# Of logits in their standard deviations: what rounding to float16 makes of random weights, four times.
TOLERANCE = 0.01


@pytest.fixture(scope="module")
def trial(network):
    """Seventeen voices, one more than a program has rows, long enough to go round every ring."""
    return Trial.of(network, PROGRAM_VOICES + 1, 3)


@pytest.fixture(scope="module")
def together(trial):
    return trial.drawn(range(PROGRAM_VOICES + 1))


def test_logits_are_the_networks_own(trial):
    assert trial.logit_error([0, 7, PROGRAM_VOICES]) < TOLERANCE


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "change",
    [{"conditioning": "none", "groups": (), "harmonics": 0, "source_window": 0}, {"layers": 7, "cycle": 2, "residual": 16}],
)  # fmt: skip
def test_logits_of_other_networks(kind, change):
    """Without conditioning and drive; with stacks of dilations that are not whole."""
    network = random_network(dataclasses.replace(KINDS[kind], **change))
    assert Trial.of(network, 1, 2).logit_error([0]) < TOLERANCE


def test_an_error_of_one_weight_is_seen(trial):
    """The tolerance is not so wide that it would hide a fault."""
    weights = trial.weights.arguments
    wrong = dataclasses.replace(trial.weights, arguments=weights | {"w_past": weights["w_past"].roll(1, dims=0)})
    assert dataclasses.replace(trial, weights=wrong).logit_error([0]) > 5 * TOLERANCE


def test_voices_alone_are_those_together(trial, together):
    for voice in (3, PROGRAM_VOICES):
        assert np.array_equal(trial.drawn([voice])[:, 0], together[:, voice])
    assert len(np.unique(together)) > 100


@pytest.mark.parametrize("cut", [1, 11])
def test_runs_cut_anywhere_draw_the_same(trial, together, cut):
    assert np.array_equal(trial.drawn([2, 5], cut=cut), together[:, [2, 5]])


def test_forced_levels_are_taken(trial):
    assert np.array_equal(trial.drawn([4], forced=True)[:, 0], trial.levels[:, 4].numpy())


def test_draws_are_those_of_the_reference(trial, together):
    """Code by code, of the kernel's own logits and the counter's number; a mixture's value is float32 there."""
    voices, c = [0, 9], trial.model.config
    batch, block = trial.batch(voices), trial.block(voices)
    out = torch.zeros(len(together), batch.n, dtype=torch.int32, device=trial.weights.device)
    for t in range(16):
        batch.run(block, t, 1, out)
        raw = batch.logits.cpu().double().numpy()
        for row, voice in enumerate(voices):
            u, centre = uniform(0, voice, t), float(trial.centre[t, voice])
            assert out[t, row] == together[t, voice]
            expected = draw_mixture(raw[row], centre, u) if c.mixtures else draw(raw[row], u)
            assert abs(int(out[t, row]) - expected) <= (1 if c.mixtures else 0)


def test_draws_follow_the_sharpness(trial):
    c = trial.model.config
    batch, block = trial.batch([0]), trial.block([0])
    cold = dataclasses.replace(block, sharpness=torch.full_like(block.sharpness, 1e4))
    out = torch.zeros(len(trial.levels), batch.n, dtype=torch.int32, device=trial.weights.device)
    for t in range(8):
        batch.run(cold, t, 1, out)
        if c.mixtures:  # the mean of the component that the number falls to
            expected = draw_mixture(batch.logits[0].cpu().numpy(), float(trial.centre[t, 0]), uniform(0, 0, t), 1e-4)
            assert abs(int(out[t, 0]) - expected) <= 1
        else:
            assert out[t, 0] == batch.logits[0].argmax()


def test_a_state_carried_over_continues_the_voice(trial, together):
    """Into another place, beside other voices, at another turn of the rings."""
    first, block = trial.batch([1, 6]), trial.block([1, 6])
    out = torch.zeros(len(together), PROGRAM_VOICES, dtype=torch.int32, device=trial.weights.device)
    first.run(block, 0, 13, out)
    states = first.states([0, 1])
    n = min(trial.model.config.history, 13)
    assert states[1].counter == 13 and np.array_equal(states[1].recent[-n:], together[13 - n : 13, 6])
    other = GpuBatch(trial.weights, PROGRAM_VOICES)
    other.run(block, 0, 3, torch.zeros_like(out))
    other.put([0, 1], states)
    other.run(block, 13, len(out) - 13, out)
    assert np.array_equal(out[13:, :2].cpu().numpy(), together[13:, [1, 6]])
    again = GpuBatch(trial.weights, PROGRAM_VOICES)
    again.put([0, 1], states)
    for a, b in zip(states, again.states([0, 1]), strict=True):
        assert np.array_equal(a.history, b.history) and (a.key, a.counter) == (b.key, b.counter)


def test_large_keys_and_counters(trial):
    """Keys are all of uint64, and a voice may begin far into a piece."""
    key, counter = int(stream_key(0, 3)) | 1 << 63, 1 << 40
    block = trial.block([3])
    batch = GpuBatch(trial.weights, PROGRAM_VOICES)
    batch.put([0], [VoiceState.silent(trial.weights, key, counter)])
    out = torch.zeros(len(trial.levels), PROGRAM_VOICES, dtype=torch.int32, device=trial.weights.device)
    batch.run(block, 0, 1, out)
    from orchestrion.randomness import uniform_scalar

    u, raw = uniform_scalar(np.uint64(key), np.uint64(counter)), batch.logits[0].cpu().double().numpy()
    if trial.model.config.mixtures:
        assert abs(int(out[0, 0]) - draw_mixture(raw, float(trial.centre[0, 3]), u)) <= 1
    else:
        assert out[0, 0] == draw(raw, u)
    (state,) = batch.states([0])
    assert (state.key, state.counter) == (key, counter + 1)


@pytest.mark.parametrize("config", KINDS.values(), ids=KINDS)
def test_the_check_passes_and_finds_faults(config, monkeypatch):
    from orchestrion.renderer.gpu import checking

    check(config)
    monkeypatch.setattr(checking, "TOLERANCE", 1e-9)
    with pytest.raises(OrchestrionError, match="standard deviations off"):
        check(config)


def test_widths_are_padded_to_powers_of_two():
    assert [padded(n) for n in (1, 16, 17, 64, 100)] == [16, 16, 32, 64, 128]


@pytest.mark.parametrize(
    "config, chunk, stages, on_small",
    [(PRESETS["small"], 64, 3, 3), (PRESETS["medium"], 64, 3, 2), (PRESETS["paper"], 32, 3, 2), (UNDRIVEN["small"], 64, 3, 2),
     (UNDRIVEN["medium"], 64, 3, 2)],
)  # fmt: skip
def test_tiles_fit_into_the_memory_of_a_large_and_a_small_gpu(config, chunk, stages, on_small):
    large, small = (sizes_of(config, shared) for shared in (227 << 10, 99 << 10))
    assert (large["CHUNK"], large["STAGES"]) == (chunk, stages)
    assert small["STAGES"] == on_small


def test_weights_that_float16_cannot_hold_are_refused():
    broken = random_network()
    broken.w_out[0, 0] = 1e6
    with pytest.raises(OrchestrionError, match="float16"):
        GpuWeights.of(broken)
    with pytest.raises(OrchestrionError, match="levels of up to 512"):
        GpuWeights.of(random_network(dataclasses.replace(TINY, levels=1024)))


@pytest.mark.gpu
@pytest.mark.parametrize("preset", PRESETS)
def test_presets_on_the_gpu(preset):
    check(PRESETS[preset])
