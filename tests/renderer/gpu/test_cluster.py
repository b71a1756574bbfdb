"""The sample loop of clusters: on a GPU that has them, else emulated on the CPU (`emulator.h`)."""

import dataclasses
import shutil
import warnings

import numpy as np
import pytest
import torch

from orchestrion.errors import OrchestrionError
from orchestrion.randomness import uniform
from orchestrion.renderer.config import PRESETS, UNDRIVEN
from orchestrion.renderer.gpu import checking, cluster
from tests.renderer.gpu.conftest import random_network
from tests.renderer.gpu.emulating import load
from tests.renderer.reference import draw_mixture

from orchestrion.renderer.gpu.batch import GpuBatch, Layout  # isort: skip
from orchestrion.renderer.gpu.checking import Trial  # isort: skip

# Two layers in one of the blocks; nothing is a whole tile; the longest ring has 8 slots.
CONFIG = dataclasses.replace(
    PRESETS["small"], layers=8, cycle=3, residual=20, skip=24, head=40, mixtures=3, history=5, hop=8, source_window=3,
    conditioning_channels=6, context_channels=8, context_width=3, context_dilation=1,
)  # fmt: skip
GROUPS = Layout(8, clusters=True), Layout(16, clusters=True)
TOLERANCE = 0.01  # as in test_kernel.py


@pytest.fixture(scope="module", autouse=True)
def clusters(tmp_path_factory):
    """Room for two clusters where they are emulated."""
    with pytest.MonkeyPatch.context() as patch:
        if not (torch.cuda.is_available() and cluster.has_clusters(CONFIG)):
            if shutil.which("g++") is None:
                pytest.skip("there is neither a GPU with clusters nor g++ to emulate one")
            folder = tmp_path_factory.mktemp("emulated")
            patch.setattr(cluster, "loaded", lambda config, tiles: load(config, tiles, 2, folder))
            patch.setattr(checking, "has_clusters", lambda config: True)
        yield


@pytest.fixture(scope="module")
def trial():
    """More voices than two clusters have in their first groups, long enough to go round every ring."""
    return Trial.of(random_network(CONFIG), 19, 2)


@pytest.fixture(scope="module")
def together(trial):
    return trial.drawn(range(19), layout=GROUPS[1])


@pytest.mark.parametrize("layout", GROUPS, ids=["8", "16"])
def test_logits_are_the_networks_own(trial, layout):
    assert trial.logit_error([0, 7, 18], layout) < TOLERANCE


def test_an_error_of_one_weight_is_seen(trial):
    weights = trial.weights.arguments
    wrong = dataclasses.replace(trial.weights, arguments=weights | {"w_past": weights["w_past"].roll(1, dims=0)})
    assert dataclasses.replace(trial, weights=wrong).logit_error([0], GROUPS[0]) > 5 * TOLERANCE


def test_networks_without_conditioning(trial):
    network = random_network(dataclasses.replace(CONFIG, conditioning="none", groups=(), source_window=0))
    assert Trial.of(network, 1, 2).logit_error([0], GROUPS[0]) < TOLERANCE


def test_voices_alone_are_those_together_in_groups_of_either_size(trial, together):
    assert np.array_equal(trial.drawn(range(19), layout=GROUPS[0], cut=11), together)
    for voice in (3, 18):
        assert np.array_equal(trial.drawn([voice], layout=GROUPS[0], cut=1)[:, 0], together[:, voice])
    assert len(np.unique(together)) > 100


def test_forced_levels_are_taken(trial):
    assert np.array_equal(trial.drawn([4], forced=True, layout=GROUPS[0])[:, 0], trial.levels[:, 4].numpy())


def test_draws_are_those_of_the_reference(trial, together):
    """Code by code, of the kernel's own logits and the counter's number."""
    voices = [0, 9]
    batch, block = trial.batch(voices, GROUPS[0]), trial.block(voices, layout=GROUPS[0])
    out = torch.zeros(len(together), batch.n, dtype=torch.int32, device=trial.weights.device)
    for t in range(8):
        batch.run(block, t, 1, out)
        raw = batch.logits.cpu().double().numpy()
        for row, voice in enumerate(voices):
            assert out[t, row] == together[t, voice]
            expected = draw_mixture(raw[row], float(trial.centre[t, voice]), uniform(0, voice, t))
            assert abs(int(out[t, row]) - expected) <= 1


def test_a_state_carried_over_continues_the_voice(trial, together):
    """Into another place and groups of the other size, at another turn of the rings."""
    first = trial.batch([1, 6], GROUPS[0])
    out = torch.zeros(len(together), 8, dtype=torch.int32, device=trial.weights.device)
    first.run(trial.block([1, 6], layout=GROUPS[0]), 0, 13, out)
    other, block = GpuBatch(trial.weights, 16, GROUPS[1]), trial.block([1, 6], layout=GROUPS[1])
    out = torch.zeros(len(together), 16, dtype=torch.int32, device=trial.weights.device)
    other.run(block, 0, 3, out)
    other.put([0, 1], first.states([0, 1]))
    other.run(block, 13, len(out) - 13, out)
    assert np.array_equal(out[13:, :2].cpu().numpy(), together[13:, [1, 6]])


def test_blocks_that_wait_in_vain_give_up(trial, monkeypatch):
    """After seconds; here before the first look."""
    monkeypatch.setattr(cluster, "PATIENCE", 0)
    with pytest.raises(OrchestrionError, match="waited for each other in vain"):
        trial.drawn([0], layout=GROUPS[0])


def test_the_check_passes_and_tells_of_faults(trial, monkeypatch):
    checking.clusters_play.cache_clear()
    monkeypatch.setattr(checking, "_trial", lambda config, n: trial)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert checking.clusters_play(CONFIG)
    checking.clusters_play.cache_clear()
    monkeypatch.setattr(checking, "TOLERANCE", 1e-9)
    with pytest.warns(UserWarning, match="standard deviations off"):
        assert not checking.clusters_play(CONFIG)
    checking.clusters_play.cache_clear()


def test_networks_that_clusters_do_not_take():
    assert cluster.unfit(PRESETS["medium"]) is None and cluster.unfit(PRESETS["small"]) is None
    assert "mixture" in cluster.unfit(PRESETS["paper"]) and "mixture" in cluster.unfit(UNDRIVEN["medium"])
    assert "layers" in cluster.unfit(dataclasses.replace(PRESETS["medium"], residual=128))
    assert "layers" in cluster.unfit(dataclasses.replace(PRESETS["medium"], layers=22))


@pytest.mark.parametrize("preset, most", [("small", 120 << 10), ("medium", 227 << 10)])
def test_what_ships_fits_into_the_shared_memory_of_a_block(preset, most):
    assert cluster.constants_of(PRESETS[preset], 2, cluster.MOST_GROUPS)["SHARED"] <= most


def test_machine_code_is_kept_and_what_is_damaged_made_anew(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(cluster, "folder", lambda source: tmp_path)
    monkeypatch.setattr(cluster, "nvrtc_version", lambda: (13, 0))
    monkeypatch.setattr(cluster, "compiled", lambda *arguments: made.append(arguments) or b"code")
    for constants in ({"TILES": 1}, {"TILES": 1}, {"TILES": 2}):
        assert cluster._code(constants, (9, 0)) == b"code"
    assert len(made) == 2
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    assert cluster._code({"TILES": 1}, (9, 0)) == b"code" and len(made) == 3


@pytest.mark.gpu
@pytest.mark.parametrize("preset", ["small", "medium"])
def test_presets_on_the_gpu(preset):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert checking.clusters_play(PRESETS[preset]) or not cluster.has_clusters(PRESETS[preset])
    if cluster.has_clusters(PRESETS[preset]):
        assert [cluster.loaded(PRESETS[preset], tiles).kernel.local_bytes for tiles in (1, 2)] == [0, 0]  # all in registers
