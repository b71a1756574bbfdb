"""Pickups of new pieces: as long as asked for or as learnt, and bars where they were."""

from dataclasses import replace

import numpy as np
import pytest

from orchestrion.composer.compose import Composer, compose
from orchestrion.composer.form import EXACT, NEW
from orchestrion.errors import OrchestrionError
from orchestrion.options import Composing
from orchestrion.score import Meter, Score
from tests.composer.models import TINY_FORM, random_model

DEFAULTS = {"polyphony": 1, "plans": [[[NEW, 0], [NEW, 0], [EXACT, 2], [EXACT, 2]]], "pickups": {"4/4": [0, 0, 1], "3/4": [1]}}
COMPOSER = Composer(random_model(TINY_FORM), {"defaults": DEFAULTS})
STEP_S = 60 / 120 / 4


def test_learnt_pickups_begin_the_piece_and_have_a_meter_of_their_own(tmp_path) -> None:
    score = compose(COMPOSER, Composing(bars=4, seed=1))[0]
    assert score.pickup_quarters == 0.5 and score.notes[0].onset_s == 0
    assert [(m.numerator, m.denominator) for m in score.meters] == [(1, 8), (4, 4)]
    assert 2 * STEP_S < score.duration_s <= (2 + 64) * STEP_S + 1e-9
    score.write(tmp_path / "tune.mid")
    assert Score.read(tmp_path / "tune.mid").pickup_quarters == 0.5


def test_bars_are_counted_from_the_first_whole_one() -> None:
    score = compose(COMPOSER, Composing(bars=4, seed=3))[0]
    attacks = [{(round(n.onset_s / STEP_S) - 2 - 16 * bar, n.pitch) for n in score.notes if 16 * bar <= round(n.onset_s / STEP_S) - 2 < 16 * bar + 16} for bar in range(4)]
    later = [{note for note in bar if note[0] > 0} for bar in attacks]  # a held note is struck again where a repeat begins
    assert later[0] == later[2] and later[1] == later[3] and later[0] != later[1]


@pytest.mark.parametrize("wishes", [{"pickup": 0}, {"form": "free"}, {"form": "AB"}, {"seconds": 8.0}, {"meter": (3, 4)}, {"meter": (2, 4)}])
def test_where_none_is_asked_for_none_is_written(wishes: dict) -> None:
    score = compose(COMPOSER, Composing(**({} if "seconds" in wishes else {"bars": 4}) | wishes, seed=2))[0]
    assert score.pickup_quarters == 0 and score.notes[0].onset_s == 0
    bar_s = score.meter.bar_quarters / 2
    assert score.duration_s <= 4 * bar_s + 1e-9


def test_a_pickup_that_is_asked_for_and_expression() -> None:
    score = compose(Composer(random_model(TINY_FORM), {"defaults": {"polyphony": 1}}), Composing(bars=3, meter=(6, 8), pickup=3, expression=1.0))[0]
    assert score.pickup_quarters == 0.75 and score.notes[0].onset_s == 0
    assert len(score.tempos) > 1 and score.tempos[1].time_s == pytest.approx((3 + 24) * STEP_S)


def primed(prime: Score, **wishes: object) -> Score:
    return compose(COMPOSER, Composing(prime=prime, seed=4, key="C major", **wishes))[0]


def test_a_prime_with_a_pickup_keeps_it_and_its_bars() -> None:
    """A tune of one's own, which has one as often as not, went on with every bar line a pickup too early."""
    prime = compose(COMPOSER, Composing(bars=4, seed=1, key="C major"))[0]
    more = primed(prime, bars=2)
    assert more.meters == prime.meters and more.pickup_quarters == 0.5
    n = len(prime.notes)
    assert [(note.onset_s, note.pitch) for note in more.notes[:n]] == [(note.onset_s, note.pitch) for note in prime.notes]
    bars_s = (2 + np.arange(7) * 16) * STEP_S  # where whole bars begin
    assert all(note.onset_s >= bars_s[4] - 1e-9 for note in more.notes[n:]) and bars_s[5] < more.duration_s <= bars_s[6] + 1e-9
    fresh = primed(replace(prime, meters=prime.meters[1:]), bars=2)
    assert fresh.pickup_quarters == 0


def test_variations_of_a_tune_with_a_pickup_are_as_long_as_its_whole_bars() -> None:
    prime = compose(COMPOSER, Composing(bars=4, seed=1, key="C major"))[0]
    varied = primed(prime, variations=2)
    assert varied.pickup_quarters == 0.5 and (2 + 11 * 16) * STEP_S < varied.duration_s <= (2 + 12 * 16) * STEP_S + 1e-9


def test_a_prime_that_is_to_go_on_in_another_meter_has_no_pickup() -> None:
    prime = compose(COMPOSER, Composing(bars=4, seed=1, key="C major"))[0]
    assert primed(prime, bars=2, meter=(3, 4)).meters == (Meter(0.0, 3, 4),)


def test_progress_counts_what_is_asked_for() -> None:
    done: list[int] = []
    compose(COMPOSER, Composing(bars=2, count=2), progress=done.append)
    assert sum(done) == 64


def test_impossible_pickups_are_one_sentence() -> None:
    with pytest.raises(OrchestrionError, match="a bar or longer"):
        compose(COMPOSER, Composing(bars=2, pickup=16))
    with pytest.raises(OrchestrionError, match="begins a new piece"):
        Composing(prime="ode-to-joy", pickup=2)
    for damaged in ({"4/4": []}, {"4/4": [0]}, {"4/4": ["x"]}, {"4/4": [1] * 17}, {"4/4": [-1, 5]}):
        broken = Composer(COMPOSER.model, {"defaults": DEFAULTS | {"pickups": damaged}})
        with pytest.raises(OrchestrionError, match="pickups are damaged"):
            compose(broken, Composing(bars=4))


def test_the_lead_bar_tells_the_meter() -> None:
    told, untold = (Composer(COMPOSER.model, {"defaults": DEFAULTS | extra}) for extra in ({}, {"pickups": None}))
    wishes = Composing(bars=2, form="free", seed=5)
    assert compose(told, wishes)[0].notes != compose(untold, wishes)[0].notes
    assert np.isfinite(compose(told, wishes)[0].duration_s)
