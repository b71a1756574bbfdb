"""Recordings with notes train a driven network and become instruments, as banks of single notes do."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from orchestrion import weights
from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.sourcesignal import SourceSignal
from orchestrion.datasets.recordings.aligned import AlignedSet
from orchestrion.datasets.tracking.tracked import TrackedSet, tracked
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.figures.source import harmonic_db, noise_db
from orchestrion.evaluation.judge.fidelity import level_errors
from orchestrion.options import Crops, Training
from orchestrion.renderer.config import PRESETS
from orchestrion.renderer.instrument import Instrument
from orchestrion.score import Note
from orchestrion.training import learn as learning
from orchestrion.training import trial_playing
from orchestrion.training.driven_task import DrivenSettings, DrivenTask
from orchestrion.training.settings import LoopSettings
from orchestrion.training.train_driven import train_driven
from orchestrion.training.train_renderer import train_instrument
from orchestrion.training.trial_playing import excerpts, play_held_out
from tests.datasets.tracking.played import RATE, write_set

HOP = 96
TINY = dataclasses.replace(
    PRESETS["small"], layers=4, cycle=4, residual=8, skip=16, head=16, context_channels=8, conditioning_channels=8, history=4, source_window=4
)
LOOP = LoopSettings(steps=2, precision="32-true", threads=1)
TRAINING = Training(steps=2, precision="32-true", threads=1, compiled=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp("sets") / "piano", program=0)


@pytest.fixture(autouse=True)
def settings(monkeypatch, folder):
    monkeypatch.setenv("ORCHESTRION_CACHE", str(folder.parent / "cache"))
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    monkeypatch.setattr(trial_playing, "LISTEN_S", 1.5)


@pytest.fixture
def found(folder) -> TrackedSet:
    recordings = AlignedSet.open(folder, sample_rate=RATE, hop=HOP)
    return tracked("piano", recordings.split("train"), recordings.split("validation"), stretched=True, threads=1)


def faithful(found: TrackedSet) -> DrivenTask:
    """A network that plays its source as it is: one narrow logistic about the centre."""
    task = DrivenTask(TINY, found.train, found.validation, DrivenSettings(noise_levels=0, gain_db=0, polarity=False), sources={"piano": found.source})
    with torch.no_grad():
        for parameter in task.model.parameters():
            parameter.zero_()
        task.model.b_out[-TINY.mixtures :] = -7.0
    return task


def test_a_crop_is_aligned_to_the_sample(found):
    """The source's window, the codes and the code before them stand where they belong, in a recording as in a mixture."""
    task = faithful(found)
    crop, coding, w = task.batch(0, 0, 1), TINY.coding, TINY.source_window
    n = crop["codes"].shape[1]
    places = []
    for piece in found.train:
        whole = piece.mix(-1, piece.n_frames)
        codes, emphasised = coding.encode(whole.samples), coding.emphasise(whole.source)
        for s in range(HOP, len(codes) - n - w, HOP):
            if np.array_equal(codes[s : s + n], crop["codes"][0].numpy()):
                places.append(s)
                assert np.array_equal(codes[s - 1 : s + n - 1], crop["before"][0].numpy())
                assert np.allclose(emphasised[s - w : s + n + w], crop["signal"][0].numpy(), atol=1e-6)
    assert len(places) == 1


def test_a_network_that_plays_its_source_is_as_near_as_the_source(found):
    heard = play_held_out(faithful(found).model, found.validation, {"piano": found.source}, seconds=2.0)
    assert len(heard) == trial_playing.EXCERPTS
    for one in heard:
        assert abs(one.network.distance_db - one.source_alone.distance_db) < 0.5
        assert one.network.distance_db < 4 and one.network.missing == 0
        assert one.cost >= one.network.distance_db
    assert np.mean([one.f1_reference for one in heard]) > 0.6


def test_the_tables_play_held_out_music_at_its_level(found):
    piece = found.validation[0]
    played = SourceSignal(piece.series, found.source).samples(0, piece.n_frames)
    errors = level_errors(played, piece.mix(0, piece.n_frames).samples, piece.notes, RATE)
    assert abs(np.median(errors)) < 1.0 and np.mean(np.abs(errors)) < 2.0


def test_the_residual_that_is_drawn_lies_below_the_partials(found):
    """Noise of -80 dB under partials of -20 dB and so, in the first second."""
    below = (noise_db(found.source, 1) - harmonic_db(found.source, 1))[:, 3:15]
    assert np.median(below) < -25
    assert harmonic_db(found.source, 3).mean() > harmonic_db(found.source, 0).mean() + 10


def test_excerpts_are_openings_first_and_one_of_each_of_many_banks(found):
    piece, other = found.validation[0], dataclasses.replace(found.validation[0], bank_name="other")
    chosen = excerpts([piece, piece], 500)
    assert [start for _, start in chosen[:2]] == [0, 0] and len(chosen) == trial_playing.EXCERPTS
    assert all(start % 500 == 0 and start + 500 <= piece.n_frames for _, start in chosen)
    many = [dataclasses.replace(other, bank_name=f"bank {i}") for i in range(9)]
    assert [(p.bank_name, start) for p, start in excerpts(many, 500)] == [(p.bank_name, 0) for p in many]


def test_training_on_recordings_makes_an_instrument(folder, tmp_path):
    run, said = tmp_path / "run", []
    measures = train_instrument([folder], run, TRAINING, preset="tiny", tell=said.append)
    assert measures["bits_per_sample"] > 0 and measures["loss"] == measures["cost"] and 0 < measures["ceiling_note_f1_50ms"] <= 1
    assert any("the source explains" in sentence for sentence in said) and (run / "material.png").is_file()
    assert (run / "source.png").read_bytes().startswith(b"\x89PNG")
    mine = Instrument.load(run / "model.safetensors")
    assert mine.metadata["licence"] == "CC0 1.0" and mine.source is not None and mine.pitch_range[1] <= 72
    assert mine.metadata["data"]["source_explains_db"] > 12
    onwards = train_driven([run.parent / folder], tmp_path / "second", preset="tiny", start_from=run / "model.safetensors", loop=LOOP)
    assert onwards["bits_per_sample"] > 0


def test_what_is_for_networks_without_a_source_is_refused(folder, tmp_path):
    with pytest.raises(OrchestrionError, match="for networks without a harmonic source"):
        train_instrument([folder], tmp_path / "run", TRAINING, Crops(rest_share=0.1), preset="tiny")
    with pytest.raises(OrchestrionError, match="only where a harmonic source drives it"):
        train_instrument([folder, folder], tmp_path / "run", TRAINING, preset="paper")
    with pytest.raises(OrchestrionError, match="no preset 'huge'"):
        train_instrument([folder], tmp_path / "run", TRAINING, preset="huge")


def test_training_begins_with_the_network_of_an_instrument_that_is_tables_alone(folder, found, tmp_path, monkeypatch):
    task = DrivenTask(TINY, found.train, found.validation, DrivenSettings(), sources={"a": found.source, "b": found.source})
    task.save(tmp_path / "network-orchestra.safetensors", task.model, {})
    monkeypatch.setattr("orchestrion.shipped.FOLDER", tmp_path)
    _, facts = weights.load(tmp_path / "network-orchestra.safetensors")
    louder = dataclasses.replace(TINY, gain=1.5)
    header = learning.metadata({}, (48, 72), louder, {}) | {"network": {"name": "orchestra", "sha256": facts["sha256"]}}
    weights.save(tmp_path / "mine.safetensors", learning.source_tensors(found.source), header)
    measures = train_driven([folder], tmp_path / "run", preset="tiny", start_from="mine", loop=LOOP)
    assert measures["bits_per_sample"] > 0
    weights.save(tmp_path / "lost.safetensors", learning.source_tensors(found.source), header | {"network": "orchestra"})
    with pytest.raises(OrchestrionError, match="does not say which network"):
        train_driven([folder], tmp_path / "no", preset="tiny", start_from=tmp_path / "lost.safetensors", loop=LOOP)


def test_learn_makes_an_instrument_of_recordings(folder, found, tmp_path, monkeypatch):
    task = DrivenTask(TINY, found.train, found.validation, DrivenSettings(), sources={"a": found.source, "b": found.source})
    task.save(tmp_path / "network-orchestra.safetensors", task.model, {})
    monkeypatch.setattr("orchestrion.shipped.FOLDER", tmp_path)
    measured = learning.learn(folder, tmp_path / "mine.safetensors", threads=1)
    assert measured["pitches_heard"] == int(found.source.heard.sum()) and measured["source_explains_db"] > 12
    assert (tmp_path / "mine.png").read_bytes().startswith(b"\x89PNG")
    mine = Instrument.load(tmp_path / "mine.safetensors")
    assert mine.source is not None and mine.metadata["licence"] == "CC0 1.0"
    series = ConditioningSeries.from_notes([Note(0.0, 0.5, 60, 60)], sample_rate=RATE, hop=HOP)
    louder, plain = (SourceSignal(series, source).samples(0, 100) for source in (mine.source, found.source))
    assert 20 * np.log10(np.abs(louder).max() / np.abs(plain).max()) == pytest.approx(mine.gain_db, abs=0.1)
