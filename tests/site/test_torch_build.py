"""Which torch ``make`` installs: the processor's build where there is no GPU, and only where the plain one would bring CUDA."""

from __future__ import annotations

import json
import subprocess
from types import SimpleNamespace

import pytest

from tests.site.test_hooks import load

BUILD = load(".ci/torch_build.py")
CUDA = json.dumps({"install": [{"metadata": {"name": "torch", "requires_dist": ["filelock", "nvidia-cudnn-cu13==9.1; platform_system == 'Linux'"]}}]})
PLAIN = json.dumps({"install": [{"metadata": {"name": "torch", "requires_dist": ["filelock", "triton"]}}]})


@pytest.mark.parametrize(("report", "gpu", "there", "uv", "said"), [
    (CUDA, False, False, 0, "build for the processor"), (CUDA, False, False, 1, "pip takes the one with CUDA"),
    (CUDA, True, False, 0, None), (CUDA, False, True, 0, None), (PLAIN, False, False, 0, None),
])  # fmt: skip
def test_the_processors_build_is_taken_where_the_plain_one_brings_cuda(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], report: str, gpu: bool, there: bool, uv: int, said: str | None
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> SimpleNamespace:
        asked.append(command)
        return SimpleNamespace(returncode=uv if "uv" in command and "--torch-backend" in command else 0, stdout=report)

    monkeypatch.setattr(BUILD.platform, "system", lambda: "Linux")
    monkeypatch.setattr(BUILD, "has_gpu", lambda: gpu)
    monkeypatch.setattr(BUILD, "find_spec", lambda name: object() if there else None)
    monkeypatch.setattr(subprocess, "run", run)
    BUILD.main()
    out = capsys.readouterr().out
    taken = [command for command in asked if "--torch-backend" in command]
    assert (said in out and taken[0][-2:] == ["cpu", BUILD.wanted()]) if said else (not taken and not out)


def test_the_version_is_that_of_the_constraints() -> None:
    assert BUILD.wanted().startswith("torch==2.")
