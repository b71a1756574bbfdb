"""Measures the clips of one generator with every meter, and as a set against held-out recordings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from statistics import fmean

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.comparison.openings import Recordings
from orchestrion.evaluation.judge.following import note_accuracy
from orchestrion.evaluation.meters.audio_checks import level_db
from orchestrion.evaluation.meters.band import BandMeter, MusicBand, measure_band
from orchestrion.evaluation.meters.clicks import ClickMeter, measure_clicks
from orchestrion.evaluation.meters.copying import CopyMeter, measure_copying
from orchestrion.evaluation.meters.distances import frechet_distance, kernel_distance
from orchestrion.evaluation.meters.embeddings import embed_all
from orchestrion.evaluation.meters.loops import SEED_MULTIPLES, LoopMeter, measure_loops
from orchestrion.evaluation.meters.noise import MusicFlatness, NoiseMeter, measure_noise
from orchestrion.evaluation.meters.residue import ResidueMeter, measure_residue
from orchestrion.evaluation.meters.settling import SettlingMeter, measure_settling
from orchestrion.evaluation.meters.silence import SilenceMeter, measure_silence
from orchestrion.score import Score

Figure = float | str | None


@dataclass(frozen=True, slots=True)
class ClipMeters:
    """Every meter of one clip; None where it does not apply.

    ``clicks`` needs audio made in blocks, ``copying`` a known training set.
    """

    loops: LoopMeter
    noise: NoiseMeter
    silence: SilenceMeter
    settling: SettlingMeter
    band: BandMeter
    clicks: ClickMeter | None
    copying: CopyMeter | None

    @property
    def found(self) -> dict[str, bool]:
        """Whether each meter that applies has found its fault."""
        meters = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: bool(meter.found) for name, meter in meters.items() if meter is not None}

    def to_json(self, seed_s: float) -> dict[str, dict[str, object]]:
        """For ``report.json``: the meters' fields, each with ``found``; loops also by multiples of the seed's length."""
        loop = self.loops.loop
        within = {f"within_{k}_seeds": value for k, value in self.loops.within(seed_s, SEED_MULTIPLES).items()}
        rows: dict[str, dict[str, object]] = {name: {**asdict(getattr(self, name)), "found": found} for name, found in self.found.items()}
        return rows | {"loops": {"loop": asdict(loop) if loop else None, "found": self.loops.found, **within}}


@dataclass(frozen=True, slots=True)
class SystemMeters:
    """What was measured of one generator.

    Args:
        seed_s: length of the seeds its clips continue.
        residue: of the spectra its clips were made from; None where it does not predict whole spectra.
        level_db: of the clips against held-out recordings.
        trained: ``steps``, ``examples`` and ``seconds_of_audio`` of its training, as far as its file knows them.
        notes: `following.note_accuracy` of the first clip; None where it was given no score.
    """

    clips: tuple[ClipMeters, ...]
    seed_s: float
    frechet_distance: float
    kernel_distance: float
    level_db: float
    residue: ResidueMeter | None = None
    notes: dict[str, float] | None = None
    trained: Mapping[str, float] = field(default_factory=dict)

    @property
    def found(self) -> dict[str, int]:
        """In how many clips each meter has found its fault."""
        return {name: sum(clip.found[name] for clip in self.clips) for name in self.clips[0].found}

    @property
    def faults(self) -> list[str]:
        """The faults of at least one clip."""
        return [name for name, n in self.found.items() if n] + (["imaginary residue"] if self.residue and self.residue.found else [])

    def summary(self) -> dict[str, Figure]:
        """The row of the table: means over clips, how many loop, and when the first does."""
        starts = [clip.loops.loop.start_s for clip in self.clips if clip.loops.loop]
        within = [clip.loops.within(self.seed_s, SEED_MULTIPLES) for clip in self.clips]
        counts = {k: _count([seen[k] for seen in within]) for k in SEED_MULTIPLES}
        clicks = [clip.clicks.excess_db for clip in self.clips if clip.clicks]
        copies = [clip.copying.correlation for clip in self.clips if clip.copying]
        return {
            "loops": self.found["loops"],
            "first_loop_s": min(starts, default=None),
            **{f"loops_within_{k}_seeds": count for k, count in counts.items()},
            "loops_by_seeds": " · ".join("–" if count is None else str(count) for count in counts.values()),
            "settled": self.found["settling"],
            "level_db": self.level_db,
            **{f"trained_{name}": self.trained.get(name) for name in ("steps", "examples", "seconds_of_audio")},
            "flatness": fmean(clip.noise.flatness for clip in self.clips),
            "silent_share": fmean(clip.silence.share for clip in self.clips),
            "outside_band": fmean(clip.band.outside for clip in self.clips),
            "frechet_distance": self.frechet_distance,
            "kernel_distance": self.kernel_distance,
            "click_excess_db": fmean(clicks) if clicks else None,
            "imaginary_residue_db": self.residue.residue_db if self.residue else None,
            "copying": max(copies, default=None),
            "note_f1_50ms": self.notes["note_f1_50ms"] if self.notes else None,
        }

    def to_json(self) -> dict[str, object]:
        """For ``report.json``."""
        content: dict[str, object] = {
            "summary": {name: value for name, value in self.summary().items() if value is not None} | {"faults": self.faults},
            "n_clips": len(self.clips),
            "found": self.found,
            "clips": [clip.to_json(self.seed_s) for clip in self.clips],
            "frechet_distance": self.frechet_distance,
            "kernel_distance": self.kernel_distance,
        }
        if self.residue:
            content["imaginary_residue"] = asdict(self.residue) | {"found": self.residue.found}
        return content | ({"notes": self.notes} if self.notes else {})


@dataclass(frozen=True, slots=True, eq=False)
class Meters:
    """The meters, set up once on held-out recordings."""

    recordings: Recordings
    band: MusicBand
    patches: np.ndarray
    usual_db: float
    seed_s: float

    @classmethod
    def of(cls, recordings: Recordings, seed_s: float) -> Meters:
        """
        Raises:
            OrchestrionError: the held-out recordings are silent.
        """
        held_out = recordings.held_out
        usual_db = level_db(np.concatenate([sound.samples for sound in held_out]))
        return cls(recordings, MusicBand.of(held_out), embed_all(held_out), usual_db, seed_s)

    def copies(
        self, clips: Mapping[str, Sequence[Waveform]], recording: str, advance: Callable[[float], None]
    ) -> dict[str, list[CopyMeter]]:
        """The copying meter of all clips of all systems; empty lists where the training audio is not known.

        The best match of the real ``recording``, which is no copy, is what chance gives.
        """
        if not self.recordings.training:
            return {name: [] for name in clips}
        flat = [clip for listed in clips.values() for clip in listed]
        found = iter(measure_copying(flat, self.recordings.training_audio, advance=advance))
        by_system = {name: [next(found) for _ in listed] for name, listed in clips.items()}
        chance = max(copy.correlation for copy in by_system[recording])
        return {name: [replace(copy, by_chance=chance) for copy in copies] for name, copies in by_system.items()}

    def measure(
        self,
        clips: Sequence[Waveform],
        *,
        copies: Sequence[CopyMeter] = (),
        score: Score | None = None,
        block: int = 1,
        spectra: np.ndarray | None = None,
        trained: Mapping[str, float] | None = None,
    ) -> SystemMeters:
        """Measure the clips of one system.

        Args:
            copies: of each clip; see `copies`.
            score: what the first clip is compared with, note by note.
            block: samples between seams; 1 where there are none.
            spectra: complex spectra [n, N] the clips were made from.
            trained: see `SystemMeters`.
        """
        rates = {clip.sample_rate for clip in clips}
        music = {rate: MusicFlatness.of(self.recordings.held_out, rate) for rate in rates}
        found = [copies[i] if copies else None for i in range(len(clips))]
        patches = embed_all(clips)
        return SystemMeters(
            tuple(self._clip(clip, music[clip.sample_rate], block, copy) for clip, copy in zip(clips, found, strict=True)),
            self.seed_s,
            frechet_distance(self.patches, patches),
            kernel_distance(self.patches, patches),
            level_db(np.concatenate([clip.samples for clip in clips])) - self.usual_db,
            None if spectra is None else measure_residue(spectra),
            None if score is None else note_accuracy(clips[0], score),
            trained or {},
        )

    def _clip(self, clip: Waveform, music: MusicFlatness, block: int, copy: CopyMeter | None) -> ClipMeters:
        return ClipMeters(
            loops=measure_loops(clip),
            noise=measure_noise(clip, music),
            silence=measure_silence(clip, self.usual_db),
            settling=measure_settling(clip),
            band=measure_band(clip, self.band),
            clicks=_clicks(clip, block),
            copying=copy,
        )


def _clicks(clip: Waveform, block: int) -> ClickMeter | None:
    try:
        return measure_clicks(clip, block) if block > 1 else None
    except OrchestrionError:
        # Blocks too short, or only one of them: there is no edge to look at.
        return None


def _count(seen: Sequence[bool | None]) -> int | None:
    """How many clips had looped by then; None where clips are too short to tell and none had."""
    return None if None in seen and not any(seen) else sum(map(bool, seen))
