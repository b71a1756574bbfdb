"""`Inventory`: what a set of recordings offers to an instrument trained on it, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.datasets.checking.flux import SAMPLE_RATE
from orchestrion.datasets.checking.onsetlag import OnsetLag, onset_lag
from orchestrion.datasets.checking.stretches import runs
from orchestrion.datasets.recordings.aligned import AlignedPiece
from orchestrion.progress import track
from orchestrion.score import N_PITCHES, pitch_name
from orchestrion.terminal import plural

LITTLE_MINUTES, SOME_MINUTES = 5.0, 20.0
THIN_S = 2.0  # a pitch that sounds for less than this in all is hardly learnt
WIDE_GAP = 3  # semitones: said as "between"; single ones are listed
MOST_NAMED = 12
LAG_SECONDS, LAG_PIECES = 60.0, 40  # of each, and so many pieces at most


@dataclass(frozen=True)
class Inventory:
    """Figures of a set.

    Attributes:
        pieces, minutes, notes: of ``train`` and ``validation``.
        seconds: for ``train`` and ``validation`` how long each of the 128 pitches sounds.
        silent: names of pieces without notes.
        lags: by name of piece, where it could be measured (at most 40 pieces).
        velocities: different ones among the training notes.
    """

    pieces: Mapping[str, int]
    minutes: Mapping[str, float]
    notes: Mapping[str, int]
    seconds: Mapping[str, np.ndarray]
    silent: tuple[str, ...]
    lags: Mapping[str, OnsetLag]
    velocities: int

    @classmethod
    def of(cls, train: Sequence[AlignedPiece], validation: Sequence[AlignedPiece]) -> Inventory:
        """Look through the notes of all pieces, and at the beginning of the audio of some."""
        splits = {"train": train, "validation": validation}
        notes, seconds = {}, {}
        silent: list[str] = []
        velocities: set[int] = set()
        for split, pieces in splits.items():
            notes[split], seconds[split] = 0, np.zeros(N_PITCHES)
            for piece in track(pieces, len(pieces), f"Looking at the {split} notes"):
                listed, end_s = piece.notes, piece.duration_s
                notes[split] += len(listed)
                silent += [] if listed else [piece.name]
                if split == "train":
                    velocities.update(note.velocity for note in listed)
                for note in listed:
                    seconds[split][note.pitch] += min(note.offset_s, end_s) - min(note.onset_s, end_s)
        return cls(
            {split: len(pieces) for split, pieces in splits.items()},
            {split: sum(piece.duration_s for piece in pieces) / 60 for split, pieces in splits.items()},
            notes, seconds, tuple(silent), dict(_lags([*train, *validation])), len(velocities),
        )  # fmt: skip

    @property
    def pitch_range(self) -> tuple[int, int] | None:
        """Lowest and highest pitch for training."""
        heard = np.flatnonzero(self.seconds["train"])
        return (int(heard[0]), int(heard[-1])) if len(heard) else None

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """Pitches (first, last) within the range that are never heard in training."""
        if self.pitch_range is None:
            return []
        low, high = self.pitch_range
        return [(low + start, low + stop - 1) for start, stop in runs(self.seconds["train"][low : high + 1] == 0)]

    def found(self) -> tuple[str, ...]:
        """What there is, in sentences."""
        lines = []
        for split, use in (("train", "for training"), ("validation", "held out to validate")):
            count, minutes, notes = self.pieces[split], self.minutes[split], self.notes[split]
            lines.append(f"{minutes:.1f} minutes {use}: {plural(notes, 'note')} in {plural(count, 'piece')}.")
        if self.pitch_range:
            low, high = self.pitch_range
            lines.append(f"The notes for training go from {pitch_name(low)} to {pitch_name(high)} (pitches {low} to {high}).")
        return tuple(lines)

    def missing(self) -> tuple[str, ...]:
        """What is missing or looks wrong, a sentence each; nothing for a good set."""
        return (*_too_short(self.minutes["train"]), *_holes(self), *_misplaced(self))

    def to_dict(self) -> dict[str, object]:
        """For JSON: the figures, seconds by the name of the pitch, and what is missing."""
        return {
            "pieces": dict(self.pieces),
            "minutes": {split: round(minutes, 2) for split, minutes in self.minutes.items()},
            "notes": dict(self.notes),
            "pitch_range": self.pitch_range,
            "seconds_a_pitch": {pitch_name(p): round(float(s), 2) for p, s in enumerate(self.seconds["train"]) if s},
            "onset_lags": {name: asdict(lag) for name, lag in self.lags.items()},
            "missing": list(self.missing()),
        }


def _lags(pieces: Sequence[AlignedPiece]) -> Iterator[tuple[str, OnsetLag]]:
    chosen = pieces[:: max(1, -(-len(pieces) // LAG_PIECES))]
    for piece in track(chosen, len(chosen), "Listening whether the notes fit"):
        samples = piece.samples(0, min(piece.n_samples, round(LAG_SECONDS * piece.sample_rate)))
        heard = Waveform(samples, piece.sample_rate).resample(SAMPLE_RATE) if len(samples) else None
        if heard is not None and (lag := onset_lag(heard.samples, piece.notes)) is not None:
            yield piece.name, lag


def _too_short(minutes: float) -> Iterator[str]:
    if minutes < LITTLE_MINUTES:
        yield (f"Only {minutes:.1f} minutes for training, under {LITTLE_MINUTES:g}: expect the sound at best, not clean notes; "
               f"record more, and begin with --from a related instrument.")  # fmt: skip
    elif minutes < SOME_MINUTES:
        yield (f"{minutes:.1f} minutes for training are little (under {SOME_MINUTES:g}): "
               f"begin with --from a related instrument.")  # fmt: skip


def _holes(of: Inventory) -> Iterator[str]:
    if of.pitch_range is None:
        yield "There are no notes for training at all: the instrument cannot learn to follow a score."
        return
    for first, last in of.gaps:
        if last - first + 1 >= WIDE_GAP:
            yield f"No notes between {pitch_name(first - 1)} and {pitch_name(last + 1)}: it will guess at those."
    single = [p for first, last in of.gaps if last - first + 1 < WIDE_GAP for p in range(first, last + 1)]
    if single:
        yield f"Never heard: {_named(single)}."
    thin = [pitch for pitch, heard_s in enumerate(of.seconds["train"]) if 0 < heard_s < THIN_S]
    if thin:
        yield f"Heard for less than {THIN_S:g} s in all: {_named(thin)}."
    if of.velocities == 1 and of.notes["train"] > 1:
        yield "All notes have the same velocity: it will have one loudness."


def _misplaced(of: Inventory) -> Iterator[str]:
    if of.silent:
        more = f" and {len(of.silent) - 1} more" if len(of.silent) > 1 else ""
        yield f"{of.silent[0]}{more} without any note: take it out, or label it by another method."
    wrong = {name: lag for name, lag in of.lags.items() if lag.is_off}
    for name, lag in sorted(wrong.items(), key=lambda item: -abs(item[1].lag_s))[:MOST_NAMED]:
        where = "late" if lag.lag_s > 0 else "early"
        yield f"Alignment of {name} looks {abs(lag.lag_s) * 1000:.0f} ms {where}: move its notes, or align it anew (data label --method align)."


def _named(pitches: Sequence[int]) -> str:
    shown = ", ".join(pitch_name(pitch) for pitch in pitches[:MOST_NAMED])
    return shown + (f" and {len(pitches) - MOST_NAMED} more" if len(pitches) > MOST_NAMED else "")
