"""The entry points on the GPU's player: one contract for both devices, each with its own bytes."""

import dataclasses

import numpy as np
import pytest
import torch

from orchestrion.bridge import ConditioningSeries
from orchestrion.errors import OrchestrionError
from orchestrion.randomness import stream_key
from orchestrion.renderer import coding, parallel, segments
from orchestrion.renderer.kernels.batch import VoiceState
from orchestrion.renderer.kernels.conditioner import Conditioner
from orchestrion.renderer.sampler import generate, generate_codes, perform, prepare_for
from orchestrion.renderer.streaming import Stream
from orchestrion.renderer.task import Task, Voice
from orchestrion.score import Note
from tests.renderer.exact import draws_of_the_network
from tests.renderer.gpu.conftest import DRIVEN, TINY, random_network

pytest.importorskip("triton", reason="Triton is not installed (it is in the dev extra, for Linux)")

from orchestrion.renderer.gpu import pool, stage
from orchestrion.renderer.gpu.batch import PROGRAMS
from orchestrion.renderer.gpu.cluster import Loaded

CONFIG = dataclasses.replace(TINY, layers=3, cycle=2, harmonics=1, hop=4, sample_rate=1000)
CONFIGS = {"softmax": CONFIG, "driven": dataclasses.replace(DRIVEN, layers=3, cycle=2, hop=4, sample_rate=1000)}


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch):
    """Of conditioning: the interpreter would take seconds for each of the usual length."""
    monkeypatch.setattr(pool, "BLOCK", 16)
    monkeypatch.setattr(pool, "RUN", 2)
    monkeypatch.setattr("orchestrion.renderer.kernels.conditioner.BLOCK", 16)


@pytest.fixture(scope="module", params=CONFIGS.values(), ids=CONFIGS)
def model(request):
    return random_network(request.param).requires_grad_(True)  # as a network that is being trained


def series(duration_s=0.06, pitch=60, config=CONFIG):
    notes = [Note(0.004, duration_s / 2, pitch, 90), Note(duration_s / 2, duration_s, pitch + 4, 60)]
    clock = {"sample_rate": config.sample_rate, "hop": config.hop}
    return ConditioningSeries.from_notes(notes, duration_s=duration_s, tail_s=0.0, **clock)


def on_gpu(model, items, **options):
    return generate(model, items, device="cuda", **options)


def test_draws_equal_the_networks_own_logits(model):
    """Conditioning, drive, layers and random numbers together, against ``WaveNet.forward`` in float64."""
    item, c = series(0.15), model.config
    (codes,) = generate_codes(model, [item], seed=5, voices=[3], device="cuda")
    expected, close = draws_of_the_network(model, item, codes, 5, 3, 3e-3 if c.mixtures else 3e-4)
    # What float16 rounds moves the steps of the distribution a little; a u near one may fall to either side.
    apart = np.abs(codes - expected)
    assert close.mean() < 0.2 and len(np.unique(codes)) > 20
    if c.mixtures:
        assert np.median(apart) < 1e-3 * coding.GRID and apart[~close].max() < 0.03 * coding.GRID
    else:
        assert np.array_equal(codes[~close], expected[~close]) and apart.max() <= 1


def test_many_voices_of_many_lengths_are_those_alone(model, monkeypatch):
    """More of them than there are places, which are taken anew while others play on; and blocks computed anew, too."""
    monkeypatch.setattr(stage, "FRAMES_A_LAUNCH", 3)
    monkeypatch.setattr(pool, "BLOCK", 4)
    monkeypatch.setattr("orchestrion.renderer.kernels.conditioner.BLOCK", 4)
    items = [series(0.012 + 0.004 * (i % 7), 40 + i % 5) for i in range(18)]
    done: list[float] = []
    together = on_gpu(model, items, seed=1, progress=done.append)
    assert [len(audio) for audio in together] == [item.n_samples for item in items] and sum(done) == sum(map(len, together))
    for voice in (0, 6, 17):
        assert np.array_equal(on_gpu(model, [items[voice]], seed=1, voices=[voice])[0], together[voice])


def test_few_voices_have_small_groups_where_clusters_play(model, monkeypatch):
    _, weights = prepare_for("cuda", model)
    assert stage.layout(weights, 2000) == PROGRAMS
    monkeypatch.setattr(stage, "clusters_play", lambda config: True)
    monkeypatch.setattr(stage.cluster, "loaded", lambda config, tiles: Loaded(None, 256, 15))
    found = [stage.layout(weights, n) for n in (1, 480, 481, 2160)]
    assert [layout.rows for layout in found] == [8, 8, 16, 16] and all(layout.clusters for layout in found)


def test_scores_of_the_same_notes_share_their_conditioning(model):
    _, weights = prepare_for("cuda", model)
    voices = [
        Voice(Task(Conditioner(model, weights, item), VoiceState.silent(weights, 0)), np.empty(0, np.int32))
        for item in (series(), series(), series(pitch=62))
    ]
    held = pool.Pool(weights)
    places = held.gather([*voices, None], 5).places
    assert torch.equal(places[:, 0], places[:, 1]) and len(held._index) == 2
    assert not set(places[:, 0].tolist()) & set(places[:, 2].tolist())
    for voice in voices:
        voice.frame += 200
    held.gather([*voices, None], 5)
    assert len(held._index) == 2  # in the room of those before


def test_temperature_by_frame(model):
    item = series()
    heat = np.full(item.n_frames, 0.6)
    cold = on_gpu(model, [item], temperature=0.6)[0]
    heat[5:] = 1.5
    mixed = on_gpu(model, [item], temperature=[heat])[0]
    assert np.array_equal(mixed[: 5 * item.hop], cold[: 5 * item.hop]) and not np.array_equal(mixed, cold)


def test_stream_is_generate_and_resumes(model):
    item = series()
    (whole,) = on_gpu(model, [item], seed=2)
    first = Stream(model, item, seed=2, block_frames=5, device="cuda")
    begun = [first.next_block(), first.next_block()]
    rest = list(Stream(model, item, seed=2, block_frames=2, device="cuda", state=first.state))
    assert np.array_equal(np.concatenate(begun + rest), whole)


def test_forced_levels_of_one_voice_do_not_touch_another(model):
    _, weights = prepare_for("cuda", model)
    item, given = series(0.02), np.array([7, -1, 9], dtype=np.int32)

    def task(voice, forced=None):
        state = VoiceState.silent(weights, int(stream_key(0, voice)))
        return Task(Conditioner(model, weights, item), state, forced=forced)

    forced, free = perform([task(0, given), task(1)])
    assert forced[0] == 7 and forced[2] == 9
    assert np.array_equal(free, perform([task(1)])[0])


@pytest.mark.parametrize(
    "fault, sentence",
    [(torch.OutOfMemoryError("CUDA out of memory"), "not enough memory"),
     (torch.AcceleratorError("CUDA error: misaligned address\nadvice"), "misaligned address.; take --device cpu")],
)  # fmt: skip
def test_a_fault_of_the_gpu_is_one_sentence(model, monkeypatch, fault, sentence):
    def fail(*arguments, **options):
        raise fault

    monkeypatch.setattr(pool.Pool, "gather", fail)
    with pytest.raises(OrchestrionError, match=sentence):
        on_gpu(model, [series()])
    with pytest.raises(OrchestrionError, match=sentence):
        Stream(model, series(), device="cuda").next_block()


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_unconditioned(config):
    config = dataclasses.replace(config.unconditioned(), levels=256)
    network = random_network(config)
    item = series(config=config)
    together = on_gpu(network, [item] * 2)
    assert np.array_equal(on_gpu(network, [item], voices=[1])[0], together[1]) and not np.array_equal(*together)


def test_pieces_in_parallel_stream_and_resume(model, monkeypatch):
    cuttings = segments.DRIVEN_CUTTINGS if model.config.source_window else segments.CUTTINGS
    monkeypatch.setitem(cuttings, "cuda", segments.Cutting(8, 0.05, 0.01, 0.01))
    for name, value in (("SPREAD_S", 0.01), ("OVERLAP_S", 0.02)):
        monkeypatch.setattr(segments, name, value)
    item = series(0.3)
    assert len(segments.plan(item, model.config, "cuda")) > 3 and len(segments.plan(item, model.config)) == 1
    (whole,) = parallel.generate_parallel(model, [item], device="cuda")
    monkeypatch.setattr(parallel, "PIECES_ON_GPU", 2)
    stream = parallel.ParallelStream(model, item, device="cuda")
    first = next(iter(stream))
    rest = parallel.ParallelStream(model, item, device="cuda", state=stream.state)
    assert len(whole) == item.n_samples and np.array_equal(np.concatenate([first, *rest]), whole)
