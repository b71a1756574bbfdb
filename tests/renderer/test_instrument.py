"""Instruments: loading what training saves, playing, provenance, range."""

import dataclasses

import numpy as np
import pytest
import torch

from orchestrion import weights
from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.noise import N_BANDS, N_FINE
from orchestrion.bridge.source import N_AGES, SILENT_DB, Vibrato, plain_source
from orchestrion.bridge.sourcesignal import SourceSignal
from orchestrion.errors import OrchestrionError
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.network import WaveNet
from orchestrion.score import Note, Part, Score

CONFIG = WaveNetConfig(
    layers=4, cycle=4, residual=16, skip=32, head=32, levels=64, context_channels=8, conditioning_channels=8, harmonics=2
)
METADATA = {
    "architecture": "wavenet", "config": CONFIG.to_dict(), "pitch_range": [55, 96], "temperature": 0.9, "notice": "Non-commercial.",
}  # fmt: skip
SCORE = Score((Part("tune", 0, (Note(0.0, 0.1, 60, 90), Note(0.1, 0.2, 40, 90))),), title="Two notes")


@pytest.fixture
def path(tmp_path):
    torch.manual_seed(0)
    half = {name: tensor.half() for name, tensor in WaveNet(CONFIG).state_dict().items()}
    weights.save(tmp_path / "toy.safetensors", half, METADATA)
    return tmp_path / "toy.safetensors"


def test_an_instrument_knows_what_its_file_says(path):
    toy = Instrument.load(path)
    assert (toy.name, toy.config, toy.pitch_range, toy.temperature) == ("toy", CONFIG, (55, 96), 0.9)
    assert toy.notice == "Non-commercial." and len(toy.checksum) == 64
    assert toy.outside_range(SCORE) == (40,)
    assert Instrument.load(toy) is toy
    assert all(p.dtype == torch.float32 and not p.requires_grad for p in toy.model.parameters())


def test_same_seed_same_audio_and_its_origin_in_the_tags(path):
    toy = Instrument.load(path)
    one, two, other = (toy.render(SCORE, seed=seed, tail_s=0.05) for seed in (3, 3, 4))
    assert np.array_equal(one.samples, two.samples) and not np.array_equal(one.samples, other.samples)
    assert one.sample_rate == 16000 and len(one.samples) == pytest.approx(0.25 * 16000, abs=64)
    assert one.tags["comment"] == "machine-generated" and one.tags["seed"] == "3" and toy.checksum[:12] in one.tags["model"]


@pytest.mark.parametrize("broken", [{"config": None}, {"config": {"layers": 3}}, {"config": CONFIG.to_dict() | {"residual": 8}}])
def test_a_file_whose_config_is_missing_or_does_not_fit_is_refused(path, broken):
    tensors, _ = weights.load(path)
    weights.save(path, tensors, METADATA | broken)
    with pytest.raises(OrchestrionError):
        Instrument.load(path)


DRIVEN = dataclasses.replace(
    CONFIG, levels=256, harmonics=0, source_window=4, mixtures=2, history=5, preemphasis=0.85, gain=2.0, sample_rate=24000, hop=96
)  # fmt: skip


def test_a_driven_instrument_carries_its_source(tmp_path):
    tensors, metadata = WaveNet(DRIVEN).state_dict(), METADATA | {"config": DRIVEN.to_dict()}
    tables = {f"source.{name}": torch.from_numpy(table) for name, table in plain_source(24000).tensors().items()}
    weights.save(tmp_path / "driven.safetensors", tensors | tables, metadata)
    driven = Instrument.load(tmp_path / "driven.safetensors")
    assert driven.source is not None and np.array_equal(driven.source.f1_hz, plain_source(24000).f1_hz)
    audio = driven.render(SCORE, seed=1, tail_s=0.05)
    assert audio.sample_rate == 24000 and np.isfinite(audio.samples).all() and np.abs(audio.samples).max() > 0.01
    for broken in ({}, tables | {"source.pitch": torch.full((128,), 3)}):
        weights.save(tmp_path / "bare.safetensors", tensors | broken, metadata)
        with pytest.raises(OrchestrionError, match="bare.safetensors cannot play by itself"):
            Instrument.load(tmp_path / "bare.safetensors")


def test_noise_and_vibrato_are_turned_up_and_down(tmp_path):
    contours = np.tile(np.linspace(-20, 20, 50, dtype=np.float32), (128, 1))
    noisy = dataclasses.replace(
        plain_source(24000), noise_db=np.full((1, 128, N_FINE, N_AGES), -60, np.float32), vibrato=Vibrato(12.0), contour_cents=contours
    )
    tables = {f"source.{name}": torch.from_numpy(table) for name, table in noisy.tensors().items()}
    weights.save(tmp_path / "driven.safetensors", WaveNet(DRIVEN).state_dict() | tables, METADATA | {"config": DRIVEN.to_dict()})
    driven = Instrument.load(tmp_path / "driven.safetensors")
    louder, silent = driven.adjusted(noise=2.0, vibrato=0.5).source, driven.adjusted(noise=0.0).source
    assert np.allclose(louder.noise_db, -60 + 6.02, atol=0.01) and louder.vibrato.cents == 6.0
    assert np.allclose(driven.adjusted(vibrato=0.5).source.contour_cents, contours / 2, atol=0.25)
    assert np.all(silent.noise_db == SILENT_DB) and np.array_equal(silent.level_db, driven.source.level_db)
    assert driven.adjusted() is driven
    with pytest.raises(OrchestrionError, match="Noise of -1"):
        driven.adjusted(noise=-1.0)


def test_a_network_can_be_heard_without_its_source(tmp_path):
    tables = {f"source.{name}": torch.from_numpy(table) for name, table in plain_source(24000).tensors().items()}
    weights.save(tmp_path / "driven.safetensors", WaveNet(DRIVEN).state_dict() | tables, METADATA | {"config": DRIVEN.to_dict()})
    driven = Instrument.load(tmp_path / "driven.safetensors")
    bare = driven.unsourced()
    series = ConditioningSeries.from_notes(SCORE.notes, sample_rate=24000, hop=96)
    assert np.abs(SourceSignal(series, driven.source).samples(0, 100)).max() > 0.01
    assert np.abs(SourceSignal(series, bare.source).samples(0, 100)).max() < 1e-4
    assert bare.parameters.arrays is driven.parameters.arrays and bare.unsourced().source is not None


def test_a_network_that_is_trusted_less_stays_nearer_to_its_source(tmp_path):
    torch.manual_seed(0)
    tables = {f"source.{name}": torch.from_numpy(table) for name, table in plain_source(24000).tensors().items()}
    network = WaveNet(DRIVEN).state_dict()
    network["w_out"] *= 0.1

    def saved(name: str, **trust: float) -> Instrument:
        weights.save(tmp_path / name, network | tables, METADATA | {"config": DRIVEN.to_dict(), "temperature": 0.01} | trust)
        return Instrument.load(tmp_path / name)

    whole, quarter, hardly = saved("whole.safetensors"), saved("quarter.safetensors", trust=0.25), saved("hardly.safetensors", trust=0.001)
    assert (whole.trust, quarter.trust) == (1.0, 0.25)
    series = ConditioningSeries.from_notes(SCORE.notes, sample_rate=24000, hop=96)
    alone = SourceSignal(series, whole.source).samples(0, series.n_frames)
    played = [player.render(SCORE, seed=1, tail_s=0.0).samples for player in (whole, quarter, hardly)]
    beside = [float(np.abs(samples - alone[: len(samples)]).max()) for samples in played]
    assert beside[0] > 2 * beside[1] > 0 and beside[2] < 0.1 * beside[0]
    without = quarter.unsourced()
    assert without.trust == 1.0 and all(np.array_equal(array, whole.parameters.arrays[name]) for name, array in without.parameters.arrays.items())
    with pytest.raises(OrchestrionError, match="'trust' is not a number above 0 and up to 1"):
        saved("never.safetensors", trust=0.0)


def test_noise_of_an_older_file_is_as_much_louder_as_its_partials(tmp_path):
    tables = {f"source.{name}": torch.from_numpy(table) for name, table in plain_source(24000).tensors().items() if name != "louder_db"}
    tables["source.noise_db"] = torch.full((1, 128, N_BANDS, N_AGES), -60.0, dtype=torch.float16)
    header = METADATA | {"config": DRIVEN.to_dict(), "gain_db": 5.0}
    weights.save(tmp_path / "old.safetensors", WaveNet(DRIVEN).state_dict() | tables, header)
    source = Instrument.load(tmp_path / "old.safetensors").source
    assert source.louder_db == 5.0 and np.allclose((10 ** (source.noise_db[0, 60, :, 0] / 10)).sum(), N_BANDS * 10**-5.5, rtol=1e-3)


def test_a_shipped_instrument_with_a_softmax_loads_and_plays():
    old = Instrument.load("violin-unconditioned")
    assert not old.config.mixtures and old.source is None
    audio = old.render(SCORE, seed=1, tail_s=0.0)
    assert audio.sample_rate == 16000 and np.abs(audio.samples).max() > 0.01


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(OrchestrionError, match="kazoo"):
        Instrument.load("kazoo")
