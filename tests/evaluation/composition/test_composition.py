import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

import orchestrion
from orchestrion.composer.compose import Composer
from orchestrion.composer.scoring import score_pieces
from orchestrion.datasets.corpora.piece import CorpusPiece
from orchestrion.evaluation.composition import statistics
from orchestrion.evaluation.composition.baselines import fit_markov, fit_unigram
from orchestrion.evaluation.composition.evaluate_composer import evaluate_composer, evaluate_writing
from orchestrion.score import Note, Part, Score
from orchestrion.training.composer_task import ComposerTask
from tests.composer.models import TINY_BAR, TINY_PUBLISHED, random_model


def grid_of(rows: list[list[int]]) -> np.ndarray:
    """0 silent, 1 held, 2 attacked; one row a step."""
    kinds = np.array(rows)
    return np.stack([kinds > 0, kinds == 2], axis=-1).astype(np.float32)


def test_unigram_counts() -> None:
    grid = grid_of([[2, 0], [1, 0], [0, 0], [2, 0]])
    model = fit_unigram([grid])
    np.testing.assert_allclose(model.play, [[3.5 / 5, 0.5 / 5]] * 2)
    np.testing.assert_allclose(model.attack[0, 0], 2.5 / 4)
    nll = model.nll(grid)
    expected = -math.log(0.7) - math.log(0.9)
    assert nll.play[0, 0] == pytest.approx(expected)
    assert nll.articulation[0].numpy() == pytest.approx([-math.log(2.5 / 4), -math.log(1.5 / 4), 0, -math.log(2.5 / 4)])


def test_markov_looks_one_step_back() -> None:
    grid = grid_of([[2], [1], [0], [2], [1], [0]])
    model = fit_markov([grid, grid])
    # A grid has two steps after silence (the first is one), both attacks, and four after sound: two held, two silent.
    np.testing.assert_allclose(model.play[:, 0], [(4 + 0.5) / (4 + 1), (4 + 0.5) / (8 + 1)])
    np.testing.assert_allclose(model.attack[:, 0], [(4 + 0.5) / (4 + 1), 0.5 / (4 + 1)])


def test_both_averages() -> None:
    model = random_model(TINY_PUBLISHED)
    pieces = [CorpusPiece("a", ((0, 2, 55), (3, 9, 60))), CorpusPiece("b", ((0, 40, 57),)), CorpusPiece("c", ((1, 3, 52),))]
    alone = [score_pieces(model, [piece])["total"].frame_average for piece in pieces]
    nll = score_pieces(model, pieces)["total"]
    lengths = [piece.n_steps for piece in pieces]
    assert nll.sequence_average == pytest.approx(np.mean(alone), rel=1e-5)
    assert nll.frame_average == pytest.approx(np.average(alone, weights=lengths), rel=1e-5)


@pytest.fixture
def mat(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    sets = {}
    for key, n in (("traindata", 6), ("validdata", 2), ("testdata", 3)):
        cells = np.empty((1, n), dtype=object)
        for i in range(n):
            roll = np.zeros((32, 88), dtype=np.uint8)
            roll[:, 36:48] = rng.random((32, 12)) < 0.1
            cells[0, i] = roll
        sets[key] = cells
    sets["testdata"][0, 2][0, 0] = 1  # A0, outside the model
    savemat(tmp_path / "Tiny.mat", sets)
    return tmp_path / "Tiny.mat"


def test_evaluation_of_a_matlab_set(mat: Path) -> None:
    result = evaluate_composer(Composer(random_model(TINY_PUBLISHED), {}), mat, "test")
    assert (result["pieces"], result["pieces_left_out"], result["steps"]) == (2, 1, 64)
    for prefix in ("", "baseline_unigram_", "baseline_markov_"):
        for kind in ("frame_average", "sequence_average"):
            assert 0 < result[f"{prefix}nll_per_step_{kind}"] < result[f"{prefix}nll_with_articulation_per_step_{kind}"]


def test_training_beats_the_unigram(mat: Path) -> None:
    """Forty updates on a tiny set: the loss falls, and batches depend on their number alone."""
    torch.manual_seed(0)
    task = ComposerTask(TINY_PUBLISHED, str(mat), crop_steps=32, batch=4)
    for key, value in task.batch(3).items():
        assert torch.equal(value, task.batch(3)[key])
    assert not torch.equal(task.batch(3)["grid"], task.batch(4)["grid"])
    assert not torch.equal(task.batch(3, rank=0, world=2)["grid"], task.batch(3, rank=1, world=2)["grid"])
    before = task.validate(task.model)["loss"]
    optimizer = torch.optim.Adam(task.model.parameters(), lr=0.02)
    for step in range(40):
        optimizer.zero_grad()
        task.loss(task.model, task.batch(step)).backward()
        optimizer.step()
    assert task.validate(task.model)["loss"] < 0.95 * before


def test_task_saves_what_compose_can_load(mat: Path, tmp_path: Path) -> None:
    task = ComposerTask(TINY_PUBLISHED, str(mat))
    task.save(tmp_path / "m.safetensors", task.model, {"loss": 1.5})
    composer = Composer.load(tmp_path / "m.safetensors")
    assert composer.metadata["metrics"] == {"loss": 1.5} and composer.default("polyphony", 0) == 5


OTHER = CorpusPiece("held out", ((0, 4, 60),))


def test_crops_are_masked_and_know_the_step_before(monkeypatch: pytest.MonkeyPatch) -> None:
    piece = CorpusPiece("p", tuple((i, i + 1, 60 + i % 7) for i in range(40)))
    monkeypatch.setattr("orchestrion.training.composer_task.load_corpus", lambda _, split: [piece] if split == "train" else [OTHER])
    batch = ComposerTask(TINY_BAR, "p", crop_steps=24, batch=30).batch(0)
    assert set(batch["mask"].sum(1).tolist()) == {24.0, 16.0}
    whole = torch.from_numpy(piece.grid_in(TINY_BAR.pitch_low, TINY_BAR.pitch_high, 48))
    for grid, before, clock in zip(batch["grid"], batch["before"], batch["clock"], strict=True):
        assert clock[0, 0] == 1  # every crop begins a bar
        starts = [s for s in (0, 16, 32) if torch.equal(whole[s : s + 24], grid[: len(whole[s : s + 24])])]
        assert len(starts) == 1
        assert torch.equal(before, whole[starts[0] - 1] if starts[0] else torch.zeros_like(before))


def test_forgotten_notes_are_missing_from_attack_to_end_and_come_with_an_attack(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    pieces = [CorpusPiece("p", tuple((4 * k, 4 * k + 4, int(rng.integers(60, 70))) for k in range(24)))]
    monkeypatch.setattr("orchestrion.training.composer_task.load_corpus", lambda _, split: pieces if split == "train" else [OTHER])
    whole, some = (ComposerTask(TINY_BAR, "p", crop_steps=96, batch=8, forget=share).batch(0) for share in (0.0, 0.3))
    assert torch.equal(whole["grid"], whole["heard"])
    assert torch.equal(whole["grid"][..., 0], some["grid"][..., 0])
    missing = some["grid"][..., 0] > some["heard"][..., 0]
    runs = missing.any(2).reshape(8, 24, 4).sum(2)  # every note lasts four steps
    assert set(runs.flatten().tolist()) == {0, 4} and 0.15 < (runs == 4).float().mean() < 0.45
    late = missing[:, :-1] & missing[:, 1:] & (whole["grid"][:, 1:, :, 1] == 0)
    assert (some["grid"][:, 1:, :, 1][late] == 1).all()
    kept = ~missing & (some["grid"][..., 0] == 1)
    assert torch.equal(some["grid"][..., 1][kept], whole["grid"][..., 1][kept])


def test_roll_statistics_of_a_hand_made_roll() -> None:
    grid = grid_of([[2, 2], [1, 1], [1, 0], [1, 0]] + [[0, 0]] * 4 + [[2, 2], [1, 1], [1, 0], [1, 0]])
    assert statistics.pitch_class_entropy(grid, 60) == pytest.approx(1.0)
    assert statistics.polyphony(grid) == pytest.approx(12 / 8)
    assert statistics.empty_beat_rate(grid) == pytest.approx(1 / 3)
    assert statistics.notes_per_beat(grid) == pytest.approx(4 / 3)
    assert statistics.repetition(grid, 4) == pytest.approx(1 / 3)


def test_copies_are_found_wherever_they_stand() -> None:
    rng = np.random.default_rng(0)
    known_piece, other = (grid_of((2 * (rng.random((60, 9)) < 0.2)).astype(int).tolist()) for _ in range(2))
    known = statistics.known_windows([known_piece])
    assert statistics.copied_share(known_piece[13:40], known) == 1.0
    assert statistics.copied_share(other, known) == 0.0
    half = np.concatenate([known_piece[5:37], other[:15]])
    assert statistics.copied_share(half, known) == pytest.approx(17 / 32)
    assert len(statistics.window_hashes(np.zeros((40, 9, 2)))) == 0


def test_writing_is_compared_with_held_out_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    pieces = [CorpusPiece(str(n), tuple((i, i + 1, 60 + int(rng.integers(12))) for i in range(48))) for n in range(6)]
    monkeypatch.setattr("orchestrion.evaluation.composition.evaluate_composer.load_corpus", lambda *_: pieces)
    result = evaluate_writing(Composer(random_model(TINY_BAR), {}), "melodies", count=3, bars=2)
    assert result["copied_windows_held_out"] == 1.0 and result["copied_windows_written"] == 0.0
    assert result["polyphony_held_out_p95"] == 1.0 and not result["polyphony_inside"]


def test_statistics_of_a_score() -> None:
    """Two bars of the same four quarters C D C D, drums beside them: one bit of classes, one repetition in two bars."""
    notes = tuple(Note(0.5 * i, 0.5 * (i + 1), (60, 62)[i % 2], 80) for i in range(8))
    drums = Part("Kit", 0, (Note(0.0, 4.0, 36, 80),), is_drum=True)
    measured = orchestrion.statistics(Score((Part("Melody", 0, notes), drums)))
    assert measured == {
        "pitch_class_entropy": 1.0, "polyphony": 1.0, "empty_beat_rate": 0.0, "notes_per_beat": 1.0, "repetition": 0.5
    }  # fmt: skip
