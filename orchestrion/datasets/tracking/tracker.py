"""From recordings with notes to a harmonic source, and to the source signal of every piece along its own phases.

1. The tuning curve is measured on notes that stand alone (`tuning`).
2. Some minutes are surveyed: all sounding partials are followed together (`envelopes`), tables are made of them (`levels`), the
   curve is refined, and once more.
3. Every piece is followed with what the tables expect. Its source signal is each note by its own amplitudes, as smooth as a
   table's, along the recording's own phases: a network that hears it has nothing of the notes to guess from its own past. What the
   followed partials leave over is its noise (`residue`).

Pieces are followed in sections of `SECTION_S`, which begin some seconds early, so that memory does not grow with a recording's length.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from orchestrion.datasets.recordings.aligned import AlignedPiece
from orchestrion.datasets.tracking import envelopes
from orchestrion.datasets.tracking.contours import with_contours
from orchestrion.datasets.tracking.levels import (
    MOST_PARTIALS,
    Levels,
    Survey,
    along_phases,
    first_guess,
    own_amplitudes,
)
from orchestrion.datasets.tracking.residue import band_powers
from orchestrion.datasets.tracking.ringing import KNOT, Ringing, ringing
from orchestrion.datasets.tracking.tuning import (
    SHORTEST_S,
    candidates,
    curve,
    falling_db,
    listen,
    retuned,
    sounds_stretched,
)
from orchestrion.errors import OrchestrionError
from orchestrion.processors import usable_processors
from orchestrion.progress import Advance

SECTION_S, LEAD_S, TAIL_S = 40.0, 3.0, 0.5
SURVEY_S, SURVEY_SECTION_S = 400.0, 10.0
# Windows of the passes, in samples at 24 kHz, and the oldest notes that each listens to.
PASSES = ((4096, math.inf), (4096, math.inf), (2048, math.inf), (2048, math.inf), (1024, 0.15), (512, 0.06))
SHARING_WINDOW = 2048  # of the pass in which it is measured how far a note has its bins for itself
FLOOR = 1e-5
CYCLES = 2.0  # of the fundamental that a window must hold
HIGHEST = 0.46  # of the sample rate
SUSTAINED_DB = 1.5  # by which a held note falls from .1 to .4 s at most, in the median
BAND_DB = 85.0  # below the loudest: where a recording's band ends


@dataclass(frozen=True)
class Section:
    """Samples ``start`` to ``stop`` of a piece."""

    piece: AlignedPiece
    start: int
    stop: int

    @property
    def seconds(self) -> float:
        return (self.stop - self.start) / self.piece.sample_rate


@dataclass(frozen=True, eq=False)
class Followed:
    """A section as it was followed, with a lead of ``lead`` samples before it and a tail after it.

    Attributes:
        samples: ``[n]`` of lead, section and tail.
        notes: on their clock.
        envelopes, share: see `envelopes.add_pass`.
        expected: amplitudes by the tables.
        rest: ``[n]`` what is left over.
    """

    section: Section
    lead: int
    samples: np.ndarray
    notes: Ringing
    envelopes: np.ndarray
    share: np.ndarray
    expected: np.ndarray
    rest: np.ndarray

    @property
    def own(self) -> slice:
        """The section itself."""
        return slice(self.lead, self.lead + self.section.stop - self.section.start)

    def source(self, levels: Levels | None = None) -> np.ndarray:
        """The section's source along its own phases, float32: by its own amplitudes, or by those of ``levels``."""
        rate = self.section.piece.sample_rate
        amplitude = (
            own_amplitudes(self.notes, self.envelopes, self.expected, self.share, rate) if levels is None else levels.expected(self.notes, rate)
        )
        made = envelopes.synthesise(self.notes, along_phases(self.notes, self.envelopes, amplitude), len(self.samples))
        return np.asarray(made[self.own])


@dataclass(frozen=True, eq=False)
class Model:
    """What is known of an instrument while its recordings are followed.

    Attributes:
        tuning: f1 in Hz and inharmonicity by pitch.
        levels: its tables.
        highest_hz: where the recordings' band ends.
        sustained: notes are bowed or blown: each has a pitch contour of its own.
    """

    tuning: dict[int, tuple[float, float]]
    levels: Levels
    highest_hz: float
    sustained: bool = False


def sections(piece: AlignedPiece, seconds: float = SECTION_S) -> Iterator[Section]:
    """The piece in sections of about ``seconds``, which begin at knots."""
    step = max(1, round(seconds * piece.sample_rate / KNOT)) * KNOT
    for start in range(0, piece.n_samples, step):
        yield Section(piece, start, min(start + step, piece.n_samples))


def follow(section: Section, model: Model) -> Followed:
    """Follow all partials that sound in ``section``."""
    piece, rate = section.piece, section.piece.sample_rate
    first = max(0, section.start - round(LEAD_S * rate / KNOT) * KNOT)
    last = min(piece.n_samples, section.stop + round(TAIL_S * rate))
    x = piece.samples(first, last)
    table = piece.series.notes.crop(first // piece.hop, -(-last // piece.hop))
    notes = ringing(table, piece.hop, len(x), rate, model.tuning, highest_hz=model.highest_hz, most_partials=MOST_PARTIALS)
    expected = model.levels.expected(notes, rate)
    if model.sustained:
        notes = with_contours(x, notes, expected, rate)
    c, share, rest = np.zeros(notes.n_cells, np.complex64), np.zeros(notes.n_cells, np.float32), x
    for window, oldest_s in PASSES if len(notes) else ():
        size = 2 * KNOT * max(2, round(window * rate / 24000 / (2 * KNOT))) if rate != 24000 else window
        envelopes.add_pass(
            rest, notes, expected, c, size, floor=FLOOR, lowest_hz=CYCLES * rate / size, sample_rate=rate, oldest_s=oldest_s,
            share=share if window == SHARING_WINDOW else None,
        )  # fmt: skip
        rest = x - envelopes.synthesise(notes, c, len(x))
    return Followed(section, section.start - first, x, notes, c, share, expected, rest)


def tuned(
    pieces: Sequence[AlignedPiece], *, stretched: bool | None, sustained: bool | None, advance: Advance
) -> tuple[dict[int, tuple[float, float]], bool]:
    """The tuning curve of every pitch from the lowest to the highest that is played, and whether notes are bowed or blown.

    Args:
        stretched: whether partials are those of stiff strings; None to hear it.
        sustained: bowed or blown; None to hear it.

    Raises:
        OrchestrionError: no note.
    """
    tables = [piece.series.notes for piece in pieces]
    pitches = np.concatenate([np.asarray(t.pitch) for t in tables]) if tables else np.empty(0)
    if not len(pitches):
        raise OrchestrionError("The recordings have no notes; there is nothing to learn from.")
    rate = pieces[0].sample_rate
    found = candidates(tables, pieces[0].hop, rate)
    listened, falls = [], []
    for pitch, of in sorted(found.items()):
        for one in of:
            piece = pieces[one.piece]
            part = piece.samples(min(one.onset, piece.n_samples), min(one.stop, piece.n_samples))
            falls.append(falling_db(part, rate))
            if len(part) > SHORTEST_S * rate / 2:
                listened.append(listen(part, pitch, rate, stretched=stretched is not False))
        advance(1)
    known = [fall for fall in falls if fall is not None]
    held = bool(known) and float(np.median(known)) < SUSTAINED_DB if sustained is None else sustained
    stiff = not held and (sounds_stretched(listened) if stretched is None else stretched)
    return curve(listened, range(int(pitches.min()), int(pitches.max()) + 1), stretched=stiff), held


def surveyed(
    pieces: Sequence[AlignedPiece], tuning: dict[int, tuple[float, float]], *, sustained: bool, threads: int | None, advance: Advance
) -> Model:
    """Tables from some minutes spread over the pieces, twice: the second time with the first time's tables and tuning."""
    chosen = _spread([s for piece in pieces for s in sections(piece, SURVEY_SECTION_S)], SURVEY_S)
    rate = pieces[0].sample_rate
    model = Model(tuning, first_guess(), band_limit(pieces), sustained)
    for _ in range(2):
        survey = survey_of(chosen, model, threads=threads, advance=advance)
        # Along contours partials turn with their own notes, not with a curve.
        tuning = model.tuning if sustained else retuned(model.tuning, survey.turns, rate, KNOT)
        model = replace(model, tuning=tuning, levels=survey.levels())
    return model


def survey_of(chosen: Sequence[Section], model: Model, *, threads: int | None, advance: Advance, then: Callable[[Followed], None] | None = None) -> Survey:
    """The sums over all sections; ``then`` is called with each as it was followed."""

    def one(section: Section) -> Survey:
        followed, survey = follow(section, model), Survey()
        survey.add(followed.notes, followed.envelopes, followed.share, followed.expected, section.piece.sample_rate, from_sample=followed.lead)
        if then is not None:
            then(followed)
        advance(section.seconds)
        return survey

    total = Survey()
    with ThreadPoolExecutor(threads or usable_processors()) as pool:
        for survey in pool.map(one, chosen):
            total.merge(survey)
    return total


def band_limit(pieces: Sequence[AlignedPiece]) -> float:
    """The frequency above which the recordings hold nothing: 85 dB below their loudest, or the highest that is followed."""
    size, power = 4096, np.zeros(4096 // 2 + 1)
    for section in _spread([s for piece in pieces for s in sections(piece, 5.0)], 120.0):
        x = section.piece.samples(section.start, section.stop)
        frames = x[: len(x) // size * size].reshape(-1, size) * np.hanning(size).astype(np.float32)
        power += (np.abs(np.fft.rfft(frames, axis=1)) ** 2).sum(0)
    rate = pieces[0].sample_rate
    audible = np.flatnonzero(power > power.max() * 10 ** (-BAND_DB / 10))
    limit = float(audible[-1]) * rate / size if len(audible) else math.inf
    return min(limit, HIGHEST * rate)


def noise_powers(followed: Followed) -> np.ndarray:
    """`band_powers` of what the section leaves over, ``[frames, 12]``."""
    piece = followed.section.piece
    powers = band_powers(followed.rest, piece.hop, piece.sample_rate)
    first = followed.lead // piece.hop
    return np.asarray(powers[first : first + -(-(followed.section.stop - followed.section.start) // piece.hop)])


def _spread(all_sections: Sequence[Section], seconds: float) -> list[Section]:
    """Sections evenly among all, of at most ``seconds`` together."""
    total = sum(section.seconds for section in all_sections)
    if total <= seconds:
        return list(all_sections)
    n = max(1, int(len(all_sections) * seconds / total))
    return [all_sections[i] for i in np.linspace(0, len(all_sections) - 1, n).round().astype(int)]


def explained_db(samples: np.ndarray, made: np.ndarray) -> float:
    """By how many dB ``samples`` less ``made`` are below ``samples``."""
    x, y = samples.astype(np.float64), made.astype(np.float64)
    return float(10 * np.log10((np.sum(x * x) + 1e-20) / (np.sum((x - y) ** 2) + 1e-20)))

