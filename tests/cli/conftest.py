"""An instrument and a composer small enough for tests, with random weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from orchestrion import weights
from orchestrion.composer.compose import Composer
from orchestrion.composer.config import ComposerConfig
from orchestrion.composer.network import Biaxial
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.network import WaveNet

LOWEST, HIGHEST = 50, 72


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the test runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file of an instrument that plays noise, quickly; it knows pitches 50 to 72."""
    config = WaveNetConfig(
        layers=4, cycle=4, residual=16, skip=16, head=16, context_channels=8, conditioning_channels=8, harmonics=1
    )
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    metadata = {"architecture": "wavenet", "config": config.to_dict(), "pitch_range": [LOWEST, HIGHEST], "licence": "none"}
    weights.save(path, WaveNet(config).state_dict(), metadata)
    return path


@pytest.fixture(scope="session")
def tiny_composer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file of a composer that writes at random, quickly."""
    config = ComposerConfig(pitch_low=55, pitch_high=79, time_sizes=(8,), note_sizes=(8,))
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("composers") / "tiny.safetensors"
    Composer(Biaxial(config), {"licence": "none", "defaults": {"polyphony": 1}}).save(path)
    return path
