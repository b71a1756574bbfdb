"""The harmonic source's tables: what an instrument sounds like to a score, without a network (`sourcesignal` plays them).

A note is the sum of its partials. A table over pitch × partial × age gives their amplitudes; the pitch's fundamental and
inharmonicity give their frequencies; after the release the level falls linearly in decibels. Noise (bow, breath, hammer, room)
comes from a second table, over pitch × band × age (`bridge.noise`). The network hears the source and adds what tables lack.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from orchestrion.bridge.noise import N_BANDS, N_FINE, N_SHAPE, refined
from orchestrion.errors import OrchestrionError

AGES_S = np.concatenate([[0.0, 0.005, 0.01, 0.02, 0.03, 0.045, 0.06, 0.08, 0.1], np.geomspace(0.13, 8.0, 20)])
N_AGES = len(AGES_S)
SILENT_DB = -120.0
MOST_PITCHES, MOST_LAYERS, MOST_PARTIALS = 128, 16, 512
RELEASE_LIMITS_DB_S = 1.0, 1e5
STEPS, MIDDLE_DB = 2, -60.0  # of a decibel, in a file's tables of levels and noise
# A file's levels lie under the loudest of their pitch in steps that grow from 0.1 dB there to 1.3 dB at 121 dB below: a partial that goes down
# in steps of half a decibel has sidebands, which are all the noise that an electric piano has.
FALL_STEP_DB, FALL_CODES = 0.1, 98.0
CONTOUR_S, CONTOUR_STEPS = 0.016, 2  # between a contour's knots; of a cent, in a file
KNOT_LIMITS_S = 0.001, 1.0  # between those of what moves partials
LEAST_CENTS, MOST_CENTS, MOST_KNOTS = 0.25, 1200.0, 1024
ATTACK_S = 0.03, 0.06  # of a struck note its attack is as recorded, and then fades out
ATTACK_MU, ATTACK_EMPHASIS = 255, 0.9  # in a file
MOST_ATTACK_S, LOUDEST_ATTACK = 0.25, 16.0
CONTOUR_TURNS_S = 1.0  # a note that outlasts its contour goes back along it to here, and forth again
MOST_SHAPED_DB = 60.0
HIGHEST_RATIO = 1e4
MOST_MODULATIONS, MOST_MODULATED_DB = 16, 30.0
MODULATIONS = {"modulation_db": MOST_MODULATED_DB, "modulation_share": 1.0, "noise_modulation_db": MOST_MODULATED_DB, "noise_modulation_share": 1.0}
OPTIONAL = {
    "level_top_db", "louder_db", "contour_cents", "attack", "attack_peak", "noise_shape_db", "ratio", "modulation_s", *MODULATIONS,
}
PLAIN_PARTIALS, PLAIN_DB = 12, -20.0


@dataclass(frozen=True)
class Vibrato:
    """A formula for the pitch of bowed and blown notes without a contour: from ``delay_s`` on, over ``onset_s``, it grows to ``cents`` at ``rate_hz``."""

    cents: float = 0.0
    rate_hz: float = 5.5
    delay_s: float = 0.3
    onset_s: float = 0.4

    def cents_at(self, age_s: np.ndarray) -> np.ndarray:
        """The contour at these ages."""
        since = np.maximum(age_s - self.delay_s, 0.0)
        grown = np.minimum(since / self.onset_s, 1.0) if self.onset_s > 0 else 1.0
        return np.asarray(self.cents * grown * np.sin(2 * math.pi * self.rate_hz * since))


@dataclass(frozen=True, eq=False)
class HarmonicSource:
    """The tables of one instrument.

    Attributes:
        sample_rate: below half of which all partials lie.
        pitch: ``[n]`` int64 MIDI pitches that have a row, ascending; others sound as the nearest one, transposed.
        heard: ``[n]`` whether the pitch was heard; the others were filled from their neighbours.
        f1_hz: ``[n]`` frequency of the first partial.
        inharmonicity: ``[n]`` B, see `stretched_ratios`.
        n_partials: ``[n]`` int64; rows of ``level_db`` lie one pitch after another.
        velocity: ``[d]`` MIDI velocities of the layers, ascending. Amplitude goes with the velocity to the power of ``exponent``;
            what the layers' decibels differ from that is interpolated between them.
        level_db: ``[d, sum(n_partials), 29]`` float32 amplitude of a partial in dB over 1.0, at the ages `AGES_S`.
        phase: ``[sum(n_partials)]`` float32 of a partial at the attack, radians.
        noise_db: ``[d, n, 52, 29]`` float32 mean square of what is not harmonic, in the bands `noise.FINE_EDGES_HZ`, in dB.
        release_db_s: ``[n]`` float32, by how much a released note falls each second.
        vibrato: in playing, where there are no contours.
        exponent: of the velocity; 2 of SoundFonts, less where layers were recorded as loud as they are played.
        louder_db: by how much ``level_db`` and ``noise_db`` are louder than the notes that the network has learnt from.
        contour_cents: ``[n, m]`` float32 by how much a bowed or blown note lies over ``f1_hz`` at knots `CONTOUR_S` apart, as it was played
            when it was recorded; m is 0 where notes are struck, or have a `Vibrato`.
        attack: ``[d, n, m]`` float32 what a struck note's attack has beside its partials, `faded` out: hammer, pluck, mallet, as recorded; the
            noise comes in as it goes. Notes of other pitches have none.
        noise_shape_db: ``[d, n, 193]`` float32 by how much a bin of the noise differs from its band spread evenly (`noise.SHAPE_HZ`), or None.
        modulation_db: ``[n, r, m]`` float32 by how much a note's partials differ from ``level_db`` at knots ``modulation_s`` apart (tremolo, beats):
            r courses in time, as it was played when it was recorded, of which each partial has its ``modulation_share``; or None.
        modulation_share: ``[sum(n_partials), r]`` float32, -1 to 1.
        noise_modulation_db: ``[n, q, m]`` float32 likewise of the noise, at knots `CONTOUR_S` apart, or None.
        noise_modulation_share: ``[n, 52, q]`` float32, of its bands.
        ratio: ``[sum(n_partials)]`` float32 frequency of each partial over ``f1_hz``, or None where all are those of `stretched_ratios`.
        modulation_s: between the knots of what moves partials.
    """

    sample_rate: int
    pitch: np.ndarray
    heard: np.ndarray
    f1_hz: np.ndarray
    inharmonicity: np.ndarray
    n_partials: np.ndarray
    velocity: np.ndarray
    level_db: np.ndarray
    phase: np.ndarray
    noise_db: np.ndarray
    release_db_s: np.ndarray
    vibrato: Vibrato = Vibrato()
    exponent: float = 2.0
    louder_db: float = 0.0
    contour_cents: np.ndarray | None = None
    attack: np.ndarray | None = None
    noise_shape_db: np.ndarray | None = None
    modulation_db: np.ndarray | None = None
    modulation_share: np.ndarray | None = None
    noise_modulation_db: np.ndarray | None = None
    noise_modulation_share: np.ndarray | None = None
    ratio: np.ndarray | None = None
    modulation_s: float = CONTOUR_S

    def __post_init__(self) -> None:
        n, d, total = len(self.pitch), len(self.velocity), int(np.sum(self.n_partials))
        contour = np.zeros((n, 0), np.float32) if self.contour_cents is None else self.contour_cents
        shapes = {
            "heard": (n,), "f1_hz": (n,), "inharmonicity": (n,), "n_partials": (n,), "level_db": (d, total, N_AGES), "phase": (total,),
            "noise_db": (d, n, N_FINE, N_AGES), "release_db_s": (n,),
        }  # fmt: skip
        wrong = [name for name, shape in shapes.items() if np.shape(getattr(self, name)) != shape]
        finite = all(np.all(np.isfinite(getattr(self, name))) for name in (*shapes, "velocity"))
        sound = (
            0 < n <= MOST_PITCHES and 0 < d <= MOST_LAYERS and not wrong and finite
            and np.all(np.diff(self.pitch) > 0) and self.pitch[0] >= 0 and self.pitch[-1] <= 127
            and np.all(np.diff(self.velocity) > 0) and self.velocity[0] >= 1 and self.velocity[-1] <= 127
            and np.all((self.n_partials >= 1) & (self.n_partials <= MOST_PARTIALS))
            and 0 <= self.exponent <= 8 and abs(self.louder_db) <= 120 and np.all(self.noise_db < 60) and np.all((self.f1_hz > 0) & (self.inharmonicity >= 0) & (self.release_db_s > 0)) and np.all(self.level_db < 60)
        )  # fmt: skip
        contoured = np.ndim(contour) == 2 and len(contour) == n and contour.shape[1] <= MOST_KNOTS and bool(np.all(np.abs(contour) <= MOST_CENTS))
        if not (sound and contoured and self._attack_fits() and self._shape_fits() and self._modulation_fits() and self._ratio_fits() and self._is_bounded()):
            raise OrchestrionError("The tables of a harmonic source do not fit together or hold impossible values.")

    def _attack_fits(self) -> bool:
        a = self.attack
        return a is None or bool(
            a.ndim == 3 and a.shape[:2] == (len(self.velocity), len(self.pitch)) and a.shape[2] <= MOST_ATTACK_S * self.sample_rate and np.all(np.abs(a) <= LOUDEST_ATTACK)
        )

    def _shape_fits(self) -> bool:
        shape = self.noise_shape_db
        return shape is None or (shape.shape == (len(self.velocity), len(self.pitch), N_SHAPE) and bool(np.all(np.abs(shape) <= MOST_SHAPED_DB)))

    def _modulation_fits(self) -> bool:
        n, total = len(self.pitch), int(np.sum(self.n_partials))
        return _moves_fit(self.modulation_db, self.modulation_share, n, (total,)) and _moves_fit(
            self.noise_modulation_db, self.noise_modulation_share, n, (n, N_FINE)
        )

    def _ratio_fits(self) -> bool:
        r = self.ratio
        return r is None or (r.shape == (int(np.sum(self.n_partials)),) and bool(np.all((r > 0) & (r <= HIGHEST_RATIO))))

    def _is_bounded(self) -> bool:
        """Whether numbers of other people's files lead to no endless release, no division by zero and no overflow."""
        v, (slowest, fastest) = self.vibrato, RELEASE_LIMITS_DB_S
        return bool(
            1000 <= self.sample_rate <= 192_000 and np.all((self.release_db_s >= slowest) & (self.release_db_s <= fastest))
            and np.all(self.f1_hz <= 1e6) and np.all(self.inharmonicity <= 1) and np.all(np.abs(self.phase) <= 100)
            and KNOT_LIMITS_S[0] <= self.modulation_s <= KNOT_LIMITS_S[1] and 0 <= v.cents <= 1200 and 0.1 <= v.rate_hz <= 50 and 0 <= v.delay_s <= 60 and 0 <= v.onset_s <= 60
        )  # fmt: skip

    @property
    def is_struck(self) -> bool:
        """Whether pitches are steady, so that depths of vibrato change nothing."""
        return self.vibrato.cents == 0 and (self.contour_cents is None or not np.any(np.abs(self.contour_cents) >= LEAST_CENTS))

    @property
    def first_partial(self) -> np.ndarray:
        """``[n]`` where each pitch's rows begin."""
        return np.concatenate([[0], np.cumsum(self.n_partials)[:-1]]).astype(np.int64)

    def ratios(self, row: int) -> np.ndarray:
        """``[k]`` float64 frequencies of the partials of a pitch's row over ``f1_hz``."""
        begin, k = int(self.first_partial[row]), int(self.n_partials[row])
        return stretched_ratios(self.inharmonicity[row], k) if self.ratio is None else self.ratio[begin : begin + k].astype(np.float64)

    def row_of(self, pitch: int) -> int:
        """The row that ``pitch`` sounds by: its own or the nearest."""
        return int(np.argmin(np.abs(self.pitch - pitch)))

    def tensors(self) -> dict[str, np.ndarray]:
        """The tables by name, to be kept in a weights file; `from_tensors` is the inverse."""
        v = self.vibrato
        always: dict[str, np.ndarray] = {
            "sample_rate": np.array([self.sample_rate], np.int64),
            "pitch": self.pitch.astype(np.int64),
            "heard": self.heard.astype(np.uint8),
            "f1_hz": self.f1_hz.astype(np.float64),
            "inharmonicity": self.inharmonicity.astype(np.float64),
            "n_partials": self.n_partials.astype(np.int64),
            "velocity": self.velocity.astype(np.float32),
            **self._level_tensors(),
            "phase": self.phase.astype(np.float16),
            "noise_db": _in_steps(self.noise_db),
            "release_db_s": self.release_db_s.astype(np.float32),
            "vibrato": np.array([v.cents, v.rate_hz, v.delay_s, v.onset_s], np.float32),
            "exponent": np.array([self.exponent], np.float32),
            "louder_db": np.array([self.louder_db], np.float32),
        }
        return always | self._optional_tensors()

    def _level_tensors(self) -> dict[str, np.ndarray]:
        """``level_db`` as steps under ``level_top_db [d, n]``, the loudest level of each layer and pitch."""
        top = np.maximum.reduceat(self.level_db.max(axis=2), self.first_partial, axis=1).astype(np.float32)
        fall = np.repeat(top, self.n_partials, axis=1)[..., None] - self.level_db
        codes = FALL_CODES * np.log1p(np.maximum(fall, 0.0) / (FALL_STEP_DB * FALL_CODES))
        return {"level_db": (np.clip(np.rint(codes), 0, 254) - 127).astype(np.int8), "level_top_db": top}

    def _optional_tensors(self) -> dict[str, np.ndarray]:
        made: dict[str, np.ndarray] = {}
        if self.contour_cents is not None:
            made["contour_cents"] = np.clip(np.rint(self.contour_cents * CONTOUR_STEPS), -127, 127).astype(np.int8)
        if self.attack is not None:
            # Emphasised, so that what rounding adds falls with frequency as the sound does; companded, each as a fraction of its loudest.
            emphasised = self.attack.astype(np.float64)
            emphasised[..., 1:] -= ATTACK_EMPHASIS * self.attack[..., :-1]
            peak = np.abs(emphasised).max(axis=2, initial=1e-9)
            companded = np.sign(emphasised) * np.log1p(ATTACK_MU * np.abs(emphasised) / peak[..., None]) / math.log1p(ATTACK_MU)
            made |= {"attack": np.rint(127 * companded).astype(np.int8), "attack_peak": peak.astype(np.float32)}
        if self.noise_shape_db is not None:
            made["noise_shape_db"] = np.clip(np.rint(self.noise_shape_db * STEPS), -120, 120).astype(np.int8)
        if self.ratio is not None:
            made["ratio"] = self.ratio.astype(np.float32)
        for name in ("modulation", "noise_modulation"):
            course, share = getattr(self, f"{name}_db"), getattr(self, f"{name}_share")
            if course is not None:
                made |= {f"{name}_db": _in_127ths(course / MOST_MODULATED_DB), f"{name}_share": _in_127ths(share)}
        if self.modulation_s != CONTOUR_S:
            made["modulation_s"] = np.array([self.modulation_s], np.float64)
        return made

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> HarmonicSource:
        """The inverse of `tensors`.

        Raises:
            OrchestrionError: a table is missing, or its values are impossible.
        """
        names = {"sample_rate", "pitch", "heard", "f1_hz", "inharmonicity", "n_partials", "velocity", "level_db", "phase", "noise_db"}
        names |= {"release_db_s", "vibrato", "exponent"}
        if set(tensors) - OPTIONAL != names or ("attack" in tensors) != ("attack_peak" in tensors) or tensors["sample_rate"].shape != (1,) or tensors["vibrato"].shape != (4,) or tensors["exponent"].shape != (1,):
            raise OrchestrionError("A harmonic source lacks a table, or has one that is unknown.")
        t = {name: np.asarray(value) for name, value in tensors.items()}
        louder = t.get("louder_db", np.zeros(1))  # older files have none, and noise in 12 bands
        knot_s = t.get("modulation_s", np.full(1, CONTOUR_S))
        if any(t[name].ndim != 1 for name in ("pitch", "n_partials", "velocity")) or t["noise_db"].ndim != 4 or louder.shape != (1,) or knot_s.shape != (1,):
            raise OrchestrionError("A harmonic source's tables have the wrong shape.")
        noise = _decibels(t["noise_db"])  # of older files in 12 bands
        return cls(
            int(t["sample_rate"][0]), t["pitch"].astype(np.int64), t["heard"] != 0, t["f1_hz"].astype(np.float64),
            t["inharmonicity"].astype(np.float64), t["n_partials"].astype(np.int64), t["velocity"].astype(np.float64),
            _levels_of(t), t["phase"].astype(np.float32), refined(noise) if noise.shape[2] == N_BANDS else noise,
            t["release_db_s"].astype(np.float32), Vibrato(*(float(v) for v in t["vibrato"])), float(t["exponent"][0]), float(louder[0]),
            t["contour_cents"].astype(np.float32) / CONTOUR_STEPS if "contour_cents" in t else None, _attack_of(t) if "attack" in t else None,
            t["noise_shape_db"].astype(np.float32) / STEPS if "noise_shape_db" in t else None,
            **{name: t[name].astype(np.float32) / 127 * most if name in t else None for name, most in MODULATIONS.items()},
            ratio=t["ratio"].astype(np.float32) if "ratio" in t else None, modulation_s=float(knot_s[0]),
        )  # fmt: skip


def _levels_of(tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    """``[d, sum(n_partials), 29]`` decibels; older files have steps of half a decibel, or decibels as they are."""
    levels = tensors["level_db"]
    if "level_top_db" not in tensors:
        return _decibels(levels)
    top, counts = tensors["level_top_db"].astype(np.float32), tensors["n_partials"].astype(np.int64)
    if levels.dtype != np.int8 or levels.ndim != 3 or top.shape != (len(levels), len(counts)) or np.any((counts < 1) | (counts > MOST_PARTIALS)) or counts.sum() != levels.shape[1]:
        raise OrchestrionError("A harmonic source's levels have the wrong shape.")
    fall = FALL_STEP_DB * FALL_CODES * np.expm1((levels.astype(np.float32) + 127) / FALL_CODES)
    return np.asarray(np.repeat(top, counts, axis=1)[..., None] - fall, dtype=np.float32)


def _attack_of(tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    companded, peak = tensors["attack"].astype(np.float64) / 127, tensors["attack_peak"].astype(np.float64)
    if companded.ndim != 3 or peak.shape != companded.shape[:2] or not np.all((peak > 0) & (peak <= LOUDEST_ATTACK)) or np.abs(companded).max(initial=0.0) > 1.01:
        raise OrchestrionError("A harmonic source's attacks hold impossible values.")
    made = np.sign(companded) * np.expm1(np.abs(companded) * math.log1p(ATTACK_MU)) / ATTACK_MU * peak[..., None]
    for t in range(1, made.shape[2]):
        made[..., t] += ATTACK_EMPHASIS * made[..., t - 1]
    return np.asarray(made, dtype=np.float32)


def _moves_fit(course: np.ndarray | None, share: np.ndarray | None, n: int, rows: tuple[int, ...]) -> bool:
    """Whether courses ``[n, r, m]`` and shares ``[*rows, r]`` of them can be played; both may be missing."""
    if course is None or share is None:
        return course is None and share is None
    return (
        course.ndim == 3 and len(course) == n and 0 < course.shape[1] <= MOST_MODULATIONS and 0 < course.shape[2] <= MOST_KNOTS
        and share.shape == (*rows, course.shape[1]) and bool(np.all(np.abs(course) <= MOST_MODULATED_DB) and np.all(np.abs(share) <= 1))
    )  # fmt: skip


def faded(age_s: np.ndarray) -> np.ndarray:
    """The share of a recorded attack in what sounds at these ages: 1, then falling to 0 (`ATTACK_S`)."""
    whole, gone = ATTACK_S
    return np.asarray(0.5 + 0.5 * np.cos(math.pi * np.clip((age_s - whole) / (gone - whole), 0.0, 1.0)))


def _in_steps(db: np.ndarray) -> np.ndarray:
    """Decibels from -120 to 0 as int8."""
    return np.asarray(np.clip(np.rint((db - MIDDLE_DB) * STEPS), -120, 120).astype(np.int8))


def _in_127ths(values: np.ndarray) -> np.ndarray:
    """Numbers from -1 to 1 as int8."""
    return np.asarray(np.rint(127 * values).astype(np.int8))


def _decibels(table: np.ndarray) -> np.ndarray:
    """The inverse of `_in_steps`; other files have decibels as they are."""
    return np.asarray(MIDDLE_DB + table.astype(np.float32) / STEPS if table.dtype == np.int8 else table, dtype=np.float32)


def plain_source(sample_rate: int) -> HarmonicSource:
    """A tone of no instrument, for networks that have none: equal temperament, A4 = 440 Hz, partials falling by 6 dB an octave."""
    pitch = np.arange(128)
    f1 = 440.0 * 2.0 ** ((pitch - 69) / 12)
    n_partials = np.clip((0.46 * sample_rate / f1).astype(np.int64), 1, PLAIN_PARTIALS)
    k = np.concatenate([np.arange(1, n + 1) for n in n_partials])
    level = np.repeat((PLAIN_DB - 20 * np.log10(k))[None, :, None], N_AGES, axis=2).astype(np.float32)
    noise = np.full((1, 128, N_FINE, N_AGES), SILENT_DB, np.float32)
    return HarmonicSource(
        sample_rate, pitch, np.zeros(128, bool), f1, np.zeros(128), n_partials, np.array([100.0]), level, np.zeros(len(k), np.float32), noise,
        np.full(128, 120.0, np.float32),
    )  # fmt: skip


def stretched_ratios(inharmonicity: float, n: int) -> np.ndarray:
    """``[n]`` frequencies of partials 1 to n over the first one's: k·√((1 + Bk²)/(1 + B)), B the inharmonicity."""
    k = np.arange(1, n + 1, dtype=np.float64)
    return k * np.sqrt((1 + inharmonicity * k * k) / (1 + inharmonicity))


def going_on(contour: np.ndarray, knots: int, knot_s: float = CONTOUR_S) -> np.ndarray:
    """The first ``knots``, ``knot_s`` apart, of a contour ``[m, ...]`` that goes back from its end to `CONTOUR_TURNS_S`, and forth again."""
    turn = min(int(CONTOUR_TURNS_S / knot_s), len(contour) - 1)
    back = len(contour) - 1 - turn
    place = np.arange(knots)
    beyond = place - turn
    folded = turn + (back - np.abs(back - beyond % (2 * back)) if back else 0)
    return np.asarray(contour[np.where(beyond > 0, folded, np.minimum(place, len(contour) - 1))])
