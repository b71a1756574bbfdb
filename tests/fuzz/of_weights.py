"""Weights, and the journal of a rendering."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import numpy as np

from orchestrion.score import Note, Part, Score
from tests.fuzz.reader import NOTES, Reader


def _instrument_file(folder: Path) -> None:
    from orchestrion import weights
    from orchestrion.renderer.config import WaveNetConfig
    from orchestrion.renderer.parameters import shapes

    config = WaveNetConfig(layers=3, cycle=3, residual=8, skip=8, head=8, harmonics=0, conditioning_channels=4, context_channels=4)
    draw = np.random.default_rng(0)
    arrays = {name: draw.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes(config).items()}
    about: dict[str, object] = {"architecture": "wavenet", "config": config.to_dict(), "pitch_range": [50, 72], "licence": "none", "temperature": 0.9}
    weights.save(folder / "a.safetensors", arrays, about)


def _driven_file(folder: Path) -> None:
    """A shipped instrument of tables alone, which has a harmonic source."""
    from orchestrion import shipped

    smallest = min((shipped.find(name) for name in shipped.instruments()), key=lambda path: path.stat().st_size)
    shutil.copy(smallest, folder / "a.safetensors")


def _unconditioned_file(folder: Path) -> None:
    """With a mixture, which a softmax's codes are no test of."""
    from orchestrion import weights
    from orchestrion.renderer.config import WaveNetConfig
    from orchestrion.renderer.parameters import shapes

    config = WaveNetConfig(layers=3, cycle=3, residual=8, skip=8, head=8, harmonics=0, conditioning="none", mixtures=3, history=5, preemphasis=0.85, gain=2.0)
    draw = np.random.default_rng(0)
    arrays = {name: draw.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes(config).items()}
    weights.save(folder / "a.safetensors", arrays, {"architecture": "wavenet", "config": config.to_dict(), "licence": "none"})


def _generator_file(folder: Path) -> None:
    """A shipped one, the smallest."""
    from orchestrion import header, shipped

    others = [path for path in map(shipped.find, shipped.names()) if header.read(path).get("architecture") == "generator"]
    shutil.copy(min(others, key=lambda path: path.stat().st_size), folder / "a.safetensors")


def _composer_file(folder: Path) -> None:
    from orchestrion.composer.compose import Composer
    from orchestrion.composer.config import ComposerConfig
    from orchestrion.composer.network import Biaxial

    config = ComposerConfig(pitch_low=60, pitch_high=76, time_sizes=(2,), note_sizes=(2,))
    Composer(Biaxial(config), {"licence": "none", "defaults": {"polyphony": 1}}).save(folder / "a.safetensors")


def _read_weights(folder: Path) -> None:
    from orchestrion import header
    from orchestrion.composer.compose import Composer, compose
    from orchestrion.generators.files import load_generator
    from orchestrion.options import Composing, Playing
    from orchestrion.playing import play
    from orchestrion.renderer.instrument import Instrument

    path = folder / "a.safetensors"
    load = {"wavenet": Instrument.load, "generator": load_generator}.get(str(header.read(path).get("architecture")), Composer.load)
    loaded = load(path)
    if isinstance(loaded, Instrument):
        _ = loaded.pitch_range, loaded.notice, loaded.temperature, loaded.gain_db
        play(Score((Part("", 0, NOTES),)), [loaded], Playing(device="cpu", threads=1, length_s=0.02, only_source=loaded.source is not None))
    elif isinstance(loaded, Composer):
        compose(loaded, Composing(bars=1, threads=1))
    else:
        loaded.generate(None, 50, seed=0)


def _journal(parallel: bool) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        with patch("orchestrion.renderer.resuming.FIRST_SAVE_S", 0.0), suppress(KeyboardInterrupt):
            _render(folder, parallel, stop=True)
        (folder / "parallel").write_text(str(parallel))

    return write


def _render(folder: Path, parallel: bool, *, stop: bool = False) -> None:
    from orchestrion.options import Playing
    from orchestrion.playing import render_to_file
    from orchestrion.renderer.instrument import Instrument

    told: list[float] = []

    def advance(n: float = 1) -> None:
        told.append(n)
        if stop and sum(told) > 0.1:
            raise KeyboardInterrupt

    _instrument_file(folder)
    instrument = Instrument.load(folder / "a.safetensors")
    (folder / "a.safetensors").unlink()
    score = Score((Part("", 0, tuple(Note(i, i + 0.2, 60, 80) for i in range(2 if not parallel else 12))),))
    render_to_file(score, instrument, folder / "out.wav", Playing(device="cpu", threads=1, parallel=parallel), resume=True, advance=advance)


def _read_journal(folder: Path) -> None:
    _render(folder, (folder / "parallel").exists() and (folder / "parallel").read_bytes() == b"True")


READERS = {
    "weights": Reader((_instrument_file, _driven_file, _unconditioned_file, _composer_file, _generator_file), _read_weights),
    "journal": Reader((_journal(False), _journal(True)), _read_journal),
}
