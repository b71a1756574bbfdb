"""The compiled loop against the float64 reference: logits, draws, widths of vectors, batches."""

import dataclasses
import itertools

import numpy as np
import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.matrices.matrix import STORAGES, unpack_matrix
from orchestrion.matrices.memory import aligned_zeros
from orchestrion.matrices.width import host_lanes, lanes_tag
from orchestrion.randomness import stream_key, uniform
from orchestrion.renderer.config import PRESETS
from orchestrion.renderer.kernels import loop
from orchestrion.renderer.kernels.batch import FEW, Batch, Block, VoiceState
from orchestrion.renderer.kernels.helper import TRY_AGAIN, Helper
from orchestrion.renderer.kernels.packing import gate_order, in_gate_order, pack
from tests.renderer.reference import TINY, Reference, draw, random_tensors

# Every storage at the host's width; the narrower paths, forced, with one storage each to save compilation. The narrowest
# multiplies int8 without the host's products of bytes, where it has them.
PATHS = [(None, storage) for storage in STORAGES] + [(8, "float32"), (4, "int8")]
SMALL = dataclasses.replace(PRESETS["small"], layers=3, cycle=3)


# Two gates' worth of channels and a rest, five panels of skips: every way in which panels lie side by side.
BROAD = dataclasses.replace(TINY, layers=3, cycle=3, residual=90, skip=150, head=230)


def assert_small(errors, config, storage):
    """Of logits. int8 rounds what the weights multiply: where double precision lies on the other side of a half, a step differs,
    seldom in a shallow network and somewhere in most samples of a deep one.
    """
    if storage == "int8":
        assert max(errors) < 0.3 and (config.layers > 5 or np.quantile(errors, 0.8) < 1e-4)
    else:
        assert max(errors) < 1e-4


def make_block(config, packed, n_voices, n_frames, seed=0, temperature=1.0):
    """(block for the kernel, rows [f, layers, v, 2 * residual], excitation [t, v, 2 * harmonics])."""
    c, rng = config, np.random.default_rng(seed)
    plain = rng.standard_normal((n_frames, c.layers, n_voices, 2, c.residual)).astype(np.float32)
    rows = aligned_zeros(n_frames, c.layers, n_voices, 2, packed.width)
    rows[..., : c.residual] = plain
    excitation = source = None
    if c.harmonics:
        excitation = rng.standard_normal((n_frames * c.hop, n_voices, 2 * c.harmonics)).astype(np.float32)
        source = aligned_zeros(n_frames * c.hop, n_voices, packed.excitation.k)
        source[..., : 2 * c.harmonics] = excitation
    sharpness = np.full((n_frames, n_voices), 1 / temperature, dtype=np.float32)
    free = np.full((n_frames * c.hop, n_voices), -1, dtype=np.int32)
    return Block(in_gate_order(rows), source, sharpness, free), plain.reshape(n_frames, c.layers, n_voices, -1), excitation


def stored(config, tensors, packed):
    """``tensors`` with the values the kernel really multiplies by."""
    c, w = config, packed.width
    out = dict(tensors)
    order = np.argsort(gate_order(w))

    def gates(matrices):
        whole = [unpack_matrix(m)[:, order].reshape(w, 2, w) for m in matrices]
        return np.stack([m[: c.residual, :, : c.residual].reshape(c.residual, -1) for m in whole])

    out["w_past"], out["w_now"] = gates(packed.past), gates(packed.now)
    out["w_res"] = np.stack([unpack_matrix(m)[: c.residual, : c.residual] for m in packed.residual])
    out["w_skip"] = np.stack([unpack_matrix(m)[: c.residual, : c.skip] for m in packed.skips])
    out["w_head"] = unpack_matrix(packed.head)[: c.skip, : c.head]
    out["w_out"] = unpack_matrix(packed.out)[: c.head, : c.levels]
    return out


def start(packed, n_voices, lanes=None, seed=0):
    quads = False if lanes == 4 else None
    return Batch(packed, [VoiceState.silent(packed, int(stream_key(seed, v))) for v in range(n_voices)], lanes, quads)


@pytest.mark.parametrize("lanes, storage", PATHS)
def test_logits_and_draws_equal_the_reference(lanes, storage):
    n_voices, n_frames = 3, 3
    tensors = random_tensors(TINY)
    packed = pack(TINY, tensors, storage)
    block, rows, excitation = make_block(TINY, packed, n_voices, n_frames)
    batch = start(packed, n_voices, lanes)
    references = [Reference(TINY, stored(TINY, tensors, packed), storage == "int8") for _ in range(n_voices)]
    out, errors = np.empty((n_frames * TINY.hop, n_voices), dtype=np.int32), []
    for t in range(len(out)):
        batch.run(block, t, 1, out)
        for v, reference in enumerate(references):
            logits = reference.step(rows[t // TINY.hop, :, v], excitation[t, v])
            errors.append(np.abs(batch.logits[v] - logits).max())
            # Of its own logits the kernel draws what the reference draws, and of the reference's too unless they differ.
            u = uniform(0, v, t)
            assert out[t, v] == draw(batch.logits[v].astype(np.float64), u)
            assert storage == "int8" or out[t, v] == draw(logits, u)
            reference.take(int(out[t, v]))
    assert_small(errors, TINY, storage)


@pytest.mark.parametrize("config", [*PRESETS.values(), BROAD], ids=[*PRESETS, "broad"])
@pytest.mark.parametrize("storage", STORAGES)
def test_logits_of_one_voice(config, storage):
    tensors = random_tensors(config)
    packed = pack(config, tensors, storage)
    block, rows, excitation = make_block(config, packed, 1, 2)
    batch, reference = start(packed, 1), Reference(config, stored(config, tensors, packed), storage == "int8")
    out, errors = np.empty((2 * config.hop, 1), dtype=np.int32), []
    for t in range(20):  # past the look-ahead of 8
        batch.run(block, t, 1, out)
        logits = reference.step(rows[t // config.hop, :, 0], None if excitation is None else excitation[t, 0])
        errors.append(np.abs(batch.logits[0] - logits).max())
        reference.take(int(out[t, 0]))
    assert_small(errors, config, storage)


@pytest.mark.parametrize("lanes, storage", PATHS)
@pytest.mark.parametrize("config", [SMALL, BROAD], ids=["small", "broad"])
def test_voices_together_equal_each_alone(config, lanes, storage):
    """Numbers of rows that exercise every tile."""
    packed = pack(config, random_tensors(config), storage)
    for n_voices in (27, 2, 7):
        block, _, _ = make_block(config, packed, n_voices, 4)
        together = np.empty((4 * config.hop, n_voices), dtype=np.int32)
        start(packed, n_voices, lanes).run(block, 0, len(together), together)
        for v in range(0, n_voices, 3):
            one = Block(
                np.ascontiguousarray(block.rows[:, :, v : v + 1]), np.ascontiguousarray(block.excitation[:, v : v + 1]),
                block.sharpness[:, v : v + 1].copy(), block.forced[:, v : v + 1].copy(),
            )  # fmt: skip
            alone = np.empty((4 * config.hop, 1), dtype=np.int32)
            batch = Batch(packed, [VoiceState.silent(packed, int(stream_key(0, v)))], lanes, False if lanes == 4 else None)
            batch.run(one, 0, 37, alone)  # in two unequal runs
            batch.run(one, 37, len(alone) - 37, alone)
            assert np.array_equal(alone[:, 0], together[:, v])


@pytest.mark.parametrize("narrow, storage", [(8, "float32"), (4, "int8")])
def test_all_widths_agree_to_the_bit(narrow, storage):
    packed = pack(TINY, random_tensors(TINY), storage)
    block, _, _ = make_block(TINY, packed, 2, 4)
    results = []
    for lanes in (host_lanes(), narrow):
        batch, out = start(packed, 2, lanes), np.empty((4 * TINY.hop, 2), dtype=np.int32)
        batch.run(block, 0, len(out), out)
        results.append((out, batch.logits))
    assert np.array_equal(results[0][0], results[1][0]) and np.array_equal(results[0][1], results[1][1])


# Wide skips: of these the drawing thread keeps some columns.
WIDE = dataclasses.replace(SMALL, layers=4, cycle=4, skip=512)


def played(packed, block, helped, cuts=(37, 64, 91), choose=lambda turn: True):
    """Levels of a block run in pieces, with a helper whenever ``choose(number of the piece)``."""
    n_steps, n_voices = block.forced.shape
    voices = [VoiceState.silent(packed, int(stream_key(0, v))) for v in range(n_voices)]
    batch, out = Batch(packed, voices, helped=helped), np.empty((n_steps, n_voices), dtype=np.int32)
    if helped:
        pieces = iter(range(100))
        batch.helper._chosen = lambda: choose(next(pieces))
    for first, last in itertools.pairwise((0, *cuts, n_steps)):
        batch.run(block, first, last - first, out)
    return out, batch.logits


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("config, n_voices", [(SMALL, 1), (WIDE, 1), (WIDE, 3)])
def test_a_helper_changes_no_bit(config, n_voices, storage):
    packed = pack(config, random_tensors(config), storage)
    block, _, _ = make_block(config, packed, n_voices, 4)
    alone = played(packed, block, helped=False)
    for choose in (lambda turn: True, lambda turn: turn % 2 == 1):
        assert all(np.array_equal(a, b) for a, b in zip(alone, played(packed, block, True, choose=choose), strict=True))


def test_a_helper_takes_part(monkeypatch):
    """Its columns are its own: with a helper that works on another network, the logits differ."""
    packed, other = (pack(WIDE, random_tensors(WIDE, seed), "float32") for seed in (0, 1))
    block, _, _ = make_block(WIDE, packed, 1, 4)
    theirs = Batch(other, [VoiceState.silent(other, 0)])
    helped = Batch(packed, [VoiceState.silent(packed, int(stream_key(0, 0)))], helped=True)
    expected, _ = played(packed, block, helped=False)
    real, out = loop.help_along, np.empty_like(expected)

    def on_other_weights(width, storage, n, places, layers, *rest):
        swapped = helped._layers.copy()
        swapped[:, loop.SKIPS] = theirs._layers[:, loop.SKIPS]
        real(width, storage, n, places, swapped.ctypes.data, *rest)

    monkeypatch.setattr(loop, "help_along", on_other_weights)
    for _ in range(20):  # a busy machine may start the helper late
        helped.run(block, 0, len(out), out)
        if not np.array_equal(out, expected):
            return
    pytest.fail("the helper never took part")


def test_a_run_that_fails_lets_its_helper_go(monkeypatch):
    packed = pack(SMALL, random_tensors(SMALL), "float32")
    block, _, _ = make_block(SMALL, packed, 1, 1)
    batch, out = Batch(packed, [VoiceState.silent(packed, 0)], helped=True), np.empty((SMALL.hop, 1), dtype=np.int32)

    def fail(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop, "run", fail)
        with pytest.raises(KeyboardInterrupt):
            batch.run(block, 0, SMALL.hop, out)
    batch.run(block, 0, SMALL.hop, out)
    again = np.empty_like(out)
    Batch(packed, [VoiceState.silent(packed, 0)]).run(block, 0, SMALL.hop, again)
    assert np.array_equal(out, again)


def test_many_voices_have_no_helper():
    packed = pack(SMALL, random_tensors(SMALL), "float32")
    voices = [VoiceState.silent(packed, v) for v in range(FEW + 1)]
    assert Batch(packed, voices, helped=True).helper is None and Batch(packed, voices[:FEW], helped=True).helper


@pytest.mark.parametrize("helped_s, alone_s", [(0.001, 0.02), (0.02, 0.001)])
def test_the_helper_stays_if_it_is_quicker(helped_s, alone_s):
    helper, helped = Helper(), []
    for _ in range(2 * TRY_AGAIN):
        asked = []
        with helper.beside(100, lambda asked=asked: asked.append(1)):
            pass
        helped.append(bool(asked))
        helper._pace[bool(asked)] = helped_s if asked else alone_s
    quick = helped_s < alone_s
    assert helped[3:TRY_AGAIN] == [quick] * (TRY_AGAIN - 3)
    assert helped[:3] == [False, True, True] == helped[TRY_AGAIN : TRY_AGAIN + 3]


def test_a_state_carried_over_continues_the_voice():
    packed = pack(TINY, random_tensors(TINY), "float32")
    block, _, _ = make_block(TINY, packed, 3, 4)
    whole, parts = (np.empty((4 * TINY.hop, 3), dtype=np.int32) for _ in range(2))
    start(packed, 3).run(block, 0, len(whole), whole)
    first = start(packed, 3)
    first.run(block, 0, 21, parts)
    Batch(packed, first.states()).run(block, 21, len(parts) - 21, parts)
    assert np.array_equal(whole, parts)


def test_forced_levels_are_taken_and_counted():
    packed = pack(TINY, random_tensors(TINY), "float32")
    block, _, _ = make_block(TINY, packed, 1, 2)
    drawn, again = (np.empty((2 * TINY.hop, 1), dtype=np.int32) for _ in range(2))
    start(packed, 1).run(block, 0, len(drawn), drawn)
    block.forced[:20] = drawn[:20]
    other = Batch(packed, [VoiceState.silent(packed, int(stream_key(0, 0)))])
    other.run(block, 0, len(again), again)
    assert np.array_equal(drawn, again)
    block.forced[:], block.forced[:5] = -1, 17
    start(packed, 1).run(block, 0, len(again), again)
    assert np.all(again[:5] == 17) and not np.array_equal(drawn[5:], again[5:])


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_draws_follow_the_softmax(temperature):
    """Chi-squared of 40,000 draws from one distribution: a network without weights, whose bias is the logits."""
    config = dataclasses.replace(TINY, layers=1, cycle=1, harmonics=0, conditioning="none", groups=(), hop=4000)
    tensors = {name: np.zeros_like(value) for name, value in random_tensors(config).items()}
    tensors["b_out"] = np.random.default_rng(5).standard_normal(config.levels).astype(np.float32) * 2
    packed = pack(config, tensors, "float32")
    block, _, _ = make_block(config, packed, 10, 1, temperature=temperature)
    out = np.empty((config.hop, 10), dtype=np.int32)
    start(packed, 10, seed=3).run(block, 0, len(out), out)
    weights = np.exp(tensors["b_out"].astype(np.float64) / temperature)
    expected = weights / weights.sum() * out.size
    order = np.argsort(expected)[::-1]
    common = order[expected[order] >= 10]
    counts = np.bincount(out.ravel(), minlength=config.levels)
    observed = np.append(counts[common], out.size - counts[common].sum())
    expected = np.append(expected[common], out.size - expected[common].sum())
    statistic = ((observed - expected) ** 2 / expected).sum()
    degrees = len(common)
    assert abs(statistic - degrees) < 4 * np.sqrt(2 * degrees)


def test_temperature_near_nothing_takes_the_likeliest():
    packed = pack(TINY, random_tensors(TINY), "float32")
    block, _, _ = make_block(TINY, packed, 1, 1, temperature=1e-4)
    batch, out = start(packed, 1), np.empty((TINY.hop, 1), dtype=np.int32)
    for t in range(len(out)):
        batch.run(block, t, 1, out)
        assert out[t, 0] == batch.logits[0].argmax()


def test_the_gate_errs_by_less_than_a_millionth():
    """With one unit, no weights and the gate's input as rows, the skip sum is z and the logit is its positive part."""
    config = dataclasses.replace(TINY, layers=1, cycle=1, residual=1, skip=1, head=1, harmonics=0, hop=1)
    tensors = {name: np.zeros_like(value) for name, value in random_tensors(config).items()}
    tensors["w_skip"], tensors["w_head"] = np.ones((1, 1, 1), np.float32), np.ones((1, 1), np.float32)
    tensors["w_out"] = np.ones((1, config.levels), np.float32)
    packed = pack(config, tensors, "float32")
    rng = np.random.default_rng(0)
    filtered, gated = np.abs(rng.standard_normal(600) * 4).astype(np.float32), (rng.standard_normal(600) * 6).astype(np.float32)
    block, _, _ = make_block(config, packed, 600, 1)
    block.rows[0, 0, :, 0], block.rows[0, 0, :, packed.width] = filtered, gated
    batch, out = start(packed, 600), np.empty((1, 600), dtype=np.int32)
    batch.run(block, 0, 1, out)
    exact = np.tanh(filtered.astype(np.float64)) / (1 + np.exp(-gated.astype(np.float64)))
    assert np.abs(batch.logits[:, 0] - exact).max() < 1e-6


def test_the_environment_forces_a_width(monkeypatch):
    monkeypatch.setenv("ORCHESTRION_LANES", "4")
    assert len(lanes_tag()) == 4
    monkeypatch.setenv("ORCHESTRION_LANES", "5")
    with pytest.raises(OrchestrionError, match="16, 8 or 4"):
        lanes_tag()
