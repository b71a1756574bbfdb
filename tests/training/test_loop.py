"""The loop: the loss falls, resuming continues as if never stopped, Ctrl-C keeps a checkpoint, nothing is pickled."""

import json
import signal
import sys
from dataclasses import replace

import pytest
import torch

from orchestrion import weights
from orchestrion.errors import OrchestrionError
from orchestrion.options import Training
from orchestrion.training.loop import fit
from orchestrion.training.schedule import learning_rate_at
from orchestrion.training.settings import LoopSettings, settled

SETTINGS = LoopSettings(steps=60, learning_rate=0.1, warmup_steps=3, precision="32-true", ema_decay=0.9, validate_minutes=60)


class Line:
    """Learn y = 2x + 1; batches depend on the step alone."""

    def __init__(self, interrupt_at=None):
        torch.manual_seed(0)
        self.model = torch.nn.Linear(1, 1)
        self.interrupt_at = interrupt_at

    def batch(self, step, rank, world):
        if step == self.interrupt_at:
            signal.raise_signal(signal.SIGINT)
        x = torch.randn(16, 1, generator=torch.Generator().manual_seed(100 * step + rank))
        return {"x": x, "y": 2 * x + 1}

    def loss(self, model, batch):
        return torch.nn.functional.mse_loss(model(batch["x"]), batch["y"])

    def validate(self, model):
        return {"loss": self.loss(model, self.batch(10**6, 0, 1)).item()}

    def save(self, path, model, metrics):
        weights.save(path, model.state_dict(), {"architecture": "line", "metrics": metrics})


def test_the_loss_falls_and_the_run_holds_what_it_should(tmp_path):
    before = Line().validate(Line().model)["loss"]
    metrics = fit(Line(), tmp_path, SETTINGS)
    assert metrics["loss"] < 0.2 * before
    tensors, metadata = weights.load(tmp_path / "model.safetensors", architecture="line")
    assert metadata["metrics"] == metrics | {"steps": 60} and set(tensors) == {"weight", "bias"}
    (line,) = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["step"] == 60
    assert list(tmp_path.glob("events.out.tfevents.*"))
    assert not [p for p in tmp_path.iterdir() if p.suffix in (".ckpt", ".pt", ".pkl")]


def test_interrupted_and_resumed_is_bit_for_bit_uninterrupted(tmp_path):
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    for run in (straight, stopped):
        run.mkdir()
    fit(Line(), straight, SETTINGS)
    with pytest.raises(KeyboardInterrupt):
        fit(Line(interrupt_at=12), stopped, SETTINGS)
    _, metadata = weights.load(stopped / "checkpoint.safetensors")
    assert 11 <= metadata["progress"]["step"] <= 13
    fit(Line(), stopped, SETTINGS, resume=True)
    for name in ("checkpoint.safetensors", "model.safetensors"):
        one, two = weights.load(straight / name)[0], weights.load(stopped / name)[0]
        assert one.keys() == two.keys()
        assert all(torch.equal(one[key], two[key]) for key in one)


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    fit(Line(), tmp_path, SETTINGS)
    other = Line()
    other.model = torch.nn.Linear(1, 1, bias=False)
    with pytest.raises(OrchestrionError, match="do not fit"):
        fit(other, tmp_path, SETTINGS, resume=True)


def test_schedule_warms_up_then_falls_to_the_final_share():
    settings = LoopSettings(steps=1000, learning_rate=1.0, warmup_steps=10, final_share=0.1)
    rates = [learning_rate_at(settings, step, settings.progress(step, 0)) for step in range(1000)]
    assert rates[0] == pytest.approx(0.1, rel=1e-3) and max(rates) == pytest.approx(1.0, rel=1e-3)
    assert rates[10:] == sorted(rates[10:], reverse=True) and rates[-1] == pytest.approx(0.1, rel=1e-2)


def test_whichever_limit_ends_first_counts():
    settings = LoopSettings(steps=100, minutes=1)
    assert settings.progress(50, 6) == 0.5
    assert settings.progress(10, 54) == pytest.approx(0.9)
    assert settings.progress(500, 0) == 1.0


@pytest.mark.parametrize("bad", [{}, {"steps": 0}, {"minutes": -1.0}, {"steps": 5, "learning_rate": 0.0}])
def test_settings_without_an_end_or_sense_are_refused(bad):
    with pytest.raises(OrchestrionError):
        LoopSettings(**bad)


def test_validation_by_steps_takes_no_notice_of_the_clock(tmp_path):
    fit(Line(), tmp_path, replace(SETTINGS, steps=10, validate_steps=4, validate_minutes=1e-9))
    assert [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()] == [4, 8, 10]
    assert settled(Training(steps=1, validate_steps=7)).validate_steps == 7


def test_a_step_waits_for_no_number_of_the_device(tmp_path, monkeypatch):
    readers, item = [], torch.Tensor.item
    monkeypatch.setattr(torch.Tensor, "item", lambda tensor: readers.append(sys._getframe(1).f_globals["__name__"]) or item(tensor))
    fit(Line(), tmp_path, SETTINGS)
    assert readers and "orchestrion.training.loop" not in readers  # AdamW reads its count of steps, which is the processor's


def test_the_logged_loss_is_the_running_mean_of_the_steps(tmp_path):
    class Constant(Line):
        def loss(self, model, batch):
            return 0.0 * model.weight.sum() + 2.0

    fit(Constant(), tmp_path, replace(SETTINGS, steps=10))
    (line,) = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["train_loss"] == pytest.approx(2 * (1 - 0.98**10), rel=1e-5)


def test_a_task_that_is_compiled_by_parts_is_not_compiled_as_a_whole(tmp_path, monkeypatch):
    class ByParts(Line):
        compiled = 0

        def compile_parts(self):
            self.compiled += 1
            self.model.is_compiled = True

        def validate(self, model):
            assert not hasattr(model, "is_compiled")  # the average, of other shapes
            return super().validate(model)

    task, whole = ByParts(), []
    monkeypatch.setattr(torch, "compile", lambda function: whole.append(function) or function)
    fit(task, tmp_path / "parts", replace(SETTINGS, steps=2, compile=True))
    assert task.compiled == 1 and not whole
    fit(Line(), tmp_path / "whole", replace(SETTINGS, steps=2, compile=True))
    assert len(whole) == 1
