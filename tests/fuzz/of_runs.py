"""What runs leave to go on from, and what the studio's page sends."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fuzz.reader import NOTES, Reader


def _trained(folder: Path, optimizer_name: str):
    """A network of six numbers with its average and optimiser, which has seen one step."""
    import torch

    from orchestrion.training.optimizers import make_optimizer
    from orchestrion.training.settings import LoopSettings

    torch.manual_seed(0)
    model, average = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    settings = LoopSettings(steps=3, learning_rate=0.1, warmup_steps=1, validate_minutes=60, optimizer=optimizer_name)
    return model, average, make_optimizer(settings, model.parameters())


def _step(model, optimizer) -> None:
    import torch

    optimizer.zero_grad()
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()


def _checkpoint(optimizer_name: str):
    def write(folder: Path) -> None:
        from orchestrion.training import checkpoint

        model, average, optimizer = _trained(folder, optimizer_name)
        _step(model, optimizer)
        path = folder / "checkpoint.safetensors"
        checkpoint.save(path, model, average, optimizer, checkpoint.TrainingProgress(1, 2.0, 0.5), {"architecture": "line"})
        (folder / "optimizer").write_text(optimizer_name)

    return write


def _read_checkpoint(folder: Path) -> None:
    from orchestrion.training import checkpoint

    name = (folder / "optimizer").read_bytes().decode("utf-8", "replace") if (folder / "optimizer").exists() else ""
    model, average, optimizer = _trained(folder, name if name in ("adamw", "rmsprop") else "adamw")
    checkpoint.load(folder / "checkpoint.safetensors", model, average, optimizer)
    _step(model, optimizer)


def _run_folder(folder: Path) -> None:
    from orchestrion.training.runs import claim

    claim(folder, False, {"network": {"layers": 3}, "data": {"name": "x"}, "loop": {"steps": 5}})


def _read_run(folder: Path) -> None:
    from orchestrion.training.runs import claim

    claim(folder, True, {"network": {"layers": 3}, "data": {"name": "x"}, "loop": {"steps": 5}})


def _recorded(folder: Path) -> None:
    facts = {"score": "a.mid", "take": 0, "checksums": {"score": "a" * 64, "settings": "b" * 64, "audio": "c" * 64}, "duration_s": 1.5}
    (folder / "a.wav.json").write_text(json.dumps(facts))
    (folder / "a.wav").write_bytes(b"audio")


def _read_recorded(folder: Path) -> None:
    from orchestrion import rendering
    from orchestrion.cli.rendering import _recorded as recorded

    take = rendering.Take("a.mid", 0, folder / "a.wav")
    assert rendering._is_finished(take, {"score": "a" * 64, "settings": "b" * 64}, recorded(take.target)) in (True, False)


def _request(folder: Path) -> None:
    from orchestrion.score import BUILTIN_TUNES, Part, Score
    from orchestrion.studio.scorejson import to_json

    tune = BUILTIN_TUNES["happy-birthday"]
    score = to_json(Score((*tune.parts, Part("Drums", 0, NOTES, True)), tune.tempos, tune.meters, "A tune"))
    composing = {"key": "D major", "temperature": 0.9, "seed": 3, "fill": "1-2", "pitch_range": "C3-C6", "polyphony": "4"}
    (folder / "request.json").write_text(json.dumps({
        "score": score, "model": "melodies", "sources": {"keep": "current", "melody": "", "prime": ""},
        "players": ["piano"], "version": "source", "options": composing, "kind": "musicxml",
    }))  # fmt: skip


def _playing_request(folder: Path) -> None:
    _request(folder)
    request = json.loads((folder / "request.json").read_text())
    playing = {"seed": "2", "temperature": "0.8", "length_s": 2.5, "vibrato": True, "gains_db": "-3", "pans": "0.2"}
    (folder / "request.json").write_text(json.dumps(request | {"version": "conditioned", "options": playing}))
    (folder / "playing").touch()


def _read_request(folder: Path) -> None:
    import asyncio

    from starlette.requests import Request

    from orchestrion.studio.app import _body
    from orchestrion.studio.asking import ComposingRequest, PlayingRequest
    from orchestrion.studio.takes import Takes

    path = folder / "request.json"
    data = path.read_bytes() if path.exists() else b""  # a mutant may lack it

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": data, "more_body": False}

    given = asyncio.run(_body(Request({"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}, receive)))
    if (folder / "playing").exists():
        PlayingRequest.of(given).midi.musicxml()
    else:
        ComposingRequest.of(given, Takes())


READERS = {
    "checkpoint": Reader((_checkpoint("adamw"), _checkpoint("rmsprop")), _read_checkpoint),
    "run": Reader((_run_folder,), _read_run),
    "recorded": Reader((_recorded,), _read_recorded),
    "request": Reader((_request, _playing_request), _read_request),
}
