"""Faults of an instrument's tables (its harmonic source), in files whose checksums are right: other shapes, types and numbers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from orchestrion import shipped, weights
from orchestrion.errors import OrchestrionError
from orchestrion.options import Playing
from orchestrion.playing import play
from orchestrion.renderer.instrument import Instrument, _source
from orchestrion.renderer.sourcefile import SOURCE
from orchestrion.score import Note, Part, Score

pytestmark = [pytest.mark.filterwarnings("error"), pytest.mark.filterwarnings("ignore:.*has learnt:UserWarning")]
NOTES = Score((Part("", 0, tuple(Note(i / 16, i / 16 + 0.1, pitch, 80) for i, pitch in enumerate((60, 21, 108)))),))
LIMIT_S = 2.0
WHOLE = ("sample_rate", "pitch", "n_partials")


def damaged(table: np.ndarray) -> Iterator[np.ndarray]:
    """Other shapes, types and numbers."""
    flat = table.reshape(-1)
    yield from (flat[:0], flat[:1].reshape(()), table[:-1], np.concatenate([table, table]), flat, table[None], table[..., None], table[..., :0])
    yield from (table[..., :1], np.ascontiguousarray(table.T), np.zeros((*table.shape[:-1], 50_000), table.dtype) if table.size < 5000 else table)
    yield from (table.astype(kind) for kind in ("uint8", "bool", "int64") if kind != table.dtype)
    yield table.astype(np.float64) * 1e30
    extremes = (0, 1, np.iinfo(table.dtype).min, np.iinfo(table.dtype).max) if table.dtype.kind in "iu" else (0, -1, 1e-30, np.finfo(table.dtype).max, -np.finfo(table.dtype).max)
    for extreme in extremes:
        one = table.copy()
        one.flat[0] = extreme
        yield from (one, np.full_like(table, extreme))


# A struck instrument, which has attacks, and a bowed one, whose noise moves, too.
@pytest.mark.parametrize("name", ["marimba", "violin"])
def test_tables_are_refused_or_play_numbers(name: str) -> None:
    instrument, counts = Instrument.load(name), {"read": 0, "refused": 0}
    tables = {key.removeprefix(SOURCE): table for key, table in weights.load_arrays(shipped.find(name))[0].items()}
    for key, whole in tables.items():
        for number, table in enumerate(damaged(whole)):
            began = time.process_time()
            try:
                source = _source({**tables, key: table}, Path("a.safetensors"), 0.0)
                other = replace(instrument, parameters=replace(instrument.parameters, source=source))
                audio = play(NOTES, [other], Playing(device="cpu", threads=1, length_s=0.05, only_source=True)).audio
                assert np.isfinite(audio.samples).all() and np.abs(audio.samples).max() <= 1, (key, number)
                counts["read"] += 1
            except OrchestrionError as error:
                assert "\n" not in str(error) and len(str(error)) < 1000, (key, number)
                counts["refused"] += 1
            assert time.process_time() - began < LIMIT_S, (key, number)
    assert counts["refused"] > 150 and counts["read"] > 50, counts


@pytest.mark.parametrize("key", WHOLE)
def test_whole_numbers_are_not_cast(key: str, tmp_path: Path) -> None:
    """numpy warned, and made of 1e30 what the processor makes of it."""
    arrays, facts = weights.load_arrays(shipped.find("violin"))
    facts.pop("sha256")
    weights.save(tmp_path / "a.safetensors", {**arrays, SOURCE + key: arrays[SOURCE + key].astype(np.float64)}, facts)
    with pytest.raises(OrchestrionError, match="no whole numbers"):
        Instrument.load(tmp_path / "a.safetensors")


def test_an_enormous_table_is_refused_before_it_is_read() -> None:
    tables = {key.removeprefix(SOURCE): table for key, table in weights.load_arrays(shipped.find("violin"))[0].items()}
    shares = tables["noise_modulation_share"]
    began = time.process_time()
    with pytest.raises(OrchestrionError, match="larger than any"):
        _source({**tables, "noise_modulation_share": np.zeros((*shares.shape[:-1], 50_000), np.int8)}, Path("a.safetensors"), 0.0)
    assert time.process_time() - began < 0.5


def test_a_long_attack_is_refused_before_it_is_expanded(tmp_path: Path) -> None:
    """Which takes Python a second for each 100,000 samples."""
    arrays, facts = weights.load_arrays(shipped.find("marimba"))
    facts.pop("sha256")
    key = next(name for name in arrays if name.startswith(SOURCE + "attack") and "peak" not in name)
    weights.save(tmp_path / "a.safetensors", {**arrays, key: np.zeros((*arrays[key].shape[:2], 200_000), np.int8)}, facts)
    began = time.process_time()
    with pytest.raises(OrchestrionError, match="longer than any"):
        Instrument.load(tmp_path / "a.safetensors")
    assert time.process_time() - began < LIMIT_S
