"""Table of how well an instrument follows the six built-in tunes, with ceiling and floor.

Each tune is transposed by whole octaves into the instrument's range, rendered, transcribed and compared with its score
(`following`). Ceiling: a reference performance of the same notes through the same transcriber. Floor: the rendering against
whichever other built-in tune matches it best by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.judge.following import floor, note_accuracy
from orchestrion.score import BUILTIN_TUNES, Score

Play = Callable[[Score], Waveform]
COLUMNS = {
    "tune": "tune",
    "note_f1_50ms": "F1 50 ms",
    "ceiling_note_f1_50ms": "ceiling",
    "floor_note_f1_50ms": "floor",
    "share_of_ceiling": "of ceiling",
    "note_f1_100ms": "F1 100 ms",
    "ceiling_note_f1_100ms": "ceiling",
    "pitch_accuracy": "pitch",
    "ceiling_pitch_accuracy": "ceiling",
}


@dataclass(frozen=True, slots=True)
class TuneResult:
    """One row: everything in [0, 1], except ``share_of_ceiling`` (F1 at 50 ms over its ceiling), which may exceed 1."""

    tune: str
    note_f1_50ms: float
    note_f1_100ms: float
    pitch_accuracy: float
    ceiling_note_f1_50ms: float
    ceiling_note_f1_100ms: float
    ceiling_pitch_accuracy: float
    floor_note_f1_50ms: float
    floor_note_f1_100ms: float
    share_of_ceiling: float


@dataclass(frozen=True, slots=True)
class InstrumentTable:
    """The rows of one instrument, one a tune."""

    instrument: str
    rows: tuple[TuneResult, ...]

    def mean(self, column: str) -> float:
        """Mean of a numeric column over the tunes."""
        return float(sum(getattr(row, column) for row in self.rows) / len(self.rows))

    def to_json(self) -> dict[str, object]:
        """For model cards' headers: ``instrument``, ``tunes`` (a list of rows) and ``mean``."""
        numeric = [name for name in COLUMNS if name != "tune"]
        return {
            "instrument": self.instrument,
            "tunes": [asdict(row) for row in self.rows],
            "mean": {name: self.mean(name) for name in numeric},
        }

    def to_markdown(self) -> str:
        """A Markdown table for cards and the README."""
        head, *rows = self._cells()
        rule = [":---", *["---:"] * (len(head) - 1)]
        return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])

    def _cells(self) -> list[list[str]]:
        numeric = [name for name in COLUMNS if name != "tune"]
        rows = [[row.tune, *(f"{getattr(row, name):.2f}" for name in numeric)] for row in self.rows]
        return [list(COLUMNS.values()), *rows, ["mean", *(f"{self.mean(name):.2f}" for name in numeric)]]


def evaluate_instrument(
    render: Play,
    reference: Play,
    tunes: Mapping[str, Score] = BUILTIN_TUNES,
    *,
    instrument: str = "instrument",
    pitch_range: tuple[int, int] = (21, 108),
) -> InstrumentTable:
    """Play every tune and measure it.

    Args:
        render: plays a score on the instrument (with a fixed seed, for figures that can be repeated).
        reference: plays it surely right, see `reference.reference_performance`.
        tunes: at least two, since each one's floor is found among the others.
        pitch_range: lowest and highest pitch of the instrument.

    Raises:
        OrchestrionError: fewer than two tunes, or one that does not fit the range in any octave.
    """
    if len(tunes) < 2:
        raise OrchestrionError("Evaluating an instrument takes at least two tunes; each one's floor is another tune.")
    placed = {name: into_range(tune, *pitch_range) for name, tune in tunes.items()}
    return InstrumentTable(instrument, tuple(_row(name, placed, render, reference) for name in placed))


def into_range(score: Score, low: int, high: int) -> Score:
    """``score`` moved by the fewest octaves that bring every note into ``low`` to ``high``.

    Raises:
        OrchestrionError: it fits in no octave.
    """
    pitches = [note.pitch for note in score.notes]
    for octaves in (0, 1, -1, 2, -2, 3, -3, 4, -4):
        if pitches and low <= min(pitches) + 12 * octaves and max(pitches) + 12 * octaves <= high:
            return score.transpose(12 * octaves) if octaves else score
    raise OrchestrionError(f"{score.title or 'The score'} does not fit between pitches {low} and {high} in any octave.")


def _row(name: str, tunes: Mapping[str, Score], render: Play, reference: Play) -> TuneResult:
    score = tunes[name]
    audio = render(score)
    own = note_accuracy(audio, score)
    best = note_accuracy(reference(score), score)
    _, chance = floor(audio, {other: tune for other, tune in tunes.items() if other != name})
    return TuneResult(
        tune=name,
        note_f1_50ms=own["note_f1_50ms"],
        note_f1_100ms=own["note_f1_100ms"],
        pitch_accuracy=own.get("pitch_accuracy", own["multipitch_accuracy"]),
        ceiling_note_f1_50ms=best["note_f1_50ms"],
        ceiling_note_f1_100ms=best["note_f1_100ms"],
        ceiling_pitch_accuracy=best.get("pitch_accuracy", best["multipitch_accuracy"]),
        floor_note_f1_50ms=chance["note_f1_50ms"],
        floor_note_f1_100ms=chance["note_f1_100ms"],
        share_of_ceiling=own["note_f1_50ms"] / max(best["note_f1_50ms"], 1e-9),
    )
