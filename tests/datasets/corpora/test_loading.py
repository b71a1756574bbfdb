from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from orchestrion.datasets.corpora import loading
from orchestrion.datasets.corpora.music21_corpus import piece_from_written, split_tunes
from orchestrion.datasets.corpora.piece import SPLITS, CorpusPiece, fingerprint, prepared, split_of
from orchestrion.datasets.corpora.scores import read_score
from orchestrion.errors import OrchestrionError
from orchestrion.reading import abc
from orchestrion.score import BUILTIN_TUNES, PianoRoll

TUNES = """X: 1
T: one
M: 6/8
L: 1/8
K: Em
B|E2F G2A|{c}B3- B2"Am"A|E6|E6|

X: 2
T: two
M: 4/4
L: 1/8
K: D
(3DEF G2 A4|A8|
"""


@pytest.fixture
def tunes() -> list:
    return [abc.read(text, "book") for text in split_tunes(TUNES)]


def test_abc_tune_becomes_steps(tunes: list) -> None:
    """Pickup before bar 1, ties joined, grace note and chord symbol left out."""
    piece = piece_from_written(tunes[0], "one")
    assert piece is not None
    assert (piece.meter, piece.sharps, piece.steps_per_bar, piece.n_whole_steps) == ((6, 8), 1, 12, 60)
    assert piece.notes[:7] == (
        (10, 12, 71),
        (12, 16, 64),
        (16, 18, 66),
        (18, 22, 67),
        (22, 24, 69),
        (24, 34, 71),
        (34, 36, 69),
    )


def test_triplets_are_off_the_grid(tunes: list) -> None:
    assert piece_from_written(tunes[1], "two") is None


def test_an_accidental_lasts_in_its_bar_and_repeats_stay_as_printed() -> None:
    tune = abc.read("X:1\nM:4/4\nL:1/4\nK:G\nG3 A | |: ^c c =f F | c c2- c | c4 :|\n", "book")
    piece = piece_from_written(tune, "accidentals")
    assert piece is not None
    assert [pitch for _, _, pitch in piece.notes] == [67, 69, 73, 73, 77, 65, 72, 72, 72]
    assert piece.notes[-2:] == ((36, 48, 72), (48, 64, 72))


def test_a_folder_s_scores_begin_with_a_bar_pickup_or_not(tmp_path) -> None:
    (tmp_path / "a.abc").write_text("X:1\nM:3/4\nL:1/4\nK:C\nG | c2 B | A3 |]\n")
    piece = read_score(tmp_path / "a.abc", "a")
    assert piece.meter == (3, 4) and piece.notes[:2] == ((8, 12, 67), (12, 20, 72))


def test_to_the_plain_key_and_back() -> None:
    for sharps in range(-6, 7):
        tonic = 60 + sharps * 7 % 12
        moved = CorpusPiece("scale", ((0, 4, tonic), (4, 8, tonic + 4)), sharps=sharps).in_c()
        assert moved.notes[0][2] % 12 == 0 and -6 <= moved.notes[0][2] - tonic <= 6
        assert moved.tonic == 4


def test_fingerprint_knows_a_tune_in_any_key_and_rhythm() -> None:
    tune = CorpusPiece("a", tuple((i * 2, i * 2 + 2, 60 + i * i % 7) for i in range(20)))
    slower = CorpusPiece("b", tuple((2 * on, 2 * off, pitch) for on, off, pitch in tune.transposed(5).notes))
    other = CorpusPiece("c", ((0, 2, 60), (2, 4, 61)))
    assert fingerprint(tune) == fingerprint(slower) != fingerprint(other)
    assert split_of(tune) == split_of(slower)


def test_splits_are_eight_one_one() -> None:
    pitches = np.random.default_rng(0).integers(40, 80, size=(1500, 16)).tolist()
    pieces = [CorpusPiece("p", tuple((i, i + 1, pitch) for i, pitch in enumerate(row))) for row in pitches]
    shares = [sum(split_of(piece) == split for piece in pieces) / len(pieces) for split in SPLITS]
    assert np.allclose(shares, [0.8, 0.1, 0.1], atol=0.04)


notes = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9), st.integers(50, 54)), max_size=25)


@settings(deadline=None)
@given(notes)
def test_grid_and_piece_are_inverse(raw: list[tuple[int, int, int]]) -> None:
    grid = CorpusPiece("p", tuple({(on, p): (on, on + n, p) for on, n, p in raw}.values())).grid()
    again = CorpusPiece.from_roll(PianoRoll(grid), "p")
    np.testing.assert_array_equal(again.grid(), grid)


def test_cropping_pitches_and_padding_steps() -> None:
    piece = CorpusPiece("p", ((0, 3, 60), (3, 4, 72)))
    assert piece.grid_in(60, 72, 16).shape == (16, 13, 2) and piece.grid_in(60, 72, 16).sum() == 6
    assert prepared([piece], 60, 71, plain_key=False) == []


def test_corpus_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def read(report) -> list[CorpusPiece]:
        calls.append(1)
        report(1, 1)
        return [CorpusPiece(str(n), tuple((i, i + 1, 60 + n * i % 11) for i in range(9)), (6, 8), -2) for n in range(40)]

    monkeypatch.setenv("ORCHESTRION_CACHE", str(tmp_path / "deep" / "cache"))
    monkeypatch.setitem(loading.CORPORA, "melodies", read)
    parts = [loading.load_corpus("melodies", split) for split in ("train", "all")]
    assert parts[1] == read(lambda *_: calls.pop())
    assert len(calls) == 1 and 0 < len(parts[0]) < len(parts[1]) == 40


@pytest.fixture
def roll_file(tmp_path: Path) -> Path:
    roll = np.zeros((6, 88), dtype=np.uint8)
    roll[0:3, 39] = roll[4:6, 39] = roll[1:2, 43] = 1
    cells = np.empty((1, 2), dtype=object)
    cells[0, 0], cells[0, 1] = roll, np.zeros((4, 88))
    path = tmp_path / "Set.mat"
    savemat(path, {"testdata": cells})
    return path


def test_matlab_rolls(roll_file: Path) -> None:
    first, silent = loading.load_corpus(roll_file, "test")
    assert first.notes == ((0, 3, 60), (1, 2, 64), (4, 6, 60)) and first.merged
    assert silent.n_steps == 4 and silent.notes == ()
    with pytest.raises(OrchestrionError, match="no validation split"):
        loading.load_corpus(roll_file, "validation")


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"MATLAB 5.0 MAT-file" + bytes(200), bytes(128)])
def test_broken_matlab_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.mat"
    path.write_bytes(content)
    with pytest.raises(OrchestrionError):
        loading.load_corpus(path, "test")


def test_matlab_entries_that_are_no_rolls(tmp_path: Path) -> None:
    for entry in (np.full((3, 88), 2), np.zeros((3, 87)), np.array(["a"])):
        cells = np.empty((1, 1), dtype=object)
        cells[0, 0] = entry
        savemat(tmp_path / "y.mat", {"testdata": cells})
        with pytest.raises(OrchestrionError, match="not a roll"):
            loading.load_corpus(tmp_path / "y.mat", "test")


def test_unknown_names(tmp_path: Path) -> None:
    with pytest.raises(OrchestrionError, match="Unknown split"):
        loading.load_corpus("melodies", "tests")
    with pytest.raises(OrchestrionError, match="neither a corpus"):
        loading.load_corpus(tmp_path / "nothing", "test")
    with pytest.raises(OrchestrionError, match="Cannot read"):
        loading.load_corpus(tmp_path / "nothing.mat", "test")
    with pytest.raises(OrchestrionError, match="no pieces"):
        loading.load_corpus(tmp_path, "test")


def test_folder_of_scores(tmp_path: Path) -> None:
    BUILTIN_TUNES["ode-to-joy"].write(tmp_path / "ode.mid")
    (piece,) = loading.load_corpus(tmp_path, "all")
    assert len(piece.notes) == len(BUILTIN_TUNES["ode-to-joy"].notes)
