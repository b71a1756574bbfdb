"""A byte a number: each within half a step of its row, files that load to the same model, and hostile steps refused."""

import numpy as np
import pytest
import torch

from orchestrion import weights
from orchestrion.composer.compose import ARCHITECTURE, Composer, compose
from orchestrion.errors import OrchestrionError
from orchestrion.generators.configuring import changed
from orchestrion.generators.files import described, load_generator
from orchestrion.generators.table import backend_named, preset_named
from orchestrion.options import Composing
from orchestrion.quantised import quantised, restored
from tests.composer.models import TINY_BAR, random_model


def matrix(seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(6, 40, generator=rng) * torch.tensor([1e-6, 0.0, 0.1, 1.0, 30.0, 1e4])[:, None]


def test_numbers_come_back_within_half_a_step_of_their_row():
    m = matrix()
    stored = quantised("w", m)
    assert stored["w"].dtype == torch.int8 and set(stored) == {"w", "w.step"}
    back = restored(stored, "file")["w"]
    bound = m.abs().amax(1, keepdim=True) / 127 / 2
    assert ((back - m).abs() <= bound * 1.001).all() and not back[1].any()


def test_a_quantised_model_predicts_what_it_did(tmp_path):
    torch.manual_seed(0)
    model = backend_named("spectral-lstm").network(changed(preset_named("spectral-lstm", "small"), {"hidden": "64"}))
    clips = 0.1 * torch.randn(2, model.clip_samples)
    model.calibrate([clips])
    learnt = dict(model.named_parameters())
    kept = {}
    for name, tensor in model.state_dict().items():
        kept |= quantised(name, tensor) if name in learnt and tensor.ndim == 2 else {name: tensor}
    path = tmp_path / "model.safetensors"
    weights.save(path, kept, described("spectral-lstm", model))
    loaded = load_generator(path)
    with torch.no_grad():
        assert float(loaded.loss(clips)) == pytest.approx(float(model.eval().loss(clips)), rel=1e-3)
    one, two = (np.asarray(each.generate(None, 4000, 1)) for each in (model.requires_grad_(False), loaded))
    assert np.square(one - two).mean() < 0.01 * np.square(one).mean()


@pytest.mark.parametrize(
    "tensors",
    [
        {"w": torch.zeros(3, 4, dtype=torch.int8), "w.step": torch.ones(4)},
        {"w": torch.zeros(3, 4, dtype=torch.int8), "w.step": torch.ones(3, 1)},
        {"w": torch.zeros(3, 4), "w.step": torch.ones(3)},
        {"w": torch.zeros(3, dtype=torch.int8), "w.step": torch.ones(3)},
    ],
)
def test_steps_that_do_not_fit_are_refused(tensors):
    with pytest.raises(OrchestrionError, match="steps that do not fit"):
        restored(tensors, "file")


def test_steps_of_nothing_are_no_tensor_of_the_model():
    assert set(restored({"v.step": torch.ones(3)}, "file")) == {"v.step"}  # and so does not fit it


def test_steps_beyond_what_a_number_holds_are_refused():
    with pytest.raises(OrchestrionError, match="steps that are too large"):
        restored({"w": torch.full((1, 2), 127, dtype=torch.int8), "w.step": torch.full((1,), 3e38)}, "file")


def test_a_composer_in_bytes_writes(tmp_path):
    model = random_model(TINY_BAR)
    kept = {}
    for name, tensor in model.state_dict().items():
        kept |= quantised(name, tensor) if tensor.ndim == 2 else {name: tensor.half()}
    path = tmp_path / "model.safetensors"
    weights.save(path, kept, {"architecture": ARCHITECTURE, "config": TINY_BAR.to_dict()})
    loaded = Composer.load(path)
    for name, tensor in loaded.model.state_dict().items():
        assert (tensor - model.state_dict()[name]).abs().max() <= tensor.abs().max() / 127
    assert compose(loaded, Composing(bars=1))[0].parts
