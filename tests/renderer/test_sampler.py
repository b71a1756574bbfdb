"""Same seed, same audio: alone or together, on one thread or two, at once, in blocks, or resumed."""

import dataclasses

import numpy as np
import pytest
import torch

from orchestrion.bridge import ConditioningSeries, sourcesignal
from orchestrion.errors import OrchestrionError
from orchestrion.renderer import excitation, output
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.kernels import loop
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.sampler import compile_kernels, generate, generate_codes, prepare
from orchestrion.renderer.streaming import Stream
from orchestrion.score import Note
from tests.renderer.exact import draws_of_the_network

CONFIG = WaveNetConfig(
    layers=6, cycle=5, residual=8, skip=12, head=16, harmonics=2, conditioning_channels=6, context_channels=8
)
DRIVEN = dataclasses.replace(CONFIG, harmonics=0, source_window=4, mixtures=3, history=5, preemphasis=0.85, gain=2.0)


@pytest.fixture(scope="module", params=[CONFIG, DRIVEN], ids=["softmax", "driven"])
def model(request):
    torch.manual_seed(0)
    network = WaveNet(request.param).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name != "b_out":  # of a mixture it keeps the scales narrow
                parameter.mul_(2)
    return network


def series(duration_s=0.5, pitch=60):
    notes = [Note(0.05, 0.2, pitch, 90), Note(0.2, 0.42, pitch + 4, 60)]
    return ConditioningSeries.from_notes(notes, duration_s=duration_s, tail_s=0.1)


def test_draws_equal_the_networks_own_logits(model):
    """The kernel's path through conditioning, drive and layers, against ``WaveNet.forward`` in float64."""
    item, c = series(), model.config
    codes = generate_codes(model, [item], seed=5, voices=[3], storage="float32")[0]
    expected, close = draws_of_the_network(model, item, codes, 5, 3, 1e-5 if c.mixtures else 1e-6)
    # Where u lies within a rounding error of a step of the distribution, either side is right.
    apart = np.abs(codes - expected)[~close]
    assert apart.max() <= (1e-3 * output.GRID if c.mixtures else 0) and np.median(apart) <= 2 and close.mean() < 1e-2
    assert len(np.unique(codes)) > 50


def test_alone_together_and_on_threads(model):
    items = [series(0.5), series(0.9, 64), series(0.2, 50), series(0.33, 71), series(0.9, 40)]
    together = generate(model, items, seed=1, threads=1)
    assert [len(audio) for audio in together] == [item.n_samples for item in items]
    for threads in (2, 3):
        for a, b in zip(together, generate(model, items, seed=1, threads=threads), strict=True):
            assert np.array_equal(a, b)
    for voice, item in enumerate(items):
        assert np.array_equal(generate(model, [item], seed=1, voices=[voice])[0], together[voice])


def test_seed_and_voice_change_the_audio(model):
    item = series(0.2)
    first, second, third = (generate(model, [item], **options)[0] for options in ({}, {"seed": 1}, {"voices": [1]}))
    assert not np.array_equal(first, second) and not np.array_equal(first, third) and not np.array_equal(second, third)


def test_more_voices_than_places(model):
    items = [series(0.05 + 0.03 * (i % 4), 40 + i) for i in range(27)]
    one = generate(model, items[20:21], voices=[20])[0]
    assert np.array_equal(generate(model, items, threads=1)[20], one)


def test_stream_is_generate(model):
    item = series()
    whole = generate(model, [item], seed=2)[0]
    for block_frames in (1, 7, 100):
        blocks = list(Stream(model, item, seed=2, block_frames=block_frames))
        assert np.array_equal(np.concatenate(blocks), whole)
        assert len(blocks[0]) == min(block_frames, item.n_frames) * item.hop


def test_stream_resumes_from_its_state(model):
    item = series()
    whole = generate(model, [item])[0]
    first = Stream(model, item, block_frames=13)
    begun = [first.next_block() for _ in range(4)]
    rest = list(Stream(model, item, state=first.state))
    assert np.array_equal(np.concatenate(begun + rest), whole)


def test_temperature_by_frame(model):
    item = series(0.3)
    heat = np.full(item.n_frames, 0.6)
    cold = generate(model, [item], temperature=0.6)[0]
    assert np.array_equal(generate(model, [item], temperature=heat)[0], cold)
    heat[10:] = 1.3
    mixed = generate(model, [item], temperature=[heat])[0]
    assert np.array_equal(mixed[: 10 * item.hop], cold[: 10 * item.hop]) and not np.array_equal(mixed, cold)


def test_unconditioned(model):
    config = dataclasses.replace(model.config, cycle=2).unconditioned()
    audio = generate(WaveNet(config), [series(0.2)])[0]
    assert len(np.unique(audio)) > 20


def test_a_model_in_other_precision_is_brought_to_float32(model):
    double = WaveNet(model.config).double()
    double.load_state_dict(model.state_dict())
    assert np.array_equal(generate(double, [series(0.1)])[0], generate(model, [series(0.1)])[0])
    assert next(double.parameters()).dtype == torch.float64
    parameters = prepare(double)[0]
    assert parameters.arrays["w_out"].dtype == np.float32 and prepare(parameters)[0] is parameters


def test_de_emphasis_goes_over_the_whole_piece(model):
    """What is heard is the codes' amplitudes through 1 / (gain (1 - p z^-1)) and (1 - z^-1) / (1 - r z^-1), nothing of a softmax."""
    c, item = model.config.coding, series(0.2)
    codes, audio = generate_codes(model, [item])[0], generate(model, [item])[0].astype(np.float64)
    emphasised, previous = c.amplitudes(codes).astype(np.float64), 0.0
    heard = 0.0
    for n, value in enumerate(emphasised):
        before, previous = previous, value / c.gain + c.preemphasis * previous
        heard = previous - before + c.highpass * heard if c.preemphasis else previous
        assert audio[n] == pytest.approx(np.clip(heard, -1, 1), abs=1e-6)


def test_progress_counts_every_sample(model):
    done = []
    items = [series(0.3), series(0.1)]
    generate(model, items, threads=2, progress=done.append)
    assert sum(done) == sum(item.n_samples for item in items)


def test_nothing_to_do(model):
    assert generate(model, []) == []


def test_refusals(model):
    other = ConditioningSeries.from_notes([Note(0, 0.1, 60, 90)], sample_rate=22050)
    with pytest.raises(OrchestrionError, match="22050"):
        generate(model, [other])
    for bad in (-1.0, np.nan, 1000.0, np.ones(3)):
        with pytest.raises(OrchestrionError, match="emperature"):
            generate(model, [series()], temperature=bad)
    with pytest.raises(OrchestrionError, match="storage"):
        generate(model, [series()], storage="float8")


@pytest.mark.parametrize("storage", ["float32", "int8"])
def test_compiling_ahead_leaves_nothing_to_compile(model, storage):
    """The smallest network compiles what every network of that storage needs, and draws none of torch's numbers."""
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    compile_kernels(storage, mixture=bool(model.config.mixtures))
    assert torch.equal(torch.rand(3), expected)
    compiled = (loop.run, excitation._add_note, sourcesignal._add_note)
    before = [len(function.signatures) for function in compiled]
    generate(model, [series(0.1)], storage=storage)
    assert [len(function.signatures) for function in compiled] == before and before[0] > 0
