import copy

import numpy as np
import pytest

from orchestrion.composer.calibration import Calibration, fitted
from orchestrion.composer.features import clock_rows
from orchestrion.composer.network import Biaxial
from orchestrion.composer.sampler import Choices, Sampler
from orchestrion.composer.scoring import score_pieces
from orchestrion.datasets.corpora.piece import CorpusPiece
from orchestrion.score import PianoRoll
from tests.composer.models import TINY_PUBLISHED, random_model

TRUE = random_model(TINY_PUBLISHED, seed=1, bias=-1.0)


def drawn(n_pieces: int, n_steps: int) -> list[CorpusPiece]:
    """Pieces that the network `TRUE` has drawn."""
    sampler, low = Sampler(TRUE, "float32", n_pieces), TINY_PUBLISHED.pitch_low
    state, every = sampler.initial_state(), Choices(np.ones(TINY_PUBLISHED.n_pitches, dtype=np.uint8))
    clock = clock_rows(TINY_PUBLISHED, (4, 4), 0, n_steps, None)
    grid = np.zeros((n_pieces, n_steps, 128, 2), dtype=bool)
    for step in range(n_steps):
        rows, state = sampler.draw(state, clock[step], [every] * n_pieces, 3, range(n_pieces))
        grid[:, step, low : low + TINY_PUBLISHED.n_pitches] = rows
    return [CorpusPiece.from_roll(PianoRoll(each), f"drawn {i}") for i, each in enumerate(grid)]


def overconfident() -> Biaxial:
    model = copy.deepcopy(TRUE)
    Calibration(2.0, 0.6).fold_into(model)
    return model


def test_a_network_too_sure_of_itself_is_calibrated_back() -> None:
    """Twice the logit plus 0.6 is fitted by half of it less 0.3, times and plus what the network itself lacks."""
    pieces, model = drawn(8, 100), overconfident()
    own, found = fitted(TRUE, pieces), fitted(model, pieces)
    assert own.scale == pytest.approx(1.0, abs=0.25) and own.shift == pytest.approx(0.0, abs=0.25)  # few pieces
    assert found.scale == pytest.approx(own.scale / 2, abs=1e-3)
    assert found.shift == pytest.approx(own.shift - 0.3 * own.scale, abs=1e-3)
    before = score_pieces(model, pieces)
    found.fold_into(model)
    after, true = score_pieces(model, pieces), score_pieces(TRUE, pieces)
    assert after["play"].frame_average < before["play"].frame_average - 0.1
    assert after["play"].frame_average <= true["play"].frame_average + 1e-4
    assert after["articulation"] == before["articulation"]


def test_every_piece_is_reported_once() -> None:
    told: list[int] = []
    fitted(TRUE, drawn(3, 16), told.append)
    assert sum(told) == 3
