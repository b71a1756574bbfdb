"""A playable instrument from single notes or from recordings with notes, in minutes and without training.

Tables are fitted to the notes; a shipped network plays them.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from orchestrion import shipped, weights
from orchestrion.audio import Waveform
from orchestrion.audio.loudness import integrated_loudness
from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.source import STEPS, HarmonicSource
from orchestrion.bridge.sourcesignal import SourceSignal
from orchestrion.datasets.banks.fitted_cache import fitted
from orchestrion.datasets.banks.mixing import FittedBank
from orchestrion.datasets.banks.opening import SOUNDFONT_FILE, is_bank, open_bank
from orchestrion.datasets.catalogue import open_recordings
from orchestrion.datasets.recordings.holdout import divided
from orchestrion.datasets.records import SOUNDFONT
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.figures.source import draw_source
from orchestrion.evaluation.judge.fidelity import error_db
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.instrument import ARCHITECTURE, GAIN, NETWORK, TRUST
from orchestrion.renderer.sourcefile import source_tensors
from orchestrion.score import BUILTIN_TUNES, Score
from orchestrion.training.driven_sets import heard_range, track_recordings
from orchestrion.training.trial_playing import TEMPERATURE

LOUDNESS_LUFS, HIGHEST_PEAK_DB = -20.0, -1.0
HEADROOM_DB = 1.0  # of the network over the source alone
SHARED = "orchestra"  # the network that plays what it has not been trained on
# The share of what it adds to notes that it has not heard: nearer to held-out pieces than the whole (harmonica 1.20 against 1.35 dB, electric piano .36 against .38).
UNHEARD_TRUST = 0.25


def learn(
    data: str | os.PathLike[str], output: str | os.PathLike[str], *, network: str = SHARED, threads: int | None = None, stretched: bool | None = None
) -> dict[str, object]:
    """Find the tables of ``data`` and write an instrument, and a picture of them beside it (.png); what was found.

    The file holds the network as well, so that it plays in any later version. ``orchestrion train renderer --from`` adds what
    tables lack.

    Args:
        data: a bank (see `open_bank`), or a folder of recordings with notes.
        network: a shipped network.
        stretched: of recordings, see `train_driven`.

    Raises:
        OrchestrionError: no such data or network; ``output`` cannot be written.
    """
    if not is_bank(data) and not Path(data).is_dir():
        raise OrchestrionError(
            f"There is no folder {data}: give single notes (a folder with index.tsv, an SFZ or SoundFont file, or soundfont:NAME), or a folder of recordings with their notes."
        )
    tensors, facts = weights.load(shipped.network(network), architecture=ARCHITECTURE)
    stated = facts["config"]
    assert isinstance(stated, dict)  # of a network that ships
    config = WaveNetConfig.from_dict(stated)
    if is_bank(data):
        bank = fitted(open_bank(data, config.sample_rate), threads=threads)
        made, information, pitch_range, found = bank.source(), dict(bank.bank.information), bank.bank.pitch_range, figures(bank)
    else:
        made, information, pitch_range, found = _recorded(data, config, threads, stretched)
    source, louder = calibrated(made, config)
    header = metadata(information, pitch_range, louder, found)
    header |= {GAIN: gain_db(louder, config), NETWORK: {"name": network, "sha256": facts["sha256"]}, TRUST: UNHEARD_TRUST}
    weights.save(output, {**tensors, **source_tensors(source)}, header)
    draw_source(Path(output).with_suffix(".png"), source, Path(output).stem)
    return found


def _recorded(
    data: str | os.PathLike[str], config: WaveNetConfig, threads: int | None, stretched: bool | None
) -> tuple[HarmonicSource, dict[str, object], tuple[int, int], dict[str, object]]:
    """The tables of recordings, what is known of them, their range, and the figures of a card."""
    recordings = open_recordings(data, sample_rate=config.sample_rate, hop=config.hop)
    train, validation = divided(recordings)
    information = dict(recordings.information) | {"name": recordings.name}
    tracked = track_recordings(recordings.name, train, validation, information, stretched=stretched, threads=threads)
    found = {"notes": sum(len(piece.notes) for piece in train), "minutes": round(sum(piece.duration_s for piece in train) / 60, 1)}
    return tracked.source, information, heard_range(tracked.source), found | table_figures(tracked.source) | dict(tracked.figures)


def gain_db(louder: WaveNetConfig, config: WaveNetConfig) -> float:
    """By how much a `calibrated` instrument is louder than its bank."""
    return round(float(20 * np.log10(config.gain / louder.gain)), 3)


def calibrated(source: HarmonicSource, config: WaveNetConfig) -> tuple[HarmonicSource, WaveNetConfig]:
    """The tables and the config of an instrument that plays at ``LOUDNESS_LUFS``, or as near as its peaks allow.

    The tables grow by as many dB as the emphasis shrinks, so that the network hears what it has learnt. Measured on the built-in
    tunes by the source alone, the median of their loudness and the highest of their true peaks.
    """
    heard = [_alone(tune, source, config) for tune in BUILTIN_TUNES.values()]
    loudness = float(np.median([integrated_loudness(audio) for audio in heard]))
    peak = max(true_peak_db(audio) for audio in heard)
    # In whole steps of a file's tables: tables that were in steps already are not rounded twice.
    gain_db = math.floor(min(LOUDNESS_LUFS - loudness, HIGHEST_PEAK_DB - HEADROOM_DB - peak) * STEPS) / STEPS
    louder = dataclasses.replace(
        source,
        level_db=source.level_db + np.float32(gain_db),
        noise_db=source.noise_db + np.float32(gain_db),
        attack=None if source.attack is None else source.attack * np.float32(10 ** (gain_db / 20)),
        louder_db=gain_db,
    )
    return louder, dataclasses.replace(config, gain=float(config.gain * 10 ** (-gain_db / 20)))


def true_peak_db(audio: Waveform) -> float:
    """The highest peak between the samples too, at four times the rate (ITU-R BS.1770, annex 2), in dB of full scale."""
    import soxr

    between = soxr.resample(audio.samples, audio.sample_rate, 4 * audio.sample_rate, quality="HQ")
    return float(20 * np.log10(np.abs(between).max(initial=1e-9)))


def _alone(tune: Score, source: HarmonicSource, config: WaveNetConfig) -> Waveform:
    """A tune in the instrument's range, by the source alone."""
    middle = float(np.median([note.pitch for note in tune.notes]))
    shift = 12 * round((float(np.median(source.pitch)) - middle) / 12)
    series = ConditioningSeries.from_score(tune.transpose(shift), sample_rate=config.sample_rate, hop=config.hop)
    samples = SourceSignal(series, source).samples(0, series.n_frames)
    return Waveform(samples / max(1.0, float(np.abs(samples).max())), config.sample_rate)


def metadata(information: Mapping[str, object], pitch_range: tuple[int, int], config: WaveNetConfig, found: Mapping[str, object]) -> dict[str, object]:
    """The header of an instrument."""
    program = information.get("program", 0)
    return {
        "architecture": ARCHITECTURE, "config": config.to_dict(), "data": dict(information), "licence": str(information.get("licence", "unknown")),
        "pitch_range": list(pitch_range), "program": program if isinstance(program, int) else 0, "metrics": dict(found), "temperature": TEMPERATURE,
    }  # fmt: skip


def figures(bank: FittedBank) -> dict[str, object]:
    """What a card says of the tables: notes, pitches, how much of the notes the source explains (median, dB)."""
    if not bank.fits:
        raise OrchestrionError(f"{bank.bank.name} has no notes.")
    errors = sorted(error_db(fit.source, note.samples) for note, fit in zip(bank.bank.notes, bank.fits, strict=True))
    return {"notes": len(bank.fits)} | table_figures(bank.source()) | {"source_explains_db": round(-errors[len(errors) // 2], 1)}


def table_figures(source: HarmonicSource) -> dict[str, object]:
    """Pitches, layers and size."""
    return {
        "pitches_heard": int(source.heard.sum()), "pitches_filled": int((~source.heard).sum()), "layers": len(source.velocity),
        "kilobytes": round(sum(table.nbytes for table in source.tensors().values()) / 1024),
    }  # fmt: skip


def default_output(data: str | os.PathLike[str]) -> Path:
    """``violin.safetensors`` for ``soundfont:violin``, and the name of the folder or file; ``choir-52`` for ``choir.sf2:52``."""
    text = str(data)
    if text.startswith(SOUNDFONT):
        return Path(f"{text.removeprefix(SOUNDFONT)}.safetensors")
    name, _, program = text.rpartition(":") if SOUNDFONT_FILE.match(text) and ":" in Path(text).name else (text, "", "")
    return Path(f"{Path(name).stem}{'-' * bool(program)}{program}.safetensors")
