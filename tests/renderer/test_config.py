"""Presets, limits, and the round trip of a config through JSON."""

import dataclasses
import json

import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.renderer.config import PRESETS, UNDRIVEN, WaveNetConfig


@pytest.mark.parametrize("config", [*PRESETS.values(), *UNDRIVEN.values()])
def test_round_trip_through_json(config):
    assert WaveNetConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_paper_preset_is_the_published_size():
    paper = PRESETS["paper"]
    assert (paper.layers, paper.residual, paper.skip, paper.levels) == (60, 32, 512, 256)
    assert paper.dilations == tuple(2**i for i in range(10)) * 6
    assert (paper.input_channels, paper.conditioning_channels) == (128, 16)
    # Six stacks of dilations 1..512 and the input convolution.
    assert paper.receptive_field == 6 * 1023 + 2


@pytest.mark.parametrize(
    "change",
    [{"layers": 0}, {"layers": 10**6}, {"levels": "many"}, {"conditioning": "psychic"}, {"context_width": 8},
     {"pitch_low": 90, "pitch_high": 30}, {"groups": ("smell",)}, {"conditioning": "none", "groups": ()},
     {"source_window": 16}, {"harmonics": 0, "source_window": 64}, {"history": 16}, {"mixtures": 4, "preemphasis": 1.0},
     {"mixtures": 4, "gain": float("nan")}, {"mixtures": 4, "gain": "loud"}, {"preemphasis": 0.85}, {"mixtures": 33}],
)  # fmt: skip
def test_impossible_configs_are_refused(change):
    with pytest.raises(OrchestrionError):
        dataclasses.replace(WaveNetConfig(), **change)


def test_files_older_than_a_field_have_its_old_value():
    old = UNDRIVEN["medium"].to_dict()
    for name in ("stretched", "source_window", "mixtures", "history", "preemphasis", "gain"):
        del old[name]
    assert WaveNetConfig.from_dict(old) == UNDRIVEN["medium"]
    assert WaveNetConfig.from_dict(old).coding.levels == 256 and PRESETS["medium"].coding.levels == 65536


def test_unknown_keys_are_refused():
    with pytest.raises(OrchestrionError, match="surprise"):
        WaveNetConfig.from_dict(WaveNetConfig().to_dict() | {"surprise": 1})
