from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from orchestrion import weights
from orchestrion.composer.compose import Composer, compose
from orchestrion.errors import OrchestrionError
from orchestrion.options import Composing
from orchestrion.score import Note, Part, PianoRoll, Score, Tempo
from orchestrion.score.keys import parse_key
from tests.composer.models import TINY_BAR, TINY_FORM, TINY_PUBLISHED, random_model

COMPOSER = Composer(random_model(TINY_BAR), {"data": "nothing", "defaults": {"polyphony": 2}})
STEP_S = 60 / 120 / 4


def rolled(score: Score) -> np.ndarray:
    return PianoRoll.from_score(score).grid


def test_same_seed_same_score_and_count_does_not_matter() -> None:
    three = compose(COMPOSER, Composing(bars=3, count=3, seed=9))
    assert len({tuple(score.notes) for score in three}) == 3
    assert compose(COMPOSER, Composing(bars=3, seed=9)) == three[:1]
    assert compose(COMPOSER, Composing(bars=3, seed=10)) != three[:1]


@pytest.mark.parametrize("storage", ["float32", "int8"])
def test_threads_do_not_change_pieces(storage: str) -> None:
    asked = {"bars": 4, "count": 11, "seed": 2, "storage": storage}
    assert compose(COMPOSER, Composing(threads=1, **asked)) == compose(COMPOSER, Composing(threads=3, **asked))


def test_length_in_bars_seconds_and_meter() -> None:
    waltz = compose(COMPOSER, Composing(bars=5, meter=(3, 4), tempo=90))[0]
    assert waltz.duration_s <= 15 * 60 / 90 + 1e-9 and waltz.meters[0].numerator == 3 and waltz.tempos[0].bpm == 90
    timed = compose(COMPOSER, Composing(seconds=8.2))[0]  # four bars of 2 s
    assert 6 < timed.duration_s <= 8 + 1e-9
    jig = compose(COMPOSER, Composing(bars=2, meter=(6, 8)))[0]
    assert jig.duration_s <= 24 * STEP_S + 1e-9


@pytest.mark.parametrize("key", ["D major", "F minor", "Gb major"])
def test_key_range_and_polyphony_are_never_broken(key: str) -> None:
    score = compose(COMPOSER, Composing(bars=6, key=key, pitch_range=(60, 75), polyphony=1))[0]
    assert score.notes
    assert {note.pitch % 12 for note in score.notes} <= parse_key(key).classes
    assert all(60 <= note.pitch <= 75 for note in score.notes)
    assert rolled(score)[..., 0].sum(axis=1).max() == 1


def test_a_piece_begins_on_its_first_beat() -> None:
    for score in compose(COMPOSER, Composing(bars=1, count=20)):
        assert score.notes[0].onset_s == 0


def test_the_models_own_polyphony_is_the_default() -> None:
    assert rolled(compose(COMPOSER, Composing(bars=6))[0])[..., 0].sum(axis=1).max() == 2
    free = replace(COMPOSER, metadata={})
    assert rolled(compose(free, Composing(bars=6))[0])[..., 0].sum(axis=1).max() > 2


def test_a_prime_begins_the_result_whatever_its_key_and_length() -> None:
    notes = tuple(Note(i * 0.25, (i + 1) * 0.25, 60 + s, 90) for i, s in enumerate((1, 3, 5, 6, 8, 10, 12)))  # C# major
    prime = Score((Part("tune", 0, notes),), (Tempo(0.0, 120.0),))
    result = compose(COMPOSER, Composing(prime=prime, bars=2))[0]
    given = rolled(prime)
    np.testing.assert_array_equal(rolled(result)[: len(given)], given)
    assert result.duration_s > 2.0
    other = compose(COMPOSER, Composing(prime=prime.transpose(2), bars=2))[0]
    assert result.transpose(2).notes[: len(notes)] == other.notes[: len(notes)]


def test_a_prime_in_another_key_is_continued_in_that_key_alike() -> None:
    notes = tuple(Note(i * 0.25, (i + 1) * 0.25, 60 + s, 80) for i, s in enumerate((0, 2, 4, 5, 7, 9, 11, 12)))
    prime = Score((Part("melody", 0, notes),))
    plain, moved = (compose(COMPOSER, Composing(prime=p, bars=4, seed=3))[0] for p in (prime, prime.transpose(-3)))
    assert moved == plain.transpose(-3)


def test_a_low_prime_is_continued_where_it_lies() -> None:
    notes = tuple(Note(i * 0.25, (i + 1) * 0.25, 60 + s, 80) for i, s in enumerate((0, 2, 4, 5, 7, 9, 11, 12)))
    prime = Score((Part("melody", 0, notes),))
    plain, low = (compose(COMPOSER, Composing(prime=p, bars=4, seed=3))[0] for p in (prime, prime.transpose(-24)))
    assert low == plain.transpose(-24)


def test_published_config_writes_in_every_key_and_long_silences_end() -> None:
    quiet = Composer(random_model(TINY_PUBLISHED, bias=-12.0), {})
    score = compose(quiet, Composing(bars=8))[0]
    attacks = sorted({note.onset_s for note in score.notes})
    assert attacks and max(np.diff([0.0, *attacks])) < 80 * STEP_S


def test_a_network_that_hardly_plays_leaves_no_bar_of_a_gap_empty() -> None:
    """No bar within the corpora's pieces is silent. A given bar of rest before the gap changes nothing: the first note is not forced."""
    reserved = Composer(random_model(replace(TINY_FORM, foresight=0), bias=-6.0), {"defaults": {"polyphony": 1}})
    notes = tuple(Note(beat * 0.5, beat * 0.5 + 0.5, 67, 80) for beat in range(48) if beat // 4 != 7)  # the eighth bar rests
    tune = Score((Part("melody", 0, notes),), (Tempo(0.0, 120.0),))
    empty, first = 0, []
    for seed in range(6):
        filled = rolled(compose(reserved, Composing(keep=tune, fill=((5, 6), (9, 10)), seed=seed))[0])[..., 0].any(axis=1)
        bars = filled.reshape(-1, 16)
        empty += int((~bars[[4, 5, 8, 9]].any(axis=1)).sum())
        first.append(int(np.argmax(bars[8])))
    assert empty == 0 and max(first) > 0, (empty, first)


def test_saved_and_loaded_composers_write_the_same(tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    COMPOSER.save(path)
    loaded = Composer.load(path)
    assert loaded.config == TINY_BAR and loaded.metadata["data"] == "nothing"
    assert compose(path, Composing(bars=2)) == compose(COMPOSER, Composing(bars=2))


def test_broken_weights_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    COMPOSER.save(path)
    tensors, metadata = weights.load(path)
    cases = {
        "architecture": (tensors, metadata | {"architecture": "wavenet"}),
        "Unknown composer setting": (tensors, metadata | {"config": {"units": 1}}),
        "do not fit": (tensors, metadata | {"config": TINY_PUBLISHED.to_dict()}),
        "config": (tensors, {key: value for key, value in metadata.items() if key != "config"}),
    }
    for message, (stored, header) in cases.items():
        weights.save(path, stored, header)
        with pytest.raises(OrchestrionError, match=message):
            Composer.load(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bars": 2, "seconds": 3.0}, "not both"),
        ({"bars": 0}, "bars: give a whole number from 1"),
        ({"seconds": float("nan")}, "seconds: give a number above 0"),
        ({"count": 0}, "count: give"),
        ({"temperature": 0.0}, "temperature: give"),
        ({"conservativity": -1.0}, "conservativity: give"),
        ({"tempo": float("inf")}, "tempo: give"),
        ({"polyphony": 0}, "polyphony: give"),
        ({"meter": (3, 5)}, "meter"),
        ({"key": "X"}, "not a key"),
        ({"pitch_range": (20, 30)}, "No pitch is left"),
        ({"storage": "float8"}, "storage"),
        ({"prime": Score((Part("wide", 0, (Note(0, 1, 20, 80), Note(0, 1, 90, 80))),))}, "outside the model's"),
    ],
)
def test_impossible_wishes_are_one_sentence(arguments: dict, message: str) -> None:
    with pytest.raises(OrchestrionError, match=message) as error:
        compose(COMPOSER, Composing(**arguments))
    assert "\n" not in str(error.value)


def test_unknown_model() -> None:
    with pytest.raises(OrchestrionError, match="no composer"):
        compose("nobody")


def test_progress_counts_every_step() -> None:
    done: list[int] = []
    compose(COMPOSER, Composing(bars=2, count=2), progress=done.append)
    assert sum(done) == 64
