"""The time-domain and encoder-decoder models: fast generation is the definition's; equation (1) by gradient."""

import numpy as np
import pytest
import torch

from orchestrion.generators.sequence.tcn import LOSSES, Stepper, Tcn, TcnConfig, log_cosh
from tests.generators.backends import TINY, make, tones


def test_all_windows_at_once_are_each_window_from_its_beginning():
    model = make("sample-lstm").eval()
    seed, n = tones(50, 4410), 45
    level, window = float(model.level), model.config.window
    samples = list(seed / np.float32(level))
    with torch.no_grad():
        for _ in range(n):
            samples.append(float(model(torch.tensor(samples[-window:])[None])[0, -1]))
    expected = np.clip(np.array(samples[len(seed) :]) * level, -1, 1)
    np.testing.assert_allclose(model.generate(seed, n, 0), expected, atol=1e-6)


def test_the_tcn_step_by_step_is_the_whole_sequence():
    model = make("tcn").eval()
    x = torch.from_numpy(tones(200, 4410, 3)) * 5
    stepper = Stepper(model)
    stepped = [stepper.step(float(sample)) for sample in x]
    with torch.no_grad():
        np.testing.assert_allclose(stepped, model(x[None])[0].numpy(), atol=2e-5)


def test_the_tcn_generates_from_its_window_alone_and_that_is_enough():
    model = make("tcn").eval()
    seed = tones(64, 4410)
    level = float(model.level)
    samples = list(seed / np.float32(level))
    with torch.no_grad():
        for _ in range(70):
            samples.append(float(model(torch.tensor(samples[-64:])[None])[0, -1]))
    np.testing.assert_allclose(model.generate(seed, 70, 0), np.array(samples[64:]) * level, atol=1e-5)


@pytest.mark.parametrize(
    ("kernel", "dilations", "stacks"), [(2, (1, 2, 4), 1), (3, (1, 2, 4), 2), (5, (1, 2, 4, 8, 16, 32), 1), (8, (1, 3), 3)]
)
def test_the_receptive_field_is_the_formulas_by_gradient(kernel, dilations, stacks):
    config = TcnConfig(window=1024, kernel=kernel, dilations=dilations, stacks=stacks, filters=3)
    expected = 1 + 2 * (kernel - 1) * stacks * sum(dilations)
    torch.manual_seed(0)
    x = torch.zeros(1, expected + 50, dtype=torch.float64, requires_grad=True)
    Tcn(config).double()(x)[0, -1].backward()
    reached = torch.nonzero(x.grad[0])[:, 0]
    assert config.receptive_field == expected == x.shape[1] - int(reached.min())
    assert int(reached.max()) == x.shape[1] - 1


def test_losses_are_their_definitions():
    a, b = torch.tensor([0.0, 0.2, 3.0, -400.0]), torch.zeros(4)
    huber = torch.tensor([0.0, 0.02, 2.5, 399.5]).mean()
    torch.testing.assert_close(LOSSES["huber"](a, b), huber)
    torch.testing.assert_close(log_cosh(a[:3]), torch.log(torch.cosh(a[:3])), atol=1e-6, rtol=1e-5)
    assert torch.isfinite(log_cosh(a)).all()


def test_the_encoder_and_decoder_read_nothing_but_the_last_output_and_go_on_from_their_own_blocks():
    model = make("stft-encdec").eval()
    c, seed = model.config, tones(60, 4410)
    with torch.no_grad():
        vectors = model.normal.analyse(torch.from_numpy(seed)[None])
        encoded = model.encoder(vectors)[0][:, -1]
        decoded = model.head(model.decoder(encoded[:, None].repeat(1, c.steps, 1))[0])
        torch.testing.assert_close(model(vectors), decoded)
        twice = torch.cat([decoded, model(decoded)], 1)
    np.testing.assert_allclose(model.generate(seed, 100, 0), model.normal.synthesise(twice[0])[:100], atol=1e-6)


@pytest.mark.parametrize("kernel", range(2, 9))
def test_all_of_the_papers_kernels_can_be_taken_and_hear_their_whole_receptive_field(kernel):
    config = TcnConfig(kernel=kernel, filters=2)
    assert config.history == max(512, config.receptive_field) and Tcn(config).clip_samples == config.history + 1


def test_many_targets_at_once_are_many_windows():
    """Training on a longer example is the paper's many-to-one training on each of its windows."""
    model = make("tcn").eval()
    window, targets = TINY["tcn"].window, TINY["tcn"].targets
    audio = torch.from_numpy(tones(window + targets, 4410)) / model.level
    with torch.no_grad():
        together = model(audio[None, :-1])[0, -targets:]
        alone = torch.stack([model(audio[None, i : i + window])[0, -1] for i in range(targets)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)
