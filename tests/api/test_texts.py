"""Numbers may be texts in the whole Python API, as on the command line."""

import inspect

import numpy as np
import pytest
import soundfile

from orchestrion import data, evaluate
from orchestrion.api.texts import takes_texts
from orchestrion.errors import OrchestrionError


@takes_texts
def told(name: str, count: int = 1, share: float | None = None, *, seed: int = 0) -> tuple[object, ...]:
    """What was given."""
    return name, count, share, seed


def test_texts_become_the_numbers_that_are_asked_for():
    assert told("7", "3", "0.5", seed="-2") == ("7", 3, 0.5, -2)
    assert told("a", 2, None) == ("a", 2, None, 0)
    assert told.__doc__ == "What was given." and list(inspect.signature(told).parameters) == [
        "name",
        "count",
        "share",
        "seed",
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"count": "two"}, "^count: give a whole number, not 'two'.$"),
        ({"share": "nan"}, "^share: give a number, not 'nan'.$"),
        ({"seed": "1.5"}, "^seed: give a whole number, not '1.5'.$"),
    ],
)
def test_what_is_no_number_is_one_sentence(given, said):
    with pytest.raises(OrchestrionError, match=said):
        told("a", **given)


def test_data_and_evaluation_take_texts(tmp_path):
    (tmp_path / "songs").mkdir()
    for name in "ab":
        soundfile.write(tmp_path / "songs" / f"{name}.wav", np.random.default_rng(0).uniform(-0.1, 0.1, 8000), 8000)
    made = data.prepare_songs(tmp_path / "songs", tmp_path / "set", sample_rate="8000", seed="3")
    assert made.sample_rate == 8000
    with pytest.raises(OrchestrionError, match="step: "):
        evaluate.notes("violin", tmp_path, step="every third")
    with pytest.raises(OrchestrionError, match="seconds: "):
        evaluate.renderer("violin", tmp_path, seconds="ten")
