"""Generation: the growing sequence with a carried state is the re-fed one; the window slides; normalisation is N&V's."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from orchestrion.errors import OrchestrionError
from orchestrion.generators.configuring import changed
from orchestrion.generators.spectral.config import CELLS, CORES, NV, STAGES, small
from orchestrion.generators.spectral.network import Spectral
from orchestrion.generators.table import BACKENDS
from tests.generators.backends import TINY, clips, make, tones

SEED = tones(10 * 32, 16000)


def fed_again(model: Spectral, known: torch.Tensor, n: int) -> torch.Tensor:
    """Feed everything so far from the beginning and append the last prediction, as the papers say."""
    sequence = known
    for _ in range(n):
        sequence = torch.cat([sequence, model(sequence)[0][:, -1:]], 1)
    return sequence[0, known.shape[1] :]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("cell", CELLS)
def test_carried_state_is_the_growing_sequence_fed_again(stage, cell):
    context = 3 if stage == "conv2d" else 1
    config = replace(TINY["spectral-lstm"], stage=stage, cell=cell, context=context, generation="growing")
    model = make("spectral-lstm", config).eval()
    with torch.no_grad():
        known = model.normal.analyse(torch.from_numpy(SEED)[None])
        expected = fed_again(model, known, 9)
    torch.testing.assert_close(model.continuation(SEED, 9, 0), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("core", CORES)
def test_the_window_holds_the_last_blocks_alone(core):
    config = replace(TINY["spectral-base"], core=core)
    model = make("spectral-base", config).eval()
    with torch.no_grad():
        sequence = model.normal.analyse(torch.from_numpy(SEED)[None])
        for _ in range(9):
            sequence = torch.cat([sequence, model(sequence[:, -config.steps :])[0][:, -1:]], 1)
    torch.testing.assert_close(model.continuation(SEED, 9, 0), sequence[0, -9:])


def test_what_is_before_the_window_is_not_heard_and_what_is_in_it_is():
    model = make("spectral-base").eval()
    before, within = SEED.copy(), SEED.copy()
    before[: 4 * 32] = 0  # ten blocks, a window of six
    within[4 * 32 : 5 * 32] = 0
    audio = [model.generate(seed, 100, 0) for seed in (SEED, before, within)]
    assert np.array_equal(audio[0], audio[1]) and not np.array_equal(audio[0], audio[2])


def test_an_ensemble_sums_the_predictions_of_its_members():
    config = replace(TINY["spectral-base"], core="ensemble", members=3)
    model = make("spectral-base", config).eval()
    assert model.head.in_features == 3 * config.hidden
    with torch.no_grad():
        x = model.normal.analyse(torch.from_numpy(SEED)[None])
        parts = []
        for number, member in enumerate(model.core.members):
            weight = model.head.weight[:, number * config.hidden : (number + 1) * config.hidden]
            parts.append(member(model.stage(x))[0] @ weight.T)
        torch.testing.assert_close(model(x)[0], sum(parts) + model.head.bias)
        whole, _ = model(x)
        first, states = model(x[:, :3])
        rest, _ = model(x[:, 3:], states)
    torch.testing.assert_close(torch.cat([first, rest], 1), whole)


@pytest.mark.parametrize("transform", ["dft", "rfft", "overlap", "mdct"])
def test_a_model_that_predicted_perfectly_would_continue_without_a_seam(transform):
    """With the true next vectors in place of predictions, the audio after the seed is the true audio."""
    model = make("spectral-base", replace(TINY["spectral-base"], transform=transform))
    sound = tones(20 * 32, 16000)
    seed, follows = sound[: 10 * 32], sound[10 * 32 :]
    lead = model.transform.window - 32  # a window that reaches back begins before the seed's end
    truth = model.normal.analyse(torch.from_numpy(sound[len(seed) - lead :].copy())[None])[0]
    audio = model.normal.synthesise(truth)
    np.testing.assert_allclose(audio[: len(follows) - 32], follows[: len(audio)][: len(follows) - 32], atol=1e-5)


def test_the_z_score_is_of_each_dimension_with_a_floor():
    model = make("spectral-base")
    batch = clips(model, 6)
    model.calibrate(iter(batch.split(2)))
    vectors = model.transform.analyse(batch.double()).flatten(0, 1)
    torch.testing.assert_close(model.normal.mean.double(), vectors.mean(0), atol=1e-6, rtol=1e-5)
    deviation = vectors.std(0, unbiased=False).clamp(min=1e-8)
    torch.testing.assert_close(model.normal.deviation.double(), deviation, atol=1e-6, rtol=1e-3)
    assert model.normal.deviation[32] == np.float32(1e-8)  # Im of bin 0 is always 0
    normalised = model.normal.analyse(batch).flatten(0, 1)
    alive = model.normal.deviation > 1e-6
    torch.testing.assert_close(normalised[:, alive].std(0, unbiased=False), torch.ones(int(alive.sum())), atol=1e-3, rtol=0)
    assert model.normal.loudness == pytest.approx(batch.square().mean().sqrt().item(), rel=1e-4)


def test_the_penalty_is_on_the_dense_stage_and_only_in_training():
    model = make("spectral-dense", replace(TINY["spectral-dense"], l2=0.01))
    batch = clips(model)
    with torch.no_grad():
        plain, training = model.eval().loss(batch), model.train().loss(batch)
    expected = 0.01 * model.stage.affine.weight.square().sum()
    torch.testing.assert_close(training - plain, expected.detach(), atol=1e-5, rtol=1e-3)


def test_settings_are_changed_by_name_and_bad_ones_named():
    config = changed(small(NV), {"transform": "mdct", "hidden": "256", "dropout": "0.1", "merge": "true"})
    assert (config.transform, config.hidden, config.dropout, config.merge) == ("mdct", 256, 0.1, True)
    for settings, said in (({"hiden": "3"}, "no setting"), ({"hidden": "x"}, "cannot be used"), ({"cell": "rnn"}, "not one of"),
                           ({"hidden": "0"}, "whole number"), ({"context": "3"}, "conv2d")):  # fmt: skip
        with pytest.raises(OrchestrionError, match=said):
            changed(small(NV), settings)


@pytest.mark.parametrize("name", BACKENDS)
def test_configs_survive_json(name):
    for config in BACKENDS[name].presets().values():
        assert BACKENDS[name].config_of(json.loads(json.dumps(config.to_dict()))) == config
