import pytest

from orchestrion.composer.config import PRESETS, ComposerConfig, preset
from orchestrion.composer.network import Biaxial
from orchestrion.errors import OrchestrionError


def test_published_sizes() -> None:
    repo, paper = PRESETS["repo"], PRESETS["paper"]
    assert (repo.n_pitches, repo.n_inputs, repo.n_parameters) == (78, 80, 1_369_902)
    assert (paper.n_pitches, paper.time_sizes, paper.note_sizes) == (88, (200, 200), (100, 100))


@pytest.mark.parametrize("name", PRESETS)
def test_formula_counts_the_parameters(name: str) -> None:
    model = Biaxial(PRESETS[name])
    assert sum(p.numel() for p in model.parameters()) == PRESETS[name].n_parameters


@pytest.mark.parametrize("name", PRESETS)
def test_config_survives_its_dictionary(name: str) -> None:
    assert ComposerConfig.from_dict(PRESETS[name].to_dict()) == PRESETS[name]


@pytest.mark.parametrize(
    "values",
    [
        {"units": 3},
        {"time_sizes": []},
        {"time_sizes": [10**9]},
        {"time_sizes": ["a"]},
        {"pitch_low": True},
        {"pitch_low": 90, "pitch_high": 60},
        {"clock": "sundial"},
        {"dropout": 1.0},
        {"dropout": "much"},
    ],
)
def test_bad_config_is_one_sentence(values: dict) -> None:
    with pytest.raises(OrchestrionError) as error:
        ComposerConfig.from_dict(values)
    assert "\n" not in str(error.value)


def test_compact_is_completed_by_the_data() -> None:
    assert preset("compact", "chorales") is PRESETS["compact-chorales"]
    assert preset("compact", "melodies") is PRESETS["compact-melodies"]
    with pytest.raises(OrchestrionError, match="preset"):
        preset("grand")
