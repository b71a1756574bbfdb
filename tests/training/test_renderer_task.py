"""Training a renderer: batches belong to their steps, crops line up with their score, the score comes to matter."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch

from orchestrion import weights
from orchestrion.audio import Waveform
from orchestrion.bridge import ConditioningSeries
from orchestrion.datasets.recordings.aligned import AlignedSet
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.judge.bits_per_sample import bits_per_sample
from orchestrion.options import Crops
from orchestrion.renderer.config import PRESETS, WaveNetConfig
from orchestrion.renderer.features import excitation
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.mulaw import decode
from orchestrion.renderer.network import WaveNet
from orchestrion.score import Note
from orchestrion.training.renderer_task import SETTLE_FRAMES, RendererTask
from orchestrion.training.settings import LoopSettings
from orchestrion.training.train_renderer import train_renderer

TINY = WaveNetConfig(
    layers=4, cycle=4, residual=16, skip=16, head=32, levels=64, context_channels=16, conditioning_channels=8,
    pitch_low=60, pitch_high=83, harmonics=2,
)  # fmt: skip
CROPS = Crops(crop_frames=24, gain_db=0, polarity=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three pieces of pure tones whose phase is zero at every note's frame."""
    path = tmp_path_factory.mktemp("tones")
    rng = np.random.default_rng(0)
    for number in range(3):
        notes = [Note(0.2 * k, 0.2 * k + 0.16, int(rng.integers(60, 84)), 100) for k in range(15)]
        series = ConditioningSeries.from_notes(notes, duration_s=3.2, tail_s=0)
        Waveform(0.6 * excitation(series, TINY)[:, 0], 16000).write(path / f"tones{number}.wav")
        rows = "".join(f"{n.onset_s:.4f}\t{n.offset_s:.4f}\t{n.pitch}\t{n.velocity}\n" for n in notes)
        (path / f"tones{number}.tsv").write_text("onset_s\toffset_s\tpitch\tvelocity\n" + rows)
    (path / "splits.json").write_text(json.dumps({"train": ["tones0", "tones1"], "validation": ["tones2"]}))
    return path


@pytest.fixture
def recordings(folder, tmp_path):
    return AlignedSet.open(folder, cache_dir=tmp_path)


def task(recordings, crops=CROPS, config=TINY, seed=0):
    return RendererTask(config, recordings.split("train"), recordings.split("validation"), crops, seed=seed)


def test_a_batch_depends_on_seed_step_and_process_alone(recordings):
    one, two = task(recordings), task(recordings)
    for name, tensor in one.batch(7, 0, 2).items():
        assert torch.equal(tensor, two.batch(7, 0, 2)[name])
    assert not torch.equal(one.batch(7, 0, 2)["targets"], one.batch(8, 0, 2)["targets"])
    assert not torch.equal(one.batch(7, 0, 2)["targets"], one.batch(7, 1, 2)["targets"])


def test_crops_line_up_with_their_excitation(recordings):
    """These tones are their own excitation, so at every sample of any crop the two agree."""
    clean = Crops(crop_frames=24, noise_levels=0.0)
    for step in range(5):
        batch = task(recordings, clean).batch(step, 0, 1)
        settle = SETTLE_FRAMES * TINY.hop
        audio = decode(batch["targets"][0].numpy(), TINY.levels)
        np.testing.assert_allclose(audio, 0.6 * batch["excitation"][0, settle:, 0].numpy(), atol=0.05)
        assert torch.equal(batch["levels"][0, settle + 1 :], batch["targets"][0, :-1])


def test_a_louder_or_softer_past_leaves_the_targets(recordings):
    steady = task(recordings, Crops(crop_frames=24, noise_levels=0.0))
    moved = task(recordings, Crops(crop_frames=24, noise_levels=0.0, history_gain_db=20.0))
    ratios = []
    for step in range(12):
        heard, past = (np.abs(decode(t.batch(step, 0, 1)["levels"].numpy())).max() for t in (moved, steady))
        ratios.append(heard / past)
    assert 3 <= sum(np.isclose(ratio, 1.0) for ratio in ratios) <= 9
    assert min(ratios) < 0.8 or max(ratios) > 1.2
    assert moved.batch(3, 0, 1)["targets"].equal(steady.batch(3, 0, 1)["targets"])


def test_some_crops_are_rests_in_which_the_sound_dies_away(recordings):
    plain, resting = (task(recordings, Crops(crop_frames=24, noise_levels=0, rest_share=s)) for s in (0, 0.3))
    n_rests = 0
    for step in range(60):
        usual, crop = plain.batch(step, 0, 1), resting.batch(step, 0, 1)
        settle = SETTLE_FRAMES * TINY.hop
        sound, target = (np.abs(decode(c["targets"][0].numpy(), TINY.levels)) for c in (usual, crop))
        if crop["excitation"].any():
            assert all(torch.equal(crop[name], usual[name]) for name in usual)
            continue
        n_rests += 1
        assert not crop["frames"].any()
        assert target[-64:].max() < 0.7 * sound[-64:].max() + 0.01
        heard = np.abs(decode(crop["levels"][0, settle + 1 :].numpy(), TINY.levels))
        assert np.all(heard >= target[:-1] - 1e-6)
    assert 8 <= n_rests <= 29


def test_noise_jitters_the_history_and_leaves_the_targets(recordings):
    clean = task(recordings, Crops(crop_frames=24, noise_levels=0.0)).batch(3, 0, 1)
    noisy = task(recordings, Crops(crop_frames=24, noise_levels=2.0)).batch(3, 0, 1)
    assert torch.equal(clean["targets"], noisy["targets"])
    off = (clean["levels"] - noisy["levels"]).float()
    assert 0 < off.abs().max() <= 10 and abs(off.mean()) < 0.3


def test_gain_and_polarity_change_the_audio_and_keep_the_score(recordings):
    plain = task(recordings).batch(0, 0, 1)
    varied = [task(recordings, dataclasses.replace(CROPS, gain_db=6.0, polarity=True), seed=0).batch(0, 0, 1)]
    assert torch.equal(plain["frames"], varied[0]["frames"])
    assert not torch.equal(plain["targets"], varied[0]["targets"])


def test_a_network_that_knows_nothing_needs_all_its_bits(recordings):
    model = WaveNet(TINY)
    for parameter in model.parameters():
        parameter.data.zero_()
    told: list[float] = []
    assert bits_per_sample(model, recordings.split("validation"), advance=told.append) == pytest.approx(np.log2(TINY.levels))
    assert len(told) > 1 and sum(told) == pytest.approx(1.0)


def test_held_out_bits_are_measured_on_the_models_device(recordings, monkeypatch):
    seen = []

    def forward(self, codes, rows, drive=None):
        seen.append({codes.device.type, rows.device.type, drive.device.type})
        return torch.zeros(*codes.shape, TINY.levels)

    monkeypatch.setattr(WaveNet, "forward", forward)
    assert bits_per_sample(WaveNet(TINY).to("meta"), recordings.split("validation"), windows=2) == pytest.approx(6.0)
    assert seen == [{"meta"}] * 2


def test_a_task_that_does_not_listen_plays_nothing(recordings):
    made = RendererTask(TINY, recordings.split("train"), recordings.split("validation"), CROPS, listen=False)
    assert set(made.validate(made.model)) == {"loss", "bits_per_sample", "bits_per_sample_other_score"}
    assert "note_f1_50ms" in task(recordings).validate(made.model)


def test_training_makes_the_score_matter_and_the_result_is_an_instrument(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("ORCHESTRION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    run = tmp_path / "run"
    loop = LoopSettings(steps=150, learning_rate=0.01, warmup_steps=10, ema_decay=0.95, precision="32-true")
    metrics = train_renderer(folder, run, preset="tiny", loop=loop, crops=CROPS)
    assert metrics["bits_per_sample"] < 4.5
    assert metrics["bits_per_sample_other_score"] > metrics["bits_per_sample"] + 0.5
    instrument = Instrument.load(run / "model.safetensors")
    assert instrument.config == TINY and instrument.pitch_range[0] >= 60
    assert json.loads((run / "settings.json").read_text())["loop"]["steps"] == 150
    with pytest.raises(OrchestrionError, match="--resume"):
        train_renderer(folder, run, preset="tiny", loop=loop)

    one_step = dataclasses.replace(loop, steps=1, learning_rate=1e-9)
    child = train_renderer(
        folder, tmp_path / "child", preset="tiny", loop=one_step, crops=CROPS, start_from=run / "model.safetensors"
    )
    assert child["bits_per_sample"] == pytest.approx(metrics["bits_per_sample"], abs=0.05)
    monkeypatch.setitem(PRESETS, "richer", dataclasses.replace(TINY, harmonics=5))
    richer = train_renderer(
        folder, tmp_path / "richer", preset="richer", loop=one_step, crops=CROPS, start_from=run / "model.safetensors"
    )
    assert richer["bits_per_sample"] == pytest.approx(metrics["bits_per_sample"], abs=0.05)
    with pytest.raises(OrchestrionError, match="same preset"):
        train_renderer(folder, tmp_path / "no", preset="small", loop=one_step, start_from=run / "model.safetensors")
    assert not (tmp_path / "no").exists()


def test_a_soundfonts_set_is_known_by_its_name_or_its_folder(folder, tmp_path, monkeypatch):
    """Its audio has the excitation's phase, so no crop is turned upside down; a piano's harmonics are stretched."""
    monkeypatch.setenv("ORCHESTRION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    loop = LoopSettings(steps=1, precision="32-true")
    for name, told, polarity, stretched in (
        ("recorded", {}, True, False),
        ("piano", {"source": "soundfont:piano", "program": 0}, False, True),
        ("violin", {"source": "soundfont:violin", "program": 40}, False, False),
        ("mine", {"source": "soundfont:mine", "program": "a lot"}, False, True),
    ):
        data, run = shutil.copytree(folder, tmp_path / name), tmp_path / f"run-{name}"
        (data / "dataset.json").write_text(json.dumps(told))
        train_renderer(data, run, preset="tiny", loop=loop)
        settings = json.loads((run / "settings.json").read_text())
        assert (settings["crops"]["polarity"], settings["config"]["stretched"]) == (polarity, stretched)


def test_a_set_without_a_split_cannot_be_trained_on(recordings):
    with pytest.raises(OrchestrionError, match="validation"):
        RendererTask(TINY, recordings.split("train"), (), CROPS)
    with pytest.raises(OrchestrionError, match="as long as"):
        task(recordings, Crops(crop_frames=10**5))


def test_unconditioned_training_reports_its_likelihood_alone(recordings):
    metrics = task(recordings, config=TINY.unconditioned()).validate(WaveNet(TINY.unconditioned()).eval())
    assert set(metrics) == {"loss", "bits_per_sample"}


def test_a_saved_instrument_says_where_it_comes_from(recordings, tmp_path):
    trained = task(recordings)
    trained.save(tmp_path / "m.safetensors", trained.model, {"bits_per_sample": 1.0})
    _, metadata = weights.load(tmp_path / "m.safetensors", architecture="wavenet")
    assert metadata["config"] == TINY.to_dict() and metadata["metrics"] == {"bits_per_sample": 1.0}


def test_rests_without_a_score_are_refused(folder, tmp_path):
    with pytest.raises(OrchestrionError, match="--rests"):
        train_renderer(folder, tmp_path / "run", preset="small", unconditioned=True, crops=Crops(rest_share=0.1), loop=LoopSettings(steps=1))
    assert not (tmp_path / "run").exists()
