"""The compiled loop against the float64 reference: logits, draws, widths of vectors, batches."""

import dataclasses
import itertools

import numpy as np
import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.matrices.arithmetic import STORAGES, host, host_lanes
from orchestrion.matrices.matrix import unpack_matrix
from orchestrion.matrices.memory import aligned_zeros
from orchestrion.randomness import stream_key, uniform
from orchestrion.renderer.coding import GRID
from orchestrion.renderer.config import PRESETS, UNDRIVEN
from orchestrion.renderer.kernels import loop
from orchestrion.renderer.kernels.batch import FEW, Batch, Block, VoiceState
from orchestrion.renderer.kernels.helper import TRY_AGAIN, WORTH_COMPILING, Helper
from orchestrion.renderer.kernels.packing import gate_order, in_gate_order, pack
from tests.renderer.reference import DRIVEN, KINDS, TINY, Reference, draw, draw_mixture, random_tensors

# Every storage at the host's width; the narrower paths, forced, with one storage each to save compilation. The narrowest
# multiplies int8 without the host's products of bytes, where it has them.
PATHS = [(None, storage) for storage in STORAGES] + [(8, "float32"), (4, "int8")]
SMALL = dataclasses.replace(PRESETS["small"], layers=3, cycle=3)
SMALL_SOFTMAX = dataclasses.replace(UNDRIVEN["small"], layers=3, cycle=3)


# Two gates' worth of channels and a rest, five panels of skips: every way in which panels lie side by side.
BROAD = dataclasses.replace(TINY, layers=3, cycle=3, residual=90, skip=150, head=230)
BROAD_DRIVEN = dataclasses.replace(DRIVEN, layers=3, cycle=3, residual=90, skip=150, head=230, mixtures=12, history=33)


def assert_small(errors, config, storage):
    """Of logits. int8 rounds what the weights multiply: where double precision lies on the other side of a half, a step differs,
    seldom in a shallow network and somewhere in most samples of a deep one.
    """
    if storage == "int8":
        assert max(errors) < 0.3 and (config.layers > 5 or np.quantile(errors, 0.8) < 1e-4)
    else:
        assert max(errors) < 1e-4


@dataclasses.dataclass(frozen=True)
class Shown:
    """What a block shows its voices, unpadded: rows [f, layers, v, 2 * residual], drive [t, v, residual] or None, centre [t, v] or None."""

    rows: np.ndarray
    drive: np.ndarray | None
    centre: np.ndarray | None

    def at(self, config, t, v):
        """Rows and drive of a sample of a voice."""
        return self.rows[t // config.hop, :, v], None if self.drive is None else self.drive[t, v]

    def draw(self, config, raw, u, t, v, temperature=1.0):
        """The reference's draw of a sample."""
        if not config.mixtures:
            return draw(raw, u, temperature)
        return draw_mixture(raw, 0.0 if self.centre is None else float(self.centre[t, v]), u, temperature)


def make_block(config, packed, n_voices, n_frames, seed=0, temperature=1.0):
    """(block for the kernel, what it shows)."""
    c, rng = config, np.random.default_rng(seed)
    plain = rng.standard_normal((n_frames, c.layers, n_voices, 2, c.residual)).astype(np.float32)
    rows = aligned_zeros(n_frames, c.layers, n_voices, 2, packed.width)
    rows[..., : c.residual] = plain
    drive = padded_drive = centre = None
    if c.drive_channels:
        drive = rng.standard_normal((n_frames * c.hop, n_voices, c.residual)).astype(np.float32)
        padded_drive = aligned_zeros(n_frames * c.hop, n_voices, packed.width)
        padded_drive[..., : c.residual] = drive
    if c.source_window:
        centre = rng.uniform(-0.7, 0.7, (n_frames * c.hop, n_voices)).astype(np.float32)
    sharpness = np.full((n_frames, n_voices), 1 / temperature, dtype=np.float32)
    free = np.full((n_frames * c.hop, n_voices), -1, dtype=np.int32)
    shown = Shown(plain.reshape(n_frames, c.layers, n_voices, -1), drive, centre)
    return Block(in_gate_order(rows), padded_drive, centre, sharpness, free), shown


def of_voice(block, v):
    """``block`` with voice ``v`` alone."""
    rows, sharpness, forced = block.rows[:, :, v : v + 1], block.sharpness[:, v : v + 1], block.forced[:, v : v + 1]
    drive, centre = (None if given is None else np.ascontiguousarray(given[:, v : v + 1]) for given in (block.drive, block.centre))
    return Block(np.ascontiguousarray(rows), drive, centre, sharpness.copy(), forced.copy())


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
    out["w_out"] = unpack_matrix(packed.out)[: c.head, : c.outputs]
    return out


def start(packed, n_voices, lanes=None, seed=0):
    quads = False if lanes == 4 else None
    return Batch(packed, [VoiceState.silent(packed, int(stream_key(seed, v))) for v in range(n_voices)], lanes, quads)


@pytest.mark.parametrize("lanes, storage", PATHS)
@pytest.mark.parametrize("config", KINDS.values(), ids=KINDS)
def test_logits_and_draws_equal_the_reference(config, lanes, storage):
    n_voices, n_frames = 3, 3
    tensors = random_tensors(config)
    packed = pack(config, tensors, storage)
    block, shown = make_block(config, packed, n_voices, n_frames)
    batch = start(packed, n_voices, lanes)
    references = [Reference(config, stored(config, tensors, packed), storage == "int8") for _ in range(n_voices)]
    out, errors = np.empty((n_frames * config.hop, n_voices), dtype=np.int32), []
    for t in range(len(out)):
        batch.run(block, t, 1, out)
        for v, reference in enumerate(references):
            raw = reference.step(*shown.at(config, t, v))
            errors.append(np.abs(batch.logits[v] - raw).max())
            u = uniform(0, v, t)
            # Of its own numbers the kernel draws what the reference draws, and of the reference's too: the same level unless
            # they differ, and a value as near as the numbers are.
            assert out[t, v] == shown.draw(config, batch.logits[v], u, t, v)
            other = shown.draw(config, raw, u, t, v)
            assert storage == "int8" or (abs(out[t, v] - other) < 1e-3 * GRID if config.mixtures else out[t, v] == other)
            reference.take(int(out[t, v]))
    assert_small(errors, config, storage)


ONE_VOICE = {
    **PRESETS, "small softmax": UNDRIVEN["small"], "medium softmax": UNDRIVEN["medium"], "broad": BROAD, "broad driven": BROAD_DRIVEN,
    "undriven mixture": dataclasses.replace(DRIVEN, source_window=0),
}  # fmt: skip


@pytest.mark.parametrize("config", ONE_VOICE.values(), ids=ONE_VOICE)
@pytest.mark.parametrize("storage", STORAGES)
def test_logits_of_one_voice(config, storage):
    tensors = random_tensors(config)
    packed = pack(config, tensors, storage)
    block, shown = make_block(config, packed, 1, 2)
    batch, reference = start(packed, 1), Reference(config, stored(config, tensors, packed), storage == "int8")
    out, errors = np.empty((2 * config.hop, 1), dtype=np.int32), []
    for t in range(20):  # past the look-ahead of 8
        batch.run(block, t, 1, out)
        errors.append(np.abs(batch.logits[0] - reference.step(*shown.at(config, t, 0))).max())
        assert out[t, 0] == shown.draw(config, batch.logits[0], uniform(0, 0, t), t, 0)
        reference.take(int(out[t, 0]))
    assert_small(errors, config, storage)


@pytest.mark.parametrize("lanes, storage", PATHS)
@pytest.mark.parametrize("config", [SMALL, SMALL_SOFTMAX, BROAD, BROAD_DRIVEN], ids=["small", "small softmax", "broad", "broad driven"])
def test_voices_together_equal_each_alone(config, lanes, storage):
    """Numbers of rows that exercise every tile."""
    packed = pack(config, random_tensors(config), storage)
    for n_voices in (27, 2, 7):
        block, _ = make_block(config, packed, n_voices, 4)
        together = np.empty((4 * config.hop, n_voices), dtype=np.int32)
        start(packed, n_voices, lanes).run(block, 0, len(together), together)
        for v in range(0, n_voices, 3):
            one, alone = of_voice(block, v), np.empty((4 * config.hop, 1), dtype=np.int32)
            batch = Batch(packed, [VoiceState.silent(packed, int(stream_key(0, v)))], lanes, False if lanes == 4 else None)
            batch.run(one, 0, 37, alone)  # in two unequal runs
            batch.run(one, 37, len(alone) - 37, alone)
            assert np.array_equal(alone[:, 0], together[:, v])


@pytest.mark.parametrize("narrow, storage", [(8, "float32"), (4, "int8")])
@pytest.mark.parametrize("config", KINDS.values(), ids=KINDS)
def test_all_widths_agree_to_the_bit(config, narrow, storage):
    packed = pack(config, random_tensors(config), storage)
    block, _ = make_block(config, packed, 2, 4)
    results = []
    for lanes in (host_lanes(), narrow):
        batch, out = start(packed, 2, lanes), np.empty((4 * config.hop, 2), dtype=np.int32)
        batch.run(block, 0, len(out), out)
        results.append((out, batch.logits))
    assert np.array_equal(results[0][0], results[1][0]) and np.array_equal(results[0][1], results[1][1])


# Wide skips: of these the drawing thread keeps some columns.
WIDE = dataclasses.replace(SMALL, layers=4, cycle=4, skip=512)
WIDE_SOFTMAX = dataclasses.replace(SMALL_SOFTMAX, layers=4, cycle=4, skip=512)


def played(packed, block, helped, cuts=(37, 64, 91), choose=lambda turn: True):
    """Levels of a block run in pieces, with a helper whenever ``choose(number of the piece)``."""
    n_steps, n_voices = block.forced.shape
    voices = [VoiceState.silent(packed, int(stream_key(0, v))) for v in range(n_voices)]
    batch, out = Batch(packed, voices, helped=helped), np.empty((n_steps, n_voices), dtype=np.int32)
    if helped:
        pieces = iter(range(100))
        batch.helper._is_worth_it, batch.helper._chosen = lambda is_compiled: True, lambda: choose(next(pieces))
    for first, last in itertools.pairwise((0, *cuts, n_steps)):
        batch.run(block, first, last - first, out)
    return out, batch.logits


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("config, n_voices", [(SMALL, 1), (WIDE, 1), (WIDE, 3), (SMALL_SOFTMAX, 1), (WIDE_SOFTMAX, 3)])
def test_a_helper_changes_no_bit(config, n_voices, storage):
    packed = pack(config, random_tensors(config), storage)
    block, _ = make_block(config, packed, n_voices, 4)
    alone = played(packed, block, helped=False)
    for choose in (lambda turn: True, lambda turn: turn % 2 == 1):
        assert all(np.array_equal(a, b) for a, b in zip(alone, played(packed, block, True, choose=choose), strict=True))


def test_a_helper_takes_part(monkeypatch):
    """Its columns are its own: with a helper that works on another network, the logits differ."""
    packed, other = (pack(WIDE, random_tensors(WIDE, seed), "float32") for seed in (0, 1))
    block, _ = make_block(WIDE, packed, 1, 4)
    theirs = Batch(other, [VoiceState.silent(other, 0)])
    helped = Batch(packed, [VoiceState.silent(packed, int(stream_key(0, 0)))], helped=True)
    expected, _ = played(packed, block, helped=False)
    real, out = loop.help_along, np.empty_like(expected)

    def on_other_weights(how, last, n, network, *rest):
        layers, swapped = helped._layers.copy(), helped._network.copy()
        layers["skips"]["panels"] = theirs._layers["skips"]["panels"]
        swapped["layers"] = layers.ctypes.data
        real(how, last, n, swapped.ctypes.data, *rest)

    monkeypatch.setattr(loop, "help_along", on_other_weights)
    monkeypatch.setattr("orchestrion.renderer.kernels.batch.at_hand", lambda *helping: True)
    for _ in range(20):  # a busy machine may start the helper late
        helped.run(block, 0, len(out), out)
        if not np.array_equal(out, expected):
            return
    pytest.fail("the helper never took part")


def test_a_run_that_fails_lets_its_helper_go(monkeypatch):
    packed = pack(SMALL, random_tensors(SMALL), "float32")
    block, _ = make_block(SMALL, packed, 1, 1)
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
        with helper.beside(100, lambda asked=asked: asked.append(1), lambda: True):
            pass
        helped.append(bool(asked))
        helper._pace[bool(asked)] = helped_s if asked else alone_s
    quick = helped_s < alone_s
    assert helped[3:TRY_AGAIN] == [quick] * (TRY_AGAIN - 3)
    assert helped[:3] == [False, True, True] == helped[TRY_AGAIN : TRY_AGAIN + 3]


def test_a_short_rendering_does_not_wait_for_its_helper_to_be_compiled():
    helper, asked = Helper(), []
    for _ in range(WORTH_COMPILING + 2):
        with helper.beside(100, lambda: asked.append(helper._runs_before), lambda: False):
            pass
    assert asked == [WORTH_COMPILING]  # in the second run after all those alone, as otherwise in the second of all


@pytest.mark.parametrize("config", KINDS.values(), ids=KINDS)
def test_a_state_carried_over_continues_the_voice(config):
    packed = pack(config, random_tensors(config), "float32")
    block, _ = make_block(config, packed, 3, 4)
    whole, parts = (np.empty((4 * config.hop, 3), dtype=np.int32) for _ in range(2))
    start(packed, 3).run(block, 0, len(whole), whole)
    first = start(packed, 3)
    first.run(block, 0, 21, parts)
    Batch(packed, first.states()).run(block, 21, len(parts) - 21, parts)
    assert np.array_equal(whole, parts)


@pytest.mark.parametrize("config", KINDS.values(), ids=KINDS)
def test_forced_codes_are_taken_and_counted(config):
    packed = pack(config, random_tensors(config), "float32")
    block, _ = make_block(config, packed, 1, 2)
    drawn, again = (np.empty((2 * config.hop, 1), dtype=np.int32) for _ in range(2))
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
    block, _ = make_block(config, packed, 10, 1, temperature=temperature)
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


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_draws_follow_the_mixture(temperature):
    """Chi-squared of 40,000 draws from one mixture, in fifty intervals: a network without weights, whose bias is the mixture."""
    config = dataclasses.replace(DRIVEN, layers=1, cycle=1, conditioning="none", groups=(), source_window=0, hop=4000)
    tensors = {name: np.zeros_like(value) for name, value in random_tensors(config).items()}
    tensors["b_out"] = np.array([0.3, -0.5, 1.0, -0.4, 0.1, 0.5, -0.5, -1.5, -1.0], dtype=np.float32)
    packed = pack(config, tensors, "float32")
    block, _ = make_block(config, packed, 10, 1, temperature=temperature)
    out = np.empty((config.hop, 10), dtype=np.int32)
    start(packed, 10, seed=3).run(block, 0, len(out), out)
    weights, means, scales = np.split(tensors["b_out"].astype(np.float64), 3)
    shares, scales = np.exp(weights) / np.exp(weights).sum(), temperature * np.exp(scales - 2)
    edges = np.linspace(-1, 1, 51)[1:-1]
    below = (shares / (1 + np.exp(-(edges[:, None] - means) / scales))).sum(1)
    expected = np.diff(np.concatenate([[0.0], below, [1.0]])) * out.size
    observed = np.histogram(2 * out.ravel() / (GRID - 1) - 1, np.concatenate([[-2.0], edges, [2.0]]))[0]
    common = expected >= 10
    observed = np.append(observed[common], out.size - observed[common].sum())
    expected = np.append(expected[common], out.size - expected[common].sum())
    statistic, degrees = ((observed - expected) ** 2 / np.maximum(expected, 1)).sum(), common.sum()
    assert degrees > 20 and abs(statistic - degrees) < 4 * np.sqrt(2 * degrees)


def test_a_mixture_near_no_temperature_takes_the_mean_of_a_component():
    packed = pack(DRIVEN, random_tensors(DRIVEN), "float32")
    block, shown = make_block(DRIVEN, packed, 1, 1, temperature=1e-4)
    batch, out = start(packed, 1), np.empty((DRIVEN.hop, 1), dtype=np.int32)
    for t in range(len(out)):
        batch.run(block, t, 1, out)
        means = batch.logits[0][3:6] + shown.centre[t, 0]
        assert np.abs(2 * out[t, 0] / (GRID - 1) - 1 - np.clip(means, -1, 1)).min() < 1e-3


def test_temperature_near_nothing_takes_the_likeliest():
    packed = pack(TINY, random_tensors(TINY), "float32")
    block, _ = make_block(TINY, packed, 1, 1, temperature=1e-4)
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
    block, _ = make_block(config, packed, 600, 1)
    block.rows[0, 0, :, 0], block.rows[0, 0, :, packed.width] = filtered, gated
    batch, out = start(packed, 600), np.empty((1, 600), dtype=np.int32)
    batch.run(block, 0, 1, out)
    exact = np.tanh(filtered.astype(np.float64)) / (1 + np.exp(-gated.astype(np.float64)))
    assert np.abs(batch.logits[:, 0] - exact).max() < 1e-6


def test_the_environment_forces_a_width(monkeypatch):
    monkeypatch.setenv("ORCHESTRION_LANES", "4")
    assert host("float32").lanes == 4
    monkeypatch.setenv("ORCHESTRION_LANES", "5")
    with pytest.raises(OrchestrionError, match="16, 8 or 4"):
        host("float32")
