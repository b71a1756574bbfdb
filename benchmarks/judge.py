"""Does our judge rank recordings as they deserve, and as an independent transcriber does?

    python benchmarks/judge.py make FOLDER
    ANY-TRANSCRIBER FOLDER/*.wav                    # writes a MIDI file named after each clip
    python benchmarks/judge.py compare FOLDER HEARD [--json]

``make`` writes about 170 clips of twelve seconds, from flawless to unrelated, and ``clips.json`` with the notes each
should play and, where no network played, those that really sound (`judge_clips`). ``compare`` reads the MIDI files in HEARD
whose names begin with a clip's name and prints onset F1 within 50 ms by both judges, Spearman's rank correlation of both
with each other (over clips, and over the means of conditions) and of each with the truth, and the mean error against it.
docs/judge.md shows the figures with basic-pitch 0.4.0, which is no dependency: install it in an environment of its own, and
run ``basic-pitch --save-midi --model-serialization onnx --onset-threshold 0.7 HEARD FOLDER/*.wav``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from judge_clips import clips
from pretty_midi import PrettyMIDI
from scipy.stats import spearmanr

from orchestrion.audio import Waveform
from orchestrion.evaluation.judge.following import onset_scores, playable
from orchestrion.evaluation.judge.transcription import NAME, transcribe
from orchestrion.progress import track
from orchestrion.score import Note, Score


@dataclass(frozen=True, slots=True)
class Row:
    """Onset F1 of one clip by our judge and the other one, and of the notes that really sound, where they are known."""

    name: str
    condition: str
    group: str
    ours: float
    other: float
    truth: float | None


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="write the clips")
    making.add_argument("folder", type=Path)
    making.add_argument("--seed", type=int, default=0)
    comparing = commands.add_parser("compare", help="compare both judges")
    comparing.add_argument("folder", type=Path)
    comparing.add_argument("heard", type=Path, help="MIDI files of the other transcriber")
    comparing.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.command == "make":
        make(arguments.folder, arguments.seed)
        return
    rows = compare(arguments.folder, arguments.heard)
    found = agreement(rows)
    report = {"judge": NAME, "agreement": found, "clips": [asdict(row) for row in rows]}
    print(json.dumps(report, indent=1) if arguments.json else as_text(rows, found))


def make(folder: Path, seed: int) -> None:
    """Write every clip and ``clips.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = {}
    for clip in clips(seed):
        clip.audio.write(folder / f"{clip.name}.wav")
        truth = None if clip.truth is None else _rows(clip.truth)
        listed[clip.name] = {"condition": clip.condition, "group": clip.group, "notes": _rows(clip.score), "truth": truth}
        print(clip.name, flush=True)
    (folder / "clips.json").write_text(json.dumps(listed), encoding="utf-8")


def _rows(score: Score) -> list[list[float]]:
    return [[n.onset_s, n.offset_s, n.pitch, n.velocity] for n in playable(score)]


def _notes(rows: Sequence[Sequence[float]]) -> list[Note]:
    return [Note(onset_s, offset_s, int(pitch), int(velocity)) for onset_s, offset_s, pitch, velocity in rows]


def compare(folder: Path, heard: Path) -> list[Row]:
    """Onset F1 of every clip that the other transcriber has heard."""
    listed = json.loads((folder / "clips.json").read_text(encoding="utf-8"))
    midi = {name: sorted(heard.glob(f"{name}[._]*mid")) for name in listed}
    names = [name for name, found in midi.items() if found]
    if not names:
        raise SystemExit(f"{heard} holds no MIDI file named after a clip of {folder}.")
    rows = []
    for name in track(names, len(names), "Listening"):
        clip, notes = listed[name], _notes(listed[name]["notes"])
        f1 = {
            "ours": _f1(notes, transcribe(Waveform.read(folder / f"{name}.wav"))),
            "other": _f1(notes, _read(midi[name][0])),
            "truth": None if clip["truth"] is None else _f1(notes, _notes(clip["truth"])),
        }
        rows.append(Row(name, clip["condition"], clip["group"], **f1))
    return rows


def _f1(notes: Sequence[Note], found: Sequence[Note]) -> float:
    return onset_scores(notes, found)["note_f1_50ms"]


def _read(path: Path) -> list[Note]:
    """The notes of a MIDI file; none where it holds none."""
    listed = [note for part in PrettyMIDI(str(path)).instruments for note in part.notes]
    return [Note(note.start, note.end, note.pitch, note.velocity) for note in listed if 21 <= note.pitch <= 108]


def agreement(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Of all clips and of each group: how both judges agree with each other and with the truth."""
    groups = {"all": list(rows)} | {row.group: [r for r in rows if r.group == row.group] for row in rows}
    return {name: _agreement(chosen) for name, chosen in groups.items()}


def _agreement(rows: Sequence[Row]) -> dict[str, float]:
    ours, other = (np.array([getattr(row, who) for row in rows]) for who in ("ours", "other"))
    conditions = sorted({row.condition for row in rows})
    means = [[np.mean([getattr(r, who) for r in rows if r.condition == c]) for c in conditions] for who in ("ours", "other")]
    found = {"clips": len(rows), "conditions": len(conditions), "rank_clips": _rank(ours, other), "rank_conditions": _rank(*means)}
    known = np.array([row.truth is not None for row in rows])
    if known.any():
        truth = np.array([row.truth for row in rows if row.truth is not None])
        for who, values in (("ours", ours[known]), ("other", other[known])):
            found |= {f"rank_truth_{who}": _rank(values, truth), f"error_{who}": float(np.abs(values - truth).mean())}
    return found


def _rank(one: Sequence[float] | np.ndarray, other: Sequence[float] | np.ndarray) -> float:
    return float(spearmanr(one, other).statistic) if np.ptp(one) and np.ptp(other) else float("nan")


def as_text(rows: Sequence[Row], found: Mapping[str, Mapping[str, float]]) -> str:
    """Clips from best to worst by the other judge, then the agreement."""
    lines = [f"{'clip':<44} {'ours':>6} {'other':>6} {'truth':>6}"]
    for row in sorted(rows, key=lambda row: -row.other):
        truth = "" if row.truth is None else f"{row.truth:.2f}"
        lines.append(f"{row.name:<44} {row.ours:>6.2f} {row.other:>6.2f} {truth:>6}")
    lines += [f"{group}: " + ", ".join(f"{key} {value:.3g}" for key, value in row.items()) for group, row in found.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
