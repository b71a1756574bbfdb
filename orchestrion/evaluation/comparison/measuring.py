"""All meters of one back-end's clips, and of the recordings themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import Any

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.comparison.openings import Material
from orchestrion.evaluation.judge.following import note_accuracy
from orchestrion.evaluation.meters.audio_checks import level_db
from orchestrion.evaluation.meters.band import MusicBand, measure_band
from orchestrion.evaluation.meters.clicks import measure_clicks
from orchestrion.evaluation.meters.copying import CopyMeter, search_copies
from orchestrion.evaluation.meters.distances import frechet_distance, kernel_distance
from orchestrion.evaluation.meters.embeddings import embed_all
from orchestrion.evaluation.meters.loops import SEED_MULTIPLES, measure_loops
from orchestrion.evaluation.meters.noise import MusicFlatness, measure_noise
from orchestrion.evaluation.meters.residue import measure_residue
from orchestrion.evaluation.meters.silence import measure_silence
from orchestrion.score import Score


@dataclass(frozen=True, slots=True, eq=False)
class Yardstick:
    """What all are measured against, worked out once."""

    material: Material
    band: MusicBand
    patches: np.ndarray
    usual_db: float
    seed_s: float

    @classmethod
    def of(cls, material: Material, seed_s: float) -> Yardstick:
        """
        Raises:
            OrchestrionError: the held-out recordings are silent.
        """
        held_out = material.held_out
        usual_db = level_db(np.concatenate([sound.samples for sound in held_out]))
        return cls(material, MusicBand.of(held_out), embed_all(held_out), usual_db, seed_s)

    def search(
        self, takes: Mapping[str, Sequence[Waveform]], recording: str, advance: Callable[[float], None]
    ) -> dict[str, list[CopyMeter]]:
        """Copies in all clips of all ``takes``; empty lists where the training audio is not known.

        What the real ``recording``, which is no copy, scores at most is what chance gives.
        """
        if not self.material.training:
            return {name: [] for name in takes}
        clips = [clip for listed in takes.values() for clip in listed]
        found = iter(search_copies(clips, self.material.training_audio, advance=advance))
        by_take = {name: [next(found) for _ in listed] for name, listed in takes.items()}
        chance = max(copy.correlation for copy in by_take[recording])
        return {name: [replace(copy, by_chance=chance) for copy in copies] for name, copies in by_take.items()}


def measure(
    clips: Sequence[Waveform],
    yardstick: Yardstick,
    *,
    copies: Sequence[CopyMeter] = (),
    score: Score | None = None,
    block: int = 1,
    spectra: np.ndarray | None = None,
) -> dict[str, Any]:
    """Every meter of every clip under ``clips``, ``found`` (how many clips have which fault), and what is of all.

    Args:
        copies: of each clip; see `Yardstick.search`.
        score: what the first clip is compared with, note by note; None for none.
        block: samples between seams; 1 where there are none.
        spectra: complex spectra [n, N] the clips were made from.
    """
    music = {rate: MusicFlatness.of(yardstick.material.held_out, rate) for rate in {clip.sample_rate for clip in clips}}
    rows = [_clip(clip, yardstick, music[clip.sample_rate], block) for clip in clips]
    for row, copy in zip(rows, copies, strict=False):
        row["copying"] = asdict(copy) | {"found": copy.found}
    found = {name: sum(row[name]["found"] for row in rows) for name in rows[0]}
    result: dict[str, Any] = {"n_clips": len(clips), "found": found, "clips": rows}
    if spectra is not None:
        residue = measure_residue(spectra)
        result["imaginary_residue"] = asdict(residue) | {"found": residue.found}
    patches = embed_all(clips)
    result |= {
        "frechet_distance": frechet_distance(yardstick.patches, patches),
        "kernel_distance": kernel_distance(yardstick.patches, patches),
    }
    return result | ({"notes": note_accuracy(clips[0], score)} if score is not None else {})


def _clip(clip: Waveform, yardstick: Yardstick, music: MusicFlatness, block: int) -> dict[str, dict[str, Any]]:
    loops = measure_loops(clip)
    meters: dict[str, Any] = {
        "noise": measure_noise(clip, music),
        "silence": measure_silence(clip, yardstick.usual_db),
        "band": measure_band(clip, yardstick.band),
    }
    clicks = _clicks(clip, block)
    if clicks is not None:
        meters["clicks"] = clicks
    within = {f"within_{k}_seeds": value for k, value in loops.within(yardstick.seed_s, SEED_MULTIPLES).items()}
    rows = {"loops": {"loop": asdict(loops.loop) if loops.loop else None, "found": loops.found} | within}
    return rows | {name: asdict(meter) | {"found": bool(meter.found)} for name, meter in meters.items()}


def _clicks(clip: Waveform, block: int) -> Any:
    if block <= 1:
        return None
    try:
        return measure_clicks(clip, block)
    except OrchestrionError:
        # Blocks too short, or only one of them: there is no edge to look at.
        return None


def summary(result: dict[str, Any]) -> dict[str, Any]:
    """The row of the table: means over clips, and how many clips loop and when the first does."""
    clips = result["clips"]
    starts = [clip["loops"]["loop"]["start_s"] for clip in clips if clip["loops"]["loop"]]
    within = {k: _count([clip["loops"][f"within_{k}_seeds"] for clip in clips]) for k in SEED_MULTIPLES}
    row: dict[str, Any] = {
        "loops": result["found"]["loops"],
        "first_loop_s": min(starts, default=None),
        **{f"loops_within_{k}_seeds": count for k, count in within.items()},
        "loops_by_seeds": " · ".join("–" if count is None else str(count) for count in within.values()),
        "flatness": fmean(clip["noise"]["flatness"] for clip in clips),
        "silent_share": fmean(clip["silence"]["share"] for clip in clips),
        "outside_band": fmean(clip["band"]["outside"] for clip in clips),
        "frechet_distance": result["frechet_distance"],
        "kernel_distance": result["kernel_distance"],
    }
    if all("clicks" in clip for clip in clips):
        row["click_excess_db"] = fmean(clip["clicks"]["excess_db"] for clip in clips)
    if "imaginary_residue" in result:
        row["imaginary_residue_db"] = result["imaginary_residue"]["residue_db"]
    if all("copying" in clip for clip in clips):
        row["copying"] = max(clip["copying"]["correlation"] for clip in clips)
    if "notes" in result:
        row["note_f1_50ms"] = result["notes"]["note_f1_50ms"]
    faults = [name for name, n in result["found"].items() if n] + (
        ["imaginary residue"] if result.get("imaginary_residue", {}).get("found") else []
    )
    return row | {"faults": faults}


def _count(seen: Sequence[bool | None]) -> int | None:
    """How many clips had looped by then; None where clips are too short to tell and none had."""
    return None if None in seen and not any(seen) else sum(map(bool, seen))
