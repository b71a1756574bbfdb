"""Cutting by the score, joining where it is weak, and the same audio for any number of threads."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.bridge import ConditioningSeries
from orchestrion.renderer import parallel, segments
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.sampler import generate
from orchestrion.score import Note

CONFIG = WaveNetConfig(
    layers=6, cycle=5, residual=8, skip=12, head=16, harmonics=0, conditioning_channels=6, context_channels=8
)
DRIVEN = replace(CONFIG, source_window=4, mixtures=3, history=5, preemphasis=0.85, gain=2.0)


def melody(n=24, beat_s=0.5, rest_every=6):
    notes = [Note(i * beat_s, (i + 0.95) * beat_s, 60 + i % 7, 60 + 40 * (i % 2)) for i in range(n) if i % rest_every]
    return ConditioningSeries.from_notes(notes, tail_s=0.2)


@pytest.fixture(scope="module", params=[CONFIG, DRIVEN], ids=["softmax", "driven"])
def model(request):
    torch.manual_seed(0)
    return WaveNet(request.param).eval()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("config", [CONFIG, DRIVEN], ids=["softmax", "driven"])
def test_pieces_cover_the_score_once(config, device):
    series = melody(40)
    pieces = segments.plan(series, config, device)
    assert pieces[0].first == pieces[0].kept == 0 and pieces[-1].last == series.n_frames and len(pieces) > 5
    for before, after in itertools.pairwise(pieces):
        assert after.kept == before.last
        context = (after.kept - after.first - segments.overlap_frames(config)) * config.hop
        assert context >= config.receptive_field


def test_cuts_fall_on_rests_or_attacks():
    series = melody(40)
    attacks = set(series.notes.onset_frame.tolist())
    silent = series.block(groups=("sounding",)).sum(axis=1) == 0
    assert all(cut in attacks or silent[cut] or silent[cut - 1] for cut in segments.cuts_of(series, segments.CUTTINGS["cpu"]))


def test_a_rest_is_cheaper_than_an_attack_and_an_attack_than_a_held_note():
    series = ConditioningSeries.from_notes([Note(0, 1, 60, 80), Note(1, 2, 62, 80), Note(3, 4, 64, 80)])
    cost = segments.cut_costs(series)
    rate = series.sample_rate // series.hop
    assert cost[int(2.9 * rate)] < cost[rate] < cost[rate + 20]


def test_a_source_makes_for_more_pieces_and_shorter_warm_ups():
    series = melody(40)
    for device in ("cpu", "cuda"):
        plain, driven = (segments.plan(series, config, device) for config in (CONFIG, DRIVEN))
        assert len(driven) > 1.4 * len(plain)
        frame_s = CONFIG.hop / CONFIG.sample_rate
        longest = [max(piece.kept - piece.first for piece in pieces) * frame_s for pieces in (plain, driven)]
        assert longest[0] > 0.6 and longest[1] < 0.25


def test_a_short_score_is_one_piece():
    assert len(segments.plan(melody(3), CONFIG)) == 1


@settings(max_examples=50, deadline=None)
@given(st.integers(30, 400), st.integers(2, 60), st.integers(0, 1000))
def test_joining_keeps_length_and_ends(n, fade, seed):
    rng = np.random.default_rng(seed)
    a, b = (0.3 * rng.uniform(-1, 1, n).astype(np.float32) for _ in range(2))
    joined = segments.join(a, b, fade)
    assert joined.dtype == np.float32 and len(joined) == n
    assert np.abs(joined).max() <= np.sqrt(2) * 0.3 + 1e-6
    start = segments.weakest(a, b, min(fade, n))
    assert np.array_equal(joined[:start], a[:start]) and np.array_equal(joined[start + fade :], b[start + fade :])


def test_joining_equal_audio_changes_nothing():
    a = np.sin(np.arange(300) / 9).astype(np.float32)
    assert np.abs(segments.join(a, a, 100) - a).max() < 1e-6


def test_the_fade_lies_where_it_is_weakest():
    a, b = np.ones(300, dtype=np.float32), -np.ones(300, dtype=np.float32)
    a[120:170] = b[120:170] = 0
    assert segments.weakest(a, b, 40) in range(120, 131)
    joined = segments.join(a, b, 40)
    assert np.all(joined[:120] == 1) and np.all(joined[170:] == -1) and np.all(joined[120:170] == 0)


def test_uncorrelated_noise_keeps_its_power():
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(20_000).astype(np.float32) * 0.1 for _ in range(2))
    middle = segments.join(a, b, 20_000)[8_000:12_000]
    assert abs(np.sqrt(np.mean(middle**2)) / 0.1 - 1) < 0.05


def test_progress_adds_up_to_the_samples(model):
    """Pieces overlap, which took the bar past its end."""
    items, done = [melody(40), melody(12)], []
    made = parallel.generate_parallel(model, items, threads=1, progress=lambda n=1: done.append(n))
    assert sum(done) == pytest.approx(sum(map(len, made)))


def test_threads_and_blocks_do_not_change_the_audio(model, monkeypatch):
    items = [melody(16), melody(12)]
    one = parallel.generate_parallel(model, items, seed=4, threads=1)
    two = parallel.generate_parallel(model, items, seed=4, threads=2)
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert [len(audio) for audio in one] == [item.n_samples for item in items]
    monkeypatch.setattr(parallel, "VOICES_PER_BATCH", 1)
    blocks = list(parallel.ParallelStream(model, items[1], seed=4, voice=1, threads=1))
    assert len(blocks) > 1 and np.array_equal(np.concatenate(blocks), one[1])


def test_parallel_blocks_resume(model, monkeypatch):
    monkeypatch.setattr(parallel, "VOICES_PER_BATCH", 1)
    item = melody(9)
    whole = parallel.generate_parallel(model, [item], threads=1)[0]
    stream = parallel.ParallelStream(model, item, threads=1)
    first = next(iter(stream))
    rest = parallel.ParallelStream(model, item, threads=1, state=stream.state)
    assert np.array_equal(np.concatenate([first, *rest]), whole)


def test_a_short_score_in_parallel_is_the_exact_one(model):
    item = melody(3)
    assert np.array_equal(parallel.generate_parallel(model, [item])[0], generate(model, [item])[0])
