"""The rows of ``orchestrion bench``, of a network so small that it takes no time."""

import dataclasses
import json
import os
import timeit

import numpy as np
import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.renderer import benchmark as bench
from orchestrion.renderer.config import PRESETS, UNDRIVEN
from tests.renderer.reference import TINY

KEYS = {
    "preset", "mode", "device", "storage", "threads", "audio_seconds", "times_real_time", "times_real_time_undisturbed",
    "samples_per_second", "cpu_seconds", "peak_memory_bytes", "fraction_of_peak", "times_torch",
}  # fmt: skip


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(bench, "choose", lambda asked, configs: "cpu")
    monkeypatch.setitem(bench.PRESETS, "tiny", dataclasses.replace(TINY, hop=64))
    for name, value in (("ONE_VOICE_S", 0.05), ("VOICES_S", 0.02), ("VOICES", 3), ("STEPS", 5)):
        monkeypatch.setattr(bench, name, value)
    monkeypatch.setattr(bench, "peak_multiply_adds", lambda storage, threads, by_clock=False: 1e10 * threads)


def test_every_mode_and_number_of_threads_has_its_row(tiny):
    rows = [row.to_dict() for row in bench.benchmark(["tiny"], (1, 2), storages=["float32"], score_s=0.3, repeats=1)]
    found = [(row["mode"], row["threads"]) for row in rows]
    assert found == [
        ("torch_step_loop", 1), ("one_voice", 1), ("one_voice", 2), ("32_voices", 1), ("32_voices", 2), ("parallel", 1), ("parallel", 2),
    ]  # fmt: skip
    assert all(set(row) == KEYS and row["preset"] == "tiny" and row["storage"] == "float32" for row in rows)
    assert all(row["device"] == "cpu" for row in rows)
    assert json.loads(json.dumps(rows)) == rows
    for row in rows:
        assert row["samples_per_second"] == pytest.approx(row["times_real_time"] * 16000)
        assert row["fraction_of_peak"] > 0 and row["cpu_seconds"] > 0 and row["peak_memory_bytes"] > 1 << 20
    assert rows[0]["times_torch"] == pytest.approx(1)
    assert rows[1]["times_torch"] > 3  # of a network this small torch's loop is all overhead


def test_a_gpu_has_rows_of_its_own(tiny, monkeypatch):
    """On a machine that is said to have one; what plays in its place here is the processor."""
    played = []

    def generate(model, series, device="cpu", **options):
        played.append((device, len(series)))
        return []

    monkeypatch.setattr(bench, "choose", lambda asked, configs: "cuda")
    for name, value in (("generate", generate), ("generate_parallel", generate), ("GPU_VOICES_S", 0.1), ("GPU_SCORE_S", 0.3)):
        monkeypatch.setattr(bench, name, value)
    rows = [row.to_dict() for row in bench.benchmark(["tiny"], (1,), ["32_voices", "parallel"], ["float32"], 0.3, repeats=1)]
    on_gpu = [row for row in rows if row["device"] == "cuda"]
    assert [row["mode"] for row in on_gpu] == ["2048_voices", "parallel"] and rows[-2:] == on_gpu
    assert ("cuda", 2048) in played and all(set(row) == KEYS and row["fraction_of_peak"] is None for row in on_gpu)
    assert on_gpu[0]["audio_seconds"] == pytest.approx(2048 * 0.1, rel=0.1)
    assert [row.mode for row in bench.benchmark_gpu("tiny", repeats=1)] == ["one_voice", "2048_voices", "parallel"]


@pytest.mark.parametrize("config", [PRESETS["medium"], UNDRIVEN["medium"]], ids=["driven", "softmax"])
def test_multiply_adds_are_those_of_the_weights(config):
    """Every weight of the loop is used once a sample; embeddings, biases, the conditioning and the drive are not in it."""
    model = bench.WaveNet(config)
    used = ("w_past", "w_now", "w_res", "w_skip", "w_head", "w_out", *(["w_hist"] if config.mixtures else []))
    assert bench.multiply_adds(config) == sum(getattr(model, name).numel() for name in used)


def test_the_peak_is_not_far_below_what_a_product_of_matrices_reaches():
    a = np.ones((256, 256), dtype=np.float32)
    best_s = min(timeit.repeat(lambda: a @ a, number=4, repeat=5)) / 4  # on as many processors as numpy likes
    assert bench.peak_multiply_adds("float32", 1) > 0.2 * 256**3 / best_s / (os.cpu_count() or 1)


def test_what_takes_long_is_not_repeated(monkeypatch):
    monkeypatch.setattr(bench, "ENOUGH_S", -1.0)
    calls = []
    bench._measured(lambda: calls.append(0), 5, None, 1)
    assert calls == [0]


def test_the_peak_is_that_of_the_same_seconds(monkeypatch):
    """Of a machine that other programs make half as fast, player and peak alike, the share stays; a peak of other seconds would halve it."""
    slowness = iter([1.0, 2.0, 4.0])
    now = [1.0]

    def run():
        now[0] = next(slowness)

    monkeypatch.setattr(bench, "_timed", lambda run: (run(), (5.0 * now[0], 2.0 * now[0]))[1])
    found = bench._measured(run, 3, lambda: 100.0 / now[0], 2)
    assert (found.seconds, found.cpu_s) == (5.0, 2.0)
    # Before and after: 1, 1 | 1, 1/2 | 1/2, 1/4 of 100 a second, times one second a thread, two, four.
    assert found.peak == 150.0
    now[0], slowness = 1.0, iter([1.0] * 3)
    assert bench._measured(run, 3, lambda: 100.0 / now[0], 2).peak == 100.0
    slowness = iter([1.0] * 3)
    assert bench._measured(run, 3, lambda: 100.0 / now[0], 2, True).peak == 500.0


@pytest.mark.parametrize("asked", [{"presets": ["large"]}, {"modes": ["choir"]}, {"storages": ["float8"]}])
def test_unknown_names_are_refused(asked):
    with pytest.raises(OrchestrionError, match="is unknown"):
        list(bench.benchmark(**asked))
