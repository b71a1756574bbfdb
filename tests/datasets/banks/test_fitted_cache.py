"""Fits of notes in the cache: each under what it depends on, and nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from orchestrion.datasets.banks import fitted_cache, mixing
from orchestrion.datasets.banks.fitted_cache import _keys, fitted
from orchestrion.datasets.banks.mixing import FittedBank
from orchestrion.datasets.banks.notebank import BankNote, NoteBank, open_folder
from tests.datasets.banks.notes import plucked, write_bank


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> NoteBank:
    return open_folder(write_bank(tmp_path_factory.mktemp("banks") / "harp", [60, 64], make=lambda pitch: plucked(pitch, 0.4)))


def with_note(bank: NoteBank, **changes: object) -> NoteBank:
    return dataclasses.replace(bank, notes=(dataclasses.replace(bank.notes[0], **changes), *bank.notes[1:]))  # type: ignore[arg-type]


def test_what_a_fit_does_not_depend_on_keeps_its_key(bank: NoteBank) -> None:
    keys = list(_keys(bank))
    others = {"name": "lyre", "reference_velocity": 64.0, "release_db_s": bank.release_db_s + 1, "scale": 2.0, "information": {"licence": "CC0"}, "exponent": 1.0}
    assert others.keys() | {"sample_rate", "notes", "sustained", "stretched"} == {field.name for field in dataclasses.fields(bank)}
    for name, value in others.items():
        assert list(_keys(dataclasses.replace(bank, **{name: value}))) == keys, name
    layer = dataclasses.replace(bank, notes=tuple(dataclasses.replace(note, velocity_low=2, recorded=False) for note in bank.notes))
    assert list(_keys(layer)) == keys
    assert list(_keys(dataclasses.replace(bank, notes=bank.notes[1:]))) == keys[1:]


def test_what_a_fit_depends_on_has_another_key(bank: NoteBank) -> None:
    keys = list(_keys(bank))
    others = [dataclasses.replace(bank, **{name: value}) for name, value in {"sample_rate": 16000, "sustained": True, "stretched": not bank.stretched}.items()]
    others.append(with_note(bank, velocity_low=90))  # several layers: no tones aside
    assert all(not set(_keys(other)) & set(keys) for other in others)
    for changes in ({"pitch": 61}, {"samples": bank.notes[0].samples * np.float32(0.5)}, {"samples": bank.notes[0].samples[:-1]}):
        first, *rest = _keys(with_note(bank, **changes))
        assert first != keys[0] and rest == keys[1:], changes


def test_only_what_is_new_is_fitted(bank: NoteBank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more note in a folder had all of them fitted anew."""
    first = fitted(bank, cache_dir=tmp_path, threads=1)
    asked: list[int] = []
    fit_note = mixing.fit_note
    monkeypatch.setattr(mixing, "fit_note", lambda samples, pitch, *more, **options: asked.append(pitch) or fit_note(samples, pitch, *more, **options))
    more = dataclasses.replace(bank, name="larger", notes=(BankNote(59, *plain(bank), plucked(59, 0.4)), *bank.notes))
    again = fitted(more, cache_dir=tmp_path, threads=1)
    assert asked == [59] and len(again.fits) == len(bank.notes) + 1
    for was, found in zip(first.fits, again.fits[1:], strict=True):
        for field in dataclasses.fields(was):
            one, other = getattr(was, field.name), getattr(found, field.name)
            assert type(one) is type(other) and np.array_equal(one, other) and np.asarray(one).dtype == np.asarray(other).dtype, field.name


def plain(bank: NoteBank) -> tuple[int, int]:
    return bank.notes[0].velocity_low, bank.notes[0].velocity_high


def test_what_was_fitted_before_a_stop_is_kept(bank: NoteBank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit_note = mixing.fit_note

    def stopped(samples: np.ndarray, pitch: int, *more: object, **options: object) -> object:
        if pitch == bank.notes[-1].pitch:
            raise KeyboardInterrupt
        return fit_note(samples, pitch, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(mixing, "fit_note", stopped)
    with pytest.raises(KeyboardInterrupt):
        fitted(bank, cache_dir=tmp_path, threads=1)
    assert len(list(tmp_path.iterdir())) == len(bank.notes) - 1


def test_the_code_has_a_part_in_the_key(bank: NoteBank, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = list(_keys(bank))
    monkeypatch.setattr(fitted_cache, "code_digest", lambda *roots, **options: "other")
    assert not set(_keys(bank)) & set(keys)


def test_a_bank_fitted_with_what_is_known_is_the_same(bank: NoteBank) -> None:
    whole = FittedBank.fit(bank, threads=1)
    made: list[int] = []
    part = FittedBank.fit(bank, threads=1, known=[None, *whole.fits[1:]], then=lambda number, fit: made.append(number))
    assert made == [0] and part.fits[1:] == whole.fits[1:] and np.array_equal(part.fits[0].source, whole.fits[0].source)
