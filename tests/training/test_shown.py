"""What a person sees of a training."""

import logging
import sys
from contextlib import nullcontext

import pytest
import torch

from orchestrion import progress
from orchestrion.training import shown
from orchestrion.training.loop import fit
from tests.training.test_loop import SETTINGS, Line


@pytest.fixture
def seen(monkeypatch):
    """Every bar drawn and every label and share shown, as at a terminal where nothing is too quick to be drawn."""
    events = []

    class Display:
        def update(self, task, completed, description):
            events.append((completed, description))

        def reset(self, task, completed):
            events.append(("from", completed))

        def stop(self):
            events.append("gone")

    def draw(total, label):
        events.append(label)
        return Display(), 0

    monkeypatch.setattr(progress, "_draw", draw)
    monkeypatch.setattr(progress, "DELAY_S", 0.0)
    monkeypatch.setattr(shown, "EVERY_S", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    return events


def test_a_training_shows_its_share_its_step_and_its_loss(seen, tmp_path):
    fit(Line(), tmp_path, SETTINGS)
    shares = [event[0] for event in seen if isinstance(event, tuple) and event[0] != "from"]
    assert shares == sorted(shares) and shares[-1] == 1 and len(shares) >= SETTINGS.steps - 2
    assert any(event[1].startswith("Training: step 30, loss ") for event in seen if isinstance(event, tuple) and event[0] == 0.5)
    assert seen[-1] == "gone"


def test_a_validation_makes_room_and_the_bar_goes_on(seen, monkeypatch):
    monkeypatch.setattr(shown, "waiting", lambda label: nullcontext())  # which another thread draws
    one = shown.Shown()
    one.step(0.25, 1, torch.tensor(1.0))
    with one.validating(), progress.progress(1, "Listening") as bar:
        bar()
    one.step(0.5, 2, torch.tensor(1.5))
    one.close()
    labels = [event[1] for event in seen if isinstance(event, tuple) and event[0] in (0.25, 0.5)]
    assert [label for label in labels if label != "Training"] == ["Training: step 1, loss 1", "Training: step 2, loss 1.5"]
    # A bar may be drawn by a timer, before it is told its label.
    bars = ["Training" if str(event).startswith("Training") else event for event in seen if isinstance(event, str) or event[0] == "from"]
    assert bars == ["Training", ("from", 0.25), "gone", "Listening", "gone", "Training", ("from", 0.5), "gone"]


def test_where_nobody_looks_the_loss_is_not_read(seen, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    monkeypatch.setattr(torch.Tensor, "__float__", lambda tensor: pytest.fail("read"), raising=False)
    shown.Shown().step(0.5, 2, torch.tensor(1.0))
    assert seen == []


def test_lightning_tells_nothing_of_its_own(tmp_path, capfd, caplog):
    """Neither which accelerators there are nor what else its makers sell."""
    with caplog.at_level(logging.INFO):
        fit(Line(), tmp_path, SETTINGS)
    assert not [record for record in caplog.records if record.name.startswith("lightning")]
    assert "".join(capfd.readouterr()) == ""
