"""Training a back-end: examples, growing batches, recipes, runs that resume, curves, the sweep of hidden sizes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from orchestrion import generate, header
from orchestrion.audio import Waveform
from orchestrion.datasets.recordings.songs import SongSet, prepare_songs
from orchestrion.errors import OrchestrionError
from orchestrion.generators.cures import Cures
from orchestrion.generators.files import load_generator
from orchestrion.generators.recipe import Recipe
from orchestrion.generators.table import BACKENDS
from orchestrion.options import BackendTraining
from orchestrion.training import checkpoint
from orchestrion.training.backend_task import BackendTask
from orchestrion.training.clips import Clips, batch_at, steps_of
from orchestrion.training.evaluate_backend import evaluate_backend
from orchestrion.training.optimizers import make_optimizer
from orchestrion.training.schedule import learning_rate_at
from orchestrion.training.settings import LoopSettings
from orchestrion.training.train_backend import loop_for, read_metrics, recipe_for, sweep, train_backend
from tests.generators.backends import TINY, tones

RATE = 4410
SMALL_TCN = {"filters": "4", "dilations": "1,2,4", "targets": "100"}
QUICK = BackendTraining(steps=4, threads=1)


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs")
    for number, seconds in enumerate((2.0, 1.5, 1.0)):
        Waveform(tones(int(seconds * RATE), RATE, number), RATE).write(folder / f"song{number}.wav")
    target = tmp_path_factory.mktemp("sets") / "set"
    return prepare_songs(folder, target, sample_rate=RATE, validation=["song2"], licence="CC0 1.0")


def test_an_epoch_is_every_example_once_and_the_next_in_another_order(songs):
    clips = Clips(songs.split("train"), 1000, seed=3)
    n = len(clips)
    assert n == 9 + 7  # 8,820 and 6,615 samples
    epochs = [[clips.at(epoch * n + i) for i in range(n)] for epoch in range(2)]
    in_order = np.concatenate([batch.numpy() for batch in clips.in_order()])
    for epoch in epochs:
        assert sorted(e.tobytes() for e in epoch) == sorted(e.tobytes() for e in in_order)
    assert not np.array_equal(epochs[0], epochs[1])
    whole = np.concatenate([song.samples() for song in songs.split("train")])
    np.testing.assert_array_equal(in_order[:8].ravel(), whole[:8000])
    assert not in_order[8, 820:].any() and in_order[8, :820].any()  # a song's end is filled with silence


def test_examples_cut_anywhere_lie_within_a_song_and_depend_on_their_number_alone(songs):
    clips = Clips(songs.split("train"), 1000, seed=3, random=True)
    texts = [song.samples().tobytes() for song in songs.split("train")]
    drawn = [clips.at(i) for i in range(40)]
    assert all(any(example.tobytes() in text for text in texts) for example in drawn)
    assert len({example.tobytes() for example in drawn}) > 35
    np.testing.assert_array_equal(drawn[7], clips.at(7))


def test_a_song_shorter_than_an_example_is_one_example(songs):
    for random in (False, True):
        example = Clips(songs.split("validation"), 10000, random=random).at(0)
        np.testing.assert_array_equal(example[:RATE], songs.split("validation")[0].samples())
        assert len(example) == 10000 and not example[RATE:].any()


def test_batches_grow_at_their_epochs_and_no_example_is_left_out():
    stages, per_epoch = ((0, 32), (2, 64), (4, 128)), 100
    position, sizes = 0, []
    for step in range(20):
        at, size = batch_at(stages, step, per_epoch)
        assert at == position
        sizes.append(size)
        position += size
    # 200 examples in sevens of 32 (224), then to 400 and beyond in 64s, then 128s.
    assert sizes == [32] * 7 + [64] * 3 + [128] * 10
    assert steps_of(stages, 2, per_epoch) == 7 and steps_of(stages, 4, per_epoch) == 10


def test_processes_share_an_epoch_without_overlap(songs):
    recipe = Recipe(batch=((0, 2),), cut="grid")
    task = BackendTask("tcn", TINY["tcn"], songs.split("train"), songs.split("validation"), recipe)
    taken = [task.batch(step, rank, 2)["clips"] for step in range(3) for rank in range(2)]
    assert len(torch.cat(taken).unique(dim=0)) == 12


def paper(name):
    return BACKENDS[name].recipes["paper"]


def test_published_recipes():
    assert (paper("spectral-base").optimizer, paper("spectral-base").learning_rate) == ("rmsprop", 1e-4)
    assert paper("spectral-lstm").epochs == paper("spectral-base").epochs == 2000
    tcn = loop_for(BackendTraining(), paper("tcn"), 100)
    assert (tcn.optimizer, tcn.learning_rate, tcn.clip, tcn.ema_decay) == ("sgd", 0.01, 0.0, 0.0)
    assert [size for _, size in paper("tcn").batch] == [32, 64, 128, 256]
    rates = [learning_rate_at(tcn, step, share) for step, share in ((0, 0.0), (5, 0.4), (9, 0.99))]
    assert rates == pytest.approx([0.01] * 3)
    encdec = loop_for(BackendTraining(), paper("stft-encdec"), 100)
    assert [learning_rate_at(encdec, 10, share) for share in (0.1, 0.49, 0.5, 0.9)] == [1e-3, 1e-3, 5e-4, 5e-4]
    assert encdec.steps == steps_of(((0, 32),), 400, 100)


@pytest.mark.parametrize(("chosen", "steps", "minutes"), [
    ({}, None, 5.0), ({"steps": 7}, 7, None), ({"examples": 33}, 3, None), ({"epochs": 2}, 13, None),
    ({"epochs": 2, "steps": 7, "minutes": 1.0}, 7, 1.0),
])  # fmt: skip
def test_a_training_ends_by_the_clock_or_by_what_it_has_seen(chosen, steps, minutes):
    settings = loop_for(BackendTraining(**chosen), Recipe(batch=((0, 16),)), 100)
    assert (settings.steps, settings.minutes) == (steps, minutes)


def test_every_preset_has_an_end_of_its_own():
    for name, backend in BACKENDS.items():
        for preset, recipe in backend.recipes.items():
            settings = loop_for(BackendTraining(), recipe, 100)
            assert (settings.steps or settings.minutes) and settings.keep == ("last" if recipe.epochs else "best"), (name, preset)
            assert recipe.cures == Cures(), name  # none of the papers has any


def test_what_is_chosen_stands_in_the_recipes_place():
    options = BackendTraining(optimizer="sgd", batch=((0, 3), (5, 6)), keep="last", crop_s=0.5, noise=0.1, keep_epochs=(2, 4))
    recipe = recipe_for(options, paper("spectral-lstm"))
    assert (recipe.optimizer, recipe.batch, recipe.crop_s, recipe.cures.noise) == ("sgd", ((0, 3), (5, 6)), 0.5, 0.1)
    assert recipe.learning_rate == paper("spectral-lstm").learning_rate
    settings = loop_for(options, recipe, 30)
    assert settings.keep_steps == ((20, "epoch-002.safetensors"), (40, "epoch-004.safetensors"))


def test_epochs_are_kept_and_every_checkpoint_generates(songs, tmp_path):
    options = replace(QUICK, steps=8, keep="last", batch=((0, 4),), cut="grid", keep_epochs=(0.5, 1, 2))
    train_backend("tcn", songs.path, tmp_path / "run", settings=SMALL_TCN | {"targets": "3000"}, training=options)
    files = ["epoch-001", "epoch-002", "checkpoint", "model"]
    sounds = {
        name: generate("tcn", model=tmp_path / "run" / f"{name}.safetensors", seconds=0.1, seed=1).samples for name in files
    }
    assert np.array_equal(sounds["checkpoint"], sounds["model"])  # the last weights
    assert len({sound.tobytes() for sound in sounds.values()}) == 3
    header_of = {name: header.read(tmp_path / "run" / f"{name}.safetensors") for name in files}
    assert [header_of[name]["training"]["examples"] for name in ("epoch-001", "epoch-002", "model")] == [8, 12, 32]
    assert header_of["model"]["training"]["seconds_of_audio"] == pytest.approx(32 * 3512 / RATE, abs=0.1)


def test_a_checkpoint_of_an_instrument_is_no_generator(tmp_path):
    model, average = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    checkpoint.save(tmp_path / "c.safetensors", model, average, torch.optim.SGD(model.parameters()), checkpoint.TrainingProgress(1))
    with pytest.raises(OrchestrionError, match="of no back-end"):
        load_generator(tmp_path / "c.safetensors")


@pytest.mark.parametrize(("name", "kind"), [("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam),
                                            ("rmsprop", torch.optim.RMSprop), ("sgd", torch.optim.SGD)])  # fmt: skip
def test_the_optimiser_is_the_one_named(name, kind):
    made = make_optimizer(LoopSettings(steps=1, optimizer=name, learning_rate=0.5), [torch.nn.Parameter(torch.zeros(1))])
    assert type(made) is kind and made.param_groups[0]["lr"] == 0.5


@pytest.mark.parametrize(("optimizer", "cures"), [("rmsprop", {}), ("sgd", {"noise": 0.3, "gain_drift_db": 6, "own": 0.4})])
def test_a_run_stopped_and_resumed_is_the_run_in_one_go(songs, tmp_path, optimizer, cures):
    runs = {}
    for name, parts in {"straight": (6,), "parts": (3, 6)}.items():
        for steps in parts:
            options = replace(QUICK, steps=steps, optimizer=optimizer, final_share=1.0, **cures)  # the cosine would know the end
            train_backend("tcn", songs.path, tmp_path / name, settings=SMALL_TCN, training=options, resume=steps != parts[0])
        runs[name] = load_generator(tmp_path / name / "model.safetensors")
    assert read_metrics(tmp_path / "parts")[-1]["step"] == 6
    for one, two in zip(runs["straight"].state_dict().values(), runs["parts"].state_dict().values(), strict=True):
        assert torch.equal(one, two)


def test_a_run_holds_its_settings_its_curve_and_a_model_that_says_where_it_is_from(songs, tmp_path):
    run = tmp_path / "run"
    measures = train_backend("tcn", songs.path, run, settings=SMALL_TCN, training=QUICK)
    assert set(measures) == {"loss", "training_songs_loss"}
    assert (run / "loss.png").read_bytes()[:4] == b"\x89PNG"
    settings = json.loads((run / "settings.json").read_text())
    assert settings["config"]["filters"] == 4 and settings["recipe"]["cut"] == "random"
    model = load_generator(run / "model.safetensors")
    assert model.config.targets == 100 and float(model.level) == pytest.approx(0.14, abs=0.02)
    before = (run / "model.safetensors").stat().st_mtime_ns
    again = train_backend("tcn", songs.path, run, settings=SMALL_TCN, training=QUICK, resume=True)
    assert again == measures and (run / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(OrchestrionError, match="another config"):
        train_backend("tcn", songs.path, run, settings=SMALL_TCN | {"filters": "5"}, training=QUICK, resume=True)
    with pytest.raises(OrchestrionError, match="--resume"):
        train_backend("tcn", songs.path, run, settings=SMALL_TCN, training=QUICK)


def test_the_sweep_compares_sizes_and_does_not_train_again_what_is_done(songs, tmp_path):
    sizes = {"window": "20", "targets": "20"}
    rows = sweep("sample-lstm", songs.path, tmp_path, values=["5", "3"], settings=sizes, training=QUICK)
    assert [row["hidden"] for row in rows] == [3, 5] and rows[0]["parameters"] == 4 * (3 + 9 + 3) + 4
    assert all(row["steps"] == 4 and np.isfinite(row["held_out_loss"]) for row in rows)
    assert json.loads((tmp_path / "sweep.json").read_text())["rows"] == rows
    assert (tmp_path / "sweep.png").exists()
    assert sweep("sample-lstm", songs.path, tmp_path, values=["3", "5"], settings=sizes, training=QUICK) == rows
    with pytest.raises(OrchestrionError, match="no setting 'hidden'"):
        sweep("tcn", songs.path, tmp_path, values=["3"], training=QUICK)


def test_any_setting_can_be_swept_names_too(songs, tmp_path):
    fixed = {name: value for name, value in SMALL_TCN.items() if name != "dilations"} | {"window": "64"}
    kernels = sweep("tcn", songs.path, tmp_path / "k", setting="kernel", values=["8", "2"], settings=fixed, training=QUICK)
    assert [row["kernel"] for row in kernels] == [2, 8] and kernels[0]["parameters"] < kernels[1]["parameters"]
    losses = sweep("tcn", songs.path, tmp_path / "l", setting="loss", values=["mse", "huber"], settings=fixed, training=QUICK)
    assert [row["loss"] for row in losses] == ["mse", "huber"] and (tmp_path / "l" / "sweep.png").exists()


@pytest.mark.parametrize(
    ("backend", "more", "said"),
    [
        ("wavenet", {}, "train renderer"),
        ("kazoo", {}, "no back-end 'kazoo'"),
        ("tcn", {"preset": "large"}, "no preset"),
        ("tcn", {"settings": {"filters": "-3"}}, "whole number"),
        ("tcn", {"training": replace(QUICK, magnitudes=1.0)}, "tcn has no use for magnitudes"),
        ("spectral-base", {}, "works at 16000 samples a second, the set has 4410"),
    ],
)
def test_what_cannot_be_trained_is_said_in_a_sentence(songs, tmp_path, backend, more, said):
    with pytest.raises(OrchestrionError, match=said):
        train_backend(backend, songs.path, tmp_path / "run", **{"training": QUICK, **more})
    assert not (tmp_path / "run").exists()


def test_a_set_without_held_out_songs_is_refused(songs):
    with pytest.raises(OrchestrionError, match="songs in both"):
        BackendTask("tcn", TINY["tcn"], songs.split("train"), (), BACKENDS["tcn"].recipes["small"])


def test_losses_are_means_over_examples_and_the_stored_config_is_the_trained_one(songs, tmp_path):
    recipe = replace(BACKENDS["tcn"].recipes["small"], cut="grid")
    splits = songs.split("train"), songs.split("validation")
    task = BackendTask("tcn", TINY["tcn"], *splits, recipe, provenance={"licence": "CC0 1.0"})
    with torch.no_grad():
        held_out = torch.cat(list(Clips(splits[1], task.model.clip_samples).in_order(32)))
        expected = [task.model.loss(example[None]).item() for example in held_out]
        measured = task.validate(task.model)
    assert measured["loss"] == pytest.approx(np.mean(expected), rel=1e-5)
    task.save(tmp_path / "m.safetensors", task.model, measured)
    assert load_generator(tmp_path / "m.safetensors").config == TINY["tcn"]
    assert SongSet.open(songs.path).information["licence"] == "CC0 1.0"


def test_a_model_is_measured_on_held_out_songs_and_by_what_it_does_alone(songs, tmp_path):
    run = tmp_path / "run"
    trained = train_backend("tcn", songs.path, run, settings=SMALL_TCN, training=replace(QUICK, keep="last"))
    settings = {"seconds": 4.0, "seed": 1}
    plain = evaluate_backend("tcn", songs.path, run, **settings)
    assert plain["loss"] == pytest.approx(trained["loss"], rel=1e-3) and plain["examples"] == 8
    assert not plain["keeps_level"] and not plain["moves_on"]  # four steps taught it nothing: it falls silent
    drawn = evaluate_backend("tcn", songs.path, run, temperature=1.0, **settings)
    assert drawn["keeps_level"] and drawn["moves_on"] and drawn["heeds_its_seed"], drawn
    assert plain["likeness_of_draws"] == 1 and drawn["likeness_of_draws"] < 0.5
    assert drawn["trained"]["steps"] == 4 and drawn["trained"]["examples"] == 16
    assert evaluate_backend("tcn", songs.path, run / "checkpoint.safetensors", **settings)["loss"] == plain["loss"]
    with pytest.raises(OrchestrionError, match="works at 16000 samples a second"):
        evaluate_backend("spectral-base", songs.path)
