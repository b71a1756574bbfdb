"""An interrupted rendering goes on to the same bytes, and leaves no half file."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from orchestrion import weights
from orchestrion.audio.audiofiles import write_blocks
from orchestrion.bridge import ConditioningSeries
from orchestrion.errors import OrchestrionError
from orchestrion.renderer import parallel, sampler
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.resuming import interrupted, resumable
from orchestrion.renderer.streaming import Stream
from orchestrion.score import Note

CONFIG = WaveNetConfig(
    layers=6, cycle=5, residual=8, skip=12, head=16, harmonics=0, conditioning_channels=6, context_channels=8
)
DRIVEN = replace(CONFIG, source_window=4, mixtures=3, history=5, preemphasis=0.85, gain=2.0)


class Interrupted(Exception):
    pass


@pytest.fixture(params=itertools.product(["exact", "parallel"], [CONFIG, DRIVEN]), ids=["exact", "exact-driven", "parallel", "parallel-driven"])
def start(request, monkeypatch):
    how, config = request.param
    torch.manual_seed(0)
    model = WaveNet(config).eval()
    # In parallel as many as make several pieces; in one run each block is saved, which takes its time.
    notes = [Note(i / 2, i / 2 + 0.4, 60 + i, 90) for i in range(24 if how == "parallel" else 3)]
    series = ConditioningSeries.from_notes(notes, tail_s=0.1)
    if how == "exact":
        return lambda state: Stream(model, series, state=state)
    monkeypatch.setattr(parallel, "VOICES_PER_BATCH", 1)
    return lambda state: parallel.ParallelStream(model, series, threads=1, state=state)


def write(path, start, settings, after=None):
    def blocks():
        for n, block in enumerate(resumable(path, settings, start, save_every_s=0.0)):
            if n == after:
                raise Interrupted
            yield block

    write_blocks(path, blocks(), 16000)


def test_resumed_bytes_are_the_same(start, tmp_path):
    whole, resumed = tmp_path / "whole.wav", tmp_path / "resumed.wav"
    write(whole, start, {})
    for after in (1, 2):
        with pytest.raises(Interrupted):
            write(resumed, start, {"seed": 1}, after)
        assert interrupted(resumed) and not resumed.exists()
    write(resumed, start, {"seed": 1})
    assert resumed.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["resumed.wav", "whole.wav"]


def test_other_settings_are_refused(start, tmp_path):
    with pytest.raises(Interrupted):
        write(tmp_path / "a.wav", start, {"seed": 1}, 1)
    with pytest.raises(OrchestrionError, match="other settings"):
        write(tmp_path / "a.wav", start, {"seed": 2})


def test_a_truncated_journal_is_refused(start, tmp_path):
    with pytest.raises(Interrupted):
        write(tmp_path / "a.wav", start, {}, 1)
    (tmp_path / ".a.wav.resume.f32").write_bytes(b"")
    with pytest.raises(OrchestrionError, match="not whole"):
        write(tmp_path / "a.wav", start, {})


def test_samples_beyond_the_state_are_made_again(start, tmp_path):
    path = tmp_path / "a.wav"
    write(path, start, {})
    expected = path.read_bytes()
    with pytest.raises(Interrupted):
        write(path, start, {}, 2)
    with open(tmp_path / ".a.wav.resume.f32", "ab") as file:
        file.write(np.ones(77, dtype=np.float32).tobytes())
    write(path, start, {})
    assert path.read_bytes() == expected


def other(arrays, name, value):
    return {**arrays, name: value}


DAMAGES = {
    "history of another width": lambda a: other(a, "history", a["history"][:, :-1]),
    "history of another length": lambda a: other(a, "history", a["history"][:5]),
    "history of whole numbers": lambda a: other(a, "history", a["history"].astype(np.int64)),
    "fewer codes": lambda a: other(a, "recent", a["recent"][:1]),
    "codes of another type": lambda a: other(a, "recent", a["recent"].astype(np.uint8)),
    "a code past the table": lambda a: other(a, "recent", a["recent"] + (1 << 40)),
    "a negative code": lambda a: other(a, "recent", a["recent"] * 0 - 7),
    "no counter": lambda a: other(a, "numbers", a["numbers"][:1]),
    "a counter past the end": lambda a: other(a, "numbers", a["numbers"] + [1 << 50, 0]),
    "a negative counter": lambda a: other(a, "numbers", a["numbers"] * [-1, 1]),
    "a counter within a frame": lambda a: other(a, "numbers", a["numbers"] + [1, 0]),
    "another key": lambda a: other(a, "numbers", a["numbers"] + [0, 1]),
    "too loud": lambda a: other(a, "last", np.full(2, 1e300)),
    "nothing": lambda a: {},
}
DAMAGED_PIECES = {
    "more done than there are": lambda a: other(a, "done", a["done"] + [1000, 0]),
    "fewer done than there are": lambda a: other(a, "done", a["done"] - [1, 0]),
    "less than nothing done": lambda a: other(a, "done", a["done"] * [-1, 1]),
    "more begun than are kept": lambda a: other(a, "done", a["done"] + [0, 1 << 60]),
    "no end of a piece": lambda a: {name: value for name, value in a.items() if name != "held"},
    "a long end of a piece": lambda a: other(a, "held", np.concatenate([a["held"], a["held"]])),
    "a loud end of a piece": lambda a: other(a, "held", a["held"] + 3),
    "codes of no frame": lambda a: other(a, "begun.0.codes", a["begun.0.codes"][:-1]),
    "codes without a length": lambda a: other(a, "begun.0.codes", a["begun.0.codes"][:1].reshape(())),
    "codes in rows": lambda a: other(a, "begun.0.codes", a["begun.0.codes"][None]),
    "too many codes": lambda a: other(a, "begun.0.codes", np.tile(a["begun.0.codes"], 1000)),
    "codes past the table": lambda a: other(a, "begun.0.codes", a["begun.0.codes"] + (1 << 20)),
    "no codes": lambda a: {name: value for name, value in a.items() if name != "begun.0.codes"},
    "a short history": lambda a: other(a, "begun.0.history", a["begun.0.history"][:2]),
    "codes before, past the table": lambda a: other(a, "begun.0.recent", a["begun.0.recent"] + (1 << 20)),
    "no state": lambda a: {name: value for name, value in a.items() if name not in ("begun.0.history", "begun.0.recent")},
    "a name that says nothing": lambda a: other(a, "begun.x", np.zeros(3)),
}  # fmt: skip


@pytest.mark.parametrize("start", [("exact", CONFIG), ("exact", DRIVEN)], ids=["softmax", "driven"], indirect=True)
def test_a_state_that_is_not_the_voices_is_refused(start, tmp_path):
    with pytest.raises(Interrupted):
        write(tmp_path / "a.wav", start, {}, 2)
    assert_refused(DAMAGES, start, tmp_path)


@pytest.mark.parametrize("start", [("parallel", DRIVEN)], ids=["driven"], indirect=True)
def test_a_state_that_is_not_the_pieces_is_refused(start, tmp_path, monkeypatch):
    monkeypatch.setattr(sampler, "FRAMES_A_RUN", 8)
    with pytest.raises(Interrupted):
        write(tmp_path / "a.wav", lambda state: UntilBegun(start(state)), {})
    assert_refused(DAMAGED_PIECES, start, tmp_path)


class UntilBegun:
    """A stream that is interrupted in the middle of a piece, some pieces after the first."""

    def __init__(self, stream):
        self._stream, self.n_made, self.pause_s = stream, stream.n_made, 0.0

    @property
    def state(self):
        return self._stream.state

    def __iter__(self):
        self._stream.pause_s = 0.0
        for block in self._stream:
            yield block
            if self.state.done and self.state.begun and self.state.begun[0].state:
                raise Interrupted


def assert_refused(damages, start, tmp_path):
    """Journals with other arrays, but sound checksums."""
    path, state = tmp_path / "a.wav", tmp_path / ".a.wav.resume.state"
    arrays, facts = weights.load_arrays(state)
    for name, damage in damages.items():
        print(name)
        assert_start_refused(path, start, damage(arrays), facts, r"\.a\.wav\.resume\.state is damaged .* remove it to start anew")


def assert_start_refused(path, start, arrays, facts, sentence):
    weights.save(path.with_name(".a.wav.resume.state"), arrays, {name: value for name, value in facts.items() if name != "sha256"})
    with pytest.raises(OrchestrionError, match=sentence):
        next(resumable(path, {}, start))


def test_facts_of_a_journal_that_are_not_its_own(start, tmp_path):
    path = tmp_path / "a.wav"
    with pytest.raises(Interrupted):
        write(path, start, {}, 2)
    arrays, facts = weights.load_arrays(tmp_path / ".a.wav.resume.state")
    for other in ({"samples": 0}, {"samples": 1 << 60}, {"samples": "x"}, {"samples_sha256": "0"}, {"architecture": "wavenet"}):
        assert_start_refused(path, start, arrays, facts | other, "remove .* to start anew")


def test_a_flipped_bit_in_either_file_is_told(start, tmp_path):
    path = tmp_path / "a.wav"
    with pytest.raises(Interrupted):
        write(path, start, {}, 2)
    for name in (".a.wav.resume.f32", ".a.wav.resume.state"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[:100] + bytes([content[100] ^ 4]) + content[101:])
        with pytest.raises(OrchestrionError, match="altered after it was written|is not whole"):
            write(path, start, {})
        (tmp_path / name).write_bytes(content)
    write(path, start, {})
