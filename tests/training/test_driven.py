"""Driven networks: what is mixed, learnt, kept and played."""

import dataclasses

import numpy as np
import pytest
import torch

from orchestrion import weights
from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.framenotes import FrameNotes
from orchestrion.bridge.sourcesignal import SourceSignal
from orchestrion.datasets.banks.fitted_cache import fitted
from orchestrion.datasets.banks.mixing import FittedBank, MixedPiece
from orchestrion.datasets.banks.notebank import open_folder
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.judge.fidelity import error_db, fidelity, level_errors, log_spectral_distance
from orchestrion.renderer.config import PRESETS
from orchestrion.renderer.instrument import Instrument
from orchestrion.score import Note
from orchestrion.training import learn as learning
from orchestrion.training.driven_task import SETTLE_FRAMES, DrivenSettings, DrivenTask
from tests.datasets.banks.notes import plucked, write_bank

RATE, HOP = 24000, 96
TINY = dataclasses.replace(
    PRESETS["small"], layers=4, cycle=4, residual=8, skip=16, head=16, context_channels=8, conditioning_channels=8, history=4, source_window=4
)


@pytest.fixture(scope="module")
def bank(tmp_path_factory) -> FittedBank:
    folder = write_bank(tmp_path_factory.mktemp("banks") / "harp", [60, 62, 64, 67])
    return FittedBank.fit(open_folder(folder), threads=1)


def piece(bank: FittedBank, notes: list[tuple[int, int, int, int]], n_frames: int = 300, name: str = "piece") -> MixedPiece:
    return MixedPiece(name, FrameNotes(*(np.array(column) for column in zip(*notes, strict=True))), n_frames, bank, HOP)


def test_a_mixture_is_its_notes_at_their_places_and_gains(bank):
    mixed = piece(bank, [(10, 60, 60, 100), (40, 80, 64, 50)]).mix(0, 300)
    first, second = bank.bank.notes[0], bank.bank.notes[2]
    expected = np.zeros(300 * HOP)
    for note, onset, offset, velocity in ((first, 10, 60, 100), (second, 40, 80, 50)):
        n = min(len(note.samples), 300 * HOP - onset * HOP)
        since = np.maximum(np.arange(n) - (offset - onset) * HOP, 0) / RATE
        gain = bank.bank.gain(note, velocity) * 10 ** (-since * bank.bank.release_db_s[note.pitch] / 20)
        expected[onset * HOP : onset * HOP + n] += gain * note.samples[:n]
    assert np.abs(mixed.samples - expected).max() < 2e-3  # what is 70 dB down is left out
    assert error_db(mixed.source, mixed.samples) < -12


def test_the_source_of_a_training_has_noise_along_the_recordings_own_phases(bank):
    """With it the source explains more of a note than its partials do."""
    note, fit = bank.bank.notes[0], bank.fits[0]
    n = int(0.3 * RATE)
    assert error_db(bank.sounding[0][:n], note.samples[:n]) < error_db(fit.source[:n], note.samples[:n]) - 1


def test_a_struck_note_begins_as_it_was_recorded(bank):
    """At its layer's velocity the source is the recording for three hundredths of a second; without attacks it is far from it."""
    source, note = bank.source(), bank.bank.notes[0]
    velocity = int(source.velocity[0])
    series = piece(bank, [(0, 250, note.pitch, velocity)]).series
    n = int(0.03 * RATE)
    recorded = bank.bank.gain(note, velocity) * note.samples[:n]
    ours, bare = (SourceSignal(series, s).samples(0, 250)[:n] for s in (source, dataclasses.replace(source, attack=None)))
    assert error_db(ours, recorded) < -30 and error_db(ours, recorded) < error_db(bare, recorded) - 10


def test_layers_have_attacks_and_shapes_of_noise_of_their_own(tmp_path):
    folder = write_bank(tmp_path / "harp", [60, 64], layers=((1, 63, 0.3), (64, 127, 1.0)))
    source = FittedBank.fit(open_folder(folder), threads=1).source()
    assert source.attack.shape[:2] == source.noise_shape_db.shape[:2] == (2, len(source.pitch))
    assert source.noise_modulation_db is None and source.is_struck
    again = type(source).from_tensors(source.tensors())
    assert np.array_equal(again.tensors()["noise_shape_db"], source.tensors()["noise_shape_db"])


def test_any_stretch_is_the_same_as_the_whole(bank):
    whole = piece(bank, [(10, 60, 60, 100), (40, 80, 64, 50)])
    everything, part = whole.mix(0, 300), whole.mix(50, 120, 7, noise_margin=(3, 5))
    assert np.array_equal(part.samples, everything.samples[50 * HOP - 7 : 120 * HOP + 7])
    assert np.allclose(part.noise, everything.noise[47:125], atol=1e-6)
    before = whole.mix(-2, 3)
    assert not before.samples[: 2 * HOP].any()


def test_a_crop_is_aligned_to_the_sample(bank):
    """The source's window, the codes and the code before them stand where they belong."""
    task = DrivenTask(TINY, [piece(bank, [(20, 200, 60, 100)])], [piece(bank, [(20, 200, 60, 90)])], DrivenSettings(noise_levels=0, gain_db=0, polarity=False, burst_share=0),
                      sources={"harp": bank.source()})  # fmt: skip
    crop = task.batch(0, 0, 1)
    coding, w = TINY.coding, TINY.source_window
    whole = task._train[0].mix(-1, 299)
    codes, emphasised = coding.encode(whole.samples), coding.emphasise(whole.source)
    n = crop["codes"].shape[1]
    starts = [s for s in range(0, len(codes) - n, HOP) if np.array_equal(codes[s : s + n], crop["codes"][0].numpy())]
    assert len(starts) == 1
    s = starts[0]
    assert np.array_equal(codes[s - 1 : s + n - 1], crop["before"][0].numpy())
    assert np.allclose(emphasised[s - w : s + n + w], crop["signal"][0].numpy(), atol=1e-6)
    past, future = TINY.context_frames
    assert crop["frames"].shape[1] == n // HOP + past + future


def test_history_may_stand_wrong_and_the_targets_stay(bank):
    """Bursts and the network's own draws change what the network hears of its past, never what it is to predict."""
    pieces = [piece(bank, [(20, 200, 60, 100)])]
    plain = DrivenSettings(noise_levels=0, gain_db=0, polarity=False, burst_share=0)

    def crop(**changes: float) -> tuple[DrivenTask, dict[str, torch.Tensor]]:
        task = DrivenTask(TINY, pieces, pieces, dataclasses.replace(plain, **changes), sources={"harp": bank.source()})
        return task, task.batch(0, 0, 1)

    _, clean = crop()
    _, burst = crop(burst_share=1.0)
    wrong = (burst["before"] != clean["before"]).float().mean()
    assert 0 < wrong < 0.8 and torch.equal(burst["codes"], clean["codes"]) and torch.equal(burst["signal"], clean["signal"])
    task, own = crop(own_share=1.0)
    drawn = task._own_past(task.model, own)
    assert torch.equal(own["before"], clean["before"]) and torch.equal(drawn[:, 0], own["before"][:, 0])
    assert (drawn != own["before"]).float().mean() > 0.9
    assert torch.equal(drawn, task._own_past(task.model, own))  # the same step, the same draws
    assert torch.isfinite(task.loss(task.model, own))


def test_the_loss_falls_and_the_source_makes_the_difference(bank):
    train = [piece(bank, [(10 + 30 * i, 38 + 30 * i, p, 90) for i, p in enumerate((60, 64, 67, 62, 60, 67))], name="train")]
    settings = DrivenSettings(crop_frames=48)
    task = DrivenTask(TINY, train, train, settings, sources={"harp": bank.source()})
    optimizer = torch.optim.Adam(task.model.parameters(), 4e-3)
    losses = []
    for step in range(60):
        loss = task.loss(task.model, task.batch(step, 0, 1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-10:]) < np.mean(losses[:10]) - 1
    measures = task.validate(task.model)
    assert measures["bits_per_sample_other_score"] > measures["bits_per_sample"] + 0.5
    assert 0 < measures["loss"] == measures["cost"] >= measures["distance_db"] and "distance_db/harp" in measures
    assert SETTLE_FRAMES < settings.crop_frames


def test_what_is_saved_plays_as_an_instrument(bank, tmp_path):
    one = piece(bank, [(10, 60, 60, 100)])
    task = DrivenTask(TINY, [one], [one], DrivenSettings(), sources={"harp": bank.source()})
    task.save(tmp_path / "model.safetensors", task.model, {})
    instrument = Instrument.load(tmp_path / "model.safetensors")
    assert instrument.source is not None and np.array_equal(instrument.source.pitch, bank.source().pitch)
    from orchestrion.score import Part, Score

    audio = instrument.render(Score((Part("", 0, (Note(0.0, 0.3, 60, 90),)),)), seed=1)
    assert audio.sample_rate == RATE and np.isfinite(audio.samples).all() and np.abs(audio.samples).max() > 0.01


def test_the_tables_play_as_loud_as_the_notes(bank):
    source = bank.source()
    for pitch in (60, 67):
        for velocity in (12, 40, 100):
            series = ConditioningSeries.from_notes([Note(0.0, 1.0, pitch, velocity)], sample_rate=RATE, hop=HOP)
            played = SourceSignal(series, source).samples(0, series.n_frames)
            reference = piece(bank, [(0, 250, pitch, velocity)], 500).mix(0, 500).samples
            assert abs(level_errors(played, reference, [Note(0.0, 1.0, pitch, velocity)], RATE)[0]) < 0.3


def test_pitches_between_are_filled_and_marked(bank):
    source = bank.source()
    assert list(source.pitch) == list(range(60, 68)) and list(source.pitch[source.heard]) == [60, 62, 64, 67]
    assert source.f1_hz[1] == pytest.approx(440 * 2 ** (-8 / 12), rel=1e-3)


def test_fits_come_from_the_cache_unless_it_is_damaged(bank, tmp_path):
    first = fitted(bank.bank, cache_dir=tmp_path, threads=1)
    paths = sorted(tmp_path.glob("*.safetensors"))
    assert len(paths) == len(bank.bank.notes)
    again = fitted(bank.bank, cache_dir=tmp_path, threads=1)
    assert all(np.array_equal(a.source, b.source) and np.array_equal(a.level_db, b.level_db) for a, b in zip(first.fits, again.fits, strict=True))
    for path in paths:
        path.write_bytes(path.read_bytes()[:1000])
    anew = fitted(bank.bank, cache_dir=tmp_path, threads=1)
    assert np.array_equal(anew.fits[0].source, first.fits[0].source) and all(path.stat().st_size > 1000 for path in paths)


def test_learn_makes_an_instrument_that_plays(tmp_path, monkeypatch):
    folder = write_bank(tmp_path / "harp", [60, 64])
    one = MixedPiece("p", FrameNotes(*(np.array([v]) for v in (0, 50, 60, 90))), 60, FittedBank.fit(open_folder(folder), threads=1), HOP)
    task = DrivenTask(TINY, [one], [one], DrivenSettings(), sources={"a": one._fitted.source(), "b": one._fitted.source()})
    network = tmp_path / "network-orchestra.safetensors"
    task.save(network, task.model, {})
    monkeypatch.setattr("orchestrion.shipped.FOLDER", tmp_path)
    monkeypatch.setenv("ORCHESTRION_CACHE", str(tmp_path / "cache"))
    found = learning.learn(folder, tmp_path / "mine.safetensors", threads=1)
    assert found["notes"] == 5 and found["pitches_heard"] == 2 and found["source_explains_db"] > 12
    mine = Instrument.load(tmp_path / "mine.safetensors")
    assert mine.pitch_range == (60, 64) and mine.source is not None
    assert mine.trust == learning.UNHEARD_TRUST and np.array_equal(mine.unsourced().parameters.arrays["w_out"], task.model.w_out.detach().numpy())


def test_what_learn_can_be_given_is_said_where_there_is_nothing(tmp_path):
    """Only recordings were named, of the four kinds."""
    with pytest.raises(OrchestrionError, match="There is no folder .*notes: give single notes .a folder with index.tsv, an SFZ or SoundFont file, or soundfont:NAME"):
        learning.learn(tmp_path / "notes", tmp_path / "mine.safetensors")


def test_a_calibrated_instrument_plays_at_its_loudness_and_the_network_hears_the_same(bank):
    from orchestrion.evaluation.listening.loudness import integrated_loudness
    from orchestrion.score import BUILTIN_TUNES

    source, config = learning.calibrated(bank.source(), TINY)
    tune = BUILTIN_TUNES["ode-to-joy"]
    audio = learning._alone(tune, source, config)
    assert abs(integrated_loudness(audio) + 20) < 2 or learning.true_peak_db(audio) > -4
    assert learning.true_peak_db(audio) <= -1
    series = ConditioningSeries.from_score(tune, sample_rate=RATE, hop=HOP)
    before = TINY.coding.emphasise(SourceSignal(series, bank.source()).samples(0, 500))
    after = config.coding.emphasise(SourceSignal(series, source).samples(0, 500))
    assert np.allclose(before, after, atol=1e-4)


def test_an_instrument_of_tables_alone_takes_the_shared_network_or_says_why_not(bank, tmp_path, monkeypatch):
    one = piece(bank, [(10, 60, 60, 100)])
    task = DrivenTask(TINY, [one], [one], DrivenSettings(), sources={"a": bank.source(), "b": bank.source()})
    task.save(tmp_path / "network-orchestra.safetensors", task.model, {})
    monkeypatch.setattr("orchestrion.shipped.FOLDER", tmp_path)
    _, facts = weights.load(tmp_path / "network-orchestra.safetensors")
    header = learning.metadata(bank.bank.information, bank.bank.pitch_range, TINY, {}) | {"network": {"name": "orchestra", "sha256": facts["sha256"]}}
    weights.save(tmp_path / "harp.safetensors", learning.source_tensors(bank.source()), header)
    assert torch.equal(Instrument.load("harp").model.w_out, task.model.w_out)
    weights.save(tmp_path / "old.safetensors", learning.source_tensors(bank.source()), header | {"network": {"name": "orchestra", "sha256": "0"}})
    with pytest.raises(OrchestrionError, match="another version of the network"):
        Instrument.load(tmp_path / "old.safetensors")
    with pytest.raises(OrchestrionError, match="cannot play by itself"):
        Instrument.load(tmp_path / "network-orchestra.safetensors")


def test_fidelity_tells_level_spectrum_and_missing_notes():
    notes = [Note(0.0, 0.5, 60, 90), Note(0.6, 1.1, 64, 90)]
    reference = np.concatenate([plucked(60, 0.6), plucked(64, 0.6)])
    same = fidelity(reference, reference, notes, RATE)
    assert same.distance_db == 0 and same.level_db < 1e-6 and same.missing == 0
    softer = fidelity(reference / 2, reference, notes, RATE)
    assert softer.level_db == pytest.approx(6.02, abs=0.01) and 3 < softer.distance_db < 6.1  # bands near the floor differ by less
    lost = reference.copy()
    lost[int(0.6 * RATE) :] = 0
    assert fidelity(lost, reference, notes, RATE).missing == 0.5
    other = np.concatenate([plucked(64, 0.6), plucked(60, 0.6)])
    assert log_spectral_distance(other, reference, RATE) > 3


def test_every_note_of_an_instrument_is_measured_and_drawn(bank, tmp_path):
    from orchestrion.evaluation.figures.notes import draw_notes
    from orchestrion.evaluation.judge.notes_test import notes_test

    one = piece(bank, [(10, 60, 60, 100)])
    task = DrivenTask(TINY, [one], [one], DrivenSettings(), sources={"harp": bank.source()})
    with torch.no_grad():  # a network that plays its source as it is: one narrow logistic about the centre
        for parameter in task.model.parameters():
            parameter.zero_()
        task.model.b_out[-TINY.mixtures :] = -7.0
    task.save(tmp_path / "model.safetensors", task.model, {})
    report = notes_test(tmp_path / "model.safetensors", bank, velocities=(12, 80), storage="float32")
    found = report.summary()
    assert report.level_db.shape == (4, 2) and found["missing"] == 0 and found["level_error_db_mean"] < 0.5
    assert abs(found["distance_db"] - found["distance_db_source_alone"]) < 0.3
    assert 0 < found["distance_db_between_draws"] < found["distance_db_source_alone"]  # the source is nearer to itself than to what was recorded
    assert found["short_missing"] == 0 and abs(found["release_late_s_worst"]) < 0.06 and found["soft_note_after_rest_db"] > -1
    assert found["long_level_error_db_worst"] < 1 and found["long_partials_error_db_worst"] < 1
    draw_notes(tmp_path / "notes.png", report, "harp")
    assert (tmp_path / "notes.png").stat().st_size > 5000
    softer = dataclasses.replace(bank.source(), level_db=bank.source().level_db - 20)
    weights.save(tmp_path / "soft.safetensors", task.model.state_dict() | learning.source_tensors(softer), learning.metadata(bank.bank.information, bank.bank.pitch_range, TINY, {}))
    assert notes_test(tmp_path / "soft.safetensors", bank, velocities=(80,)).summary()["missing"] == 4


def test_two_recordings_of_one_note_are_told_from_one(bank):
    from orchestrion.evaluation.judge.notes_test import _between_takes

    assert np.isnan(_between_takes(60, 80, bank))
    note, fit = bank.bank.notes[0], bank.fits[0]
    again = dataclasses.replace(note, samples=np.ascontiguousarray(note.samples * np.linspace(1, 0.5, len(note.samples), dtype=np.float32)))
    two = FittedBank(dataclasses.replace(bank.bank, notes=(*bank.bank.notes, again)), (*bank.fits, fit))
    assert 0.05 < _between_takes(60, 80, two) < 6


def test_what_the_table_holds_is_told_from_another_layer(bank, tmp_path):
    from orchestrion.evaluation.judge.notes_test import _held_distance
    from orchestrion.renderer.instrument import Instrument

    soft, loud = (dataclasses.replace(note, velocity_low=low, velocity_high=high) for note, low, high in ((bank.bank.notes[0], 1, 63), (bank.bank.notes[0], 64, 127)))
    dull = dataclasses.replace(soft, samples=np.convolve(soft.samples, np.ones(8, np.float32) / 8, "same").astype(np.float32))
    layered = FittedBank.fit(dataclasses.replace(bank.bank, notes=(dull, loud)), threads=1)
    one = piece(bank, [(10, 60, 60, 100)])
    task = DrivenTask(TINY, [one], [one], DrivenSettings(), sources={"harp": layered.source()})
    task.save(tmp_path / "model.safetensors", task.model, {})
    player = Instrument.load(tmp_path / "model.safetensors")
    held = _held_distance(60, 80, layered, player)
    other = FittedBank(dataclasses.replace(layered.bank, notes=(dull, dataclasses.replace(dull, velocity_low=64, velocity_high=127))), layered.fits)
    assert held < 1 < _held_distance(60, 80, other, player) and np.isnan(_held_distance(60, 80, bank, player))
