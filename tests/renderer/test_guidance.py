"""Guidance of a network by its twin without notes."""

import dataclasses

import numpy as np
import pytest
import torch

from orchestrion import OrchestrionError, weights
from orchestrion.options import Playing
from orchestrion.playing import as_wished
from orchestrion.renderer.config import PRESETS
from orchestrion.renderer.guidance import guided, twin_of
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.parameters import Parameters
from tests.renderer.test_instrument import SCORE

SMALL = dataclasses.replace(PRESETS["paper"], layers=6, cycle=3, residual=8, skip=12, head=10, levels=256)


def instrument(config, seed: int, name: str) -> Instrument:
    torch.manual_seed(seed)
    network = WaveNet(config).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return Instrument(name, Parameters.of(network), {"config": config.to_dict()})


@pytest.fixture(scope="module")
def twins() -> tuple[Instrument, Instrument]:
    return instrument(SMALL, 0, "told"), instrument(SMALL.unconditioned(), 1, "untold")


def logits(player: Instrument, codes: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
    c = player.config
    rows = player.model.conditioning_rows(frames if c.conditioned else None, frames.shape[-2] if not c.conditioned else None, len(codes))
    with torch.no_grad():
        return player.model.forward(codes, rows)


@pytest.mark.parametrize("strength", [0.0, 1.0, 1.5])
def test_logits_are_as_the_equation_says(twins, strength):
    told, untold = twins
    n_frames = 3
    codes = torch.randint(0, 256, (2, n_frames * SMALL.hop), generator=torch.Generator().manual_seed(2))
    frames = torch.rand(2, n_frames, SMALL.input_channels, generator=torch.Generator().manual_seed(3)).round()
    ours, theirs, made = (logits(player, codes, frames) for player in (told, untold, guided(told, untold, strength)))
    torch.testing.assert_close(made, (1 + strength) * ours - strength * theirs, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(ours, theirs, atol=0.1)


def test_it_plays_as_any_instrument_the_same_with_the_same_seed(twins):
    told, untold = twins
    player = guided(told, untold, 1.5)
    first, again, plain = (one.render(SCORE, seed=1, tail_s=0.0).samples for one in (player, player, told))
    assert np.array_equal(first, again) and len(first) == len(plain) and not np.array_equal(first, plain)
    assert np.all(np.isfinite(first)) and first.std() > 0.01


@pytest.mark.parametrize("strength", [-0.1, 21.0, float("nan")])
def test_an_impossible_strength_is_one_sentence(twins, strength):
    with pytest.raises(OrchestrionError, match="impossible"):
        guided(*twins, strength)


def test_what_is_no_twin_is_refused(twins):
    told, untold = twins
    for pair in ((told, told), (untold, untold), (Instrument.load("violin"), untold)):
        with pytest.raises(OrchestrionError, match="no twin"):
            guided(*pair, 1.0)


def test_a_twin_ships_or_lies_beside_its_network(twins, tmp_path):
    assert twin_of(Instrument.load("cello-paper")).name == "cello-paper-unconditioned"
    for player, name in zip(twins, ("mine", "mine-unconditioned"), strict=True):
        weights.save(tmp_path / f"{name}.safetensors", player.parameters.arrays, {"architecture": "wavenet", "config": player.config.to_dict()})
    for player in (tmp_path / "mine.safetensors", Instrument.load(tmp_path / "mine.safetensors")):
        assert as_wished(player, Playing(guidance=1.0)).config.residual == 2 * SMALL.residual
    assert as_wished(tmp_path / "mine.safetensors", Playing()).config == SMALL
    with pytest.raises(OrchestrionError, match="has no twin to guide it"):
        as_wished("piano", Playing(guidance=1.0))
