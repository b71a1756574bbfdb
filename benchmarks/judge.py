"""Does our judge rank recordings as an independent transcriber does?

    python benchmarks/judge.py make FOLDER
    ANY-TRANSCRIBER FOLDER/*.wav                    # writes a MIDI file named after each clip
    python benchmarks/judge.py compare FOLDER HEARD [--json]

``make`` writes about 140 clips of twelve seconds, from flawless to unrelated, and ``clips.json`` with the notes each
should play (`judge_clips`). ``compare`` reads the MIDI files in HEARD whose names begin with a clip's name and prints
onset F1 within 50 ms of both judges and Spearman's rank correlation, for all clips and for each group. The README's
figures come from basic-pitch 0.4.0 (``basic-pitch --save-midi --model-serialization onnx HEARD FOLDER/*.wav``), which is
no dependency: install it in an environment of its own.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from judge_clips import clips
from pretty_midi import PrettyMIDI
from scipy.stats import spearmanr

from orchestrion.audio import Waveform
from orchestrion.evaluation.judge.following import onset_scores, playable
from orchestrion.evaluation.judge.transcription import NAME, transcribe
from orchestrion.progress import track
from orchestrion.score import Note


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
    result = {"judge": NAME, "clips": rows, "rank_correlation": correlations(rows)}
    print(json.dumps(result, indent=1) if arguments.json else as_text(result))


def make(folder: Path, seed: int) -> None:
    """Write every clip and ``clips.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = {}
    for clip in clips(seed):
        clip.audio.write(folder / f"{clip.name}.wav")
        notes = [[n.onset_s, n.offset_s, n.pitch, n.velocity] for n in playable(clip.score)]
        listed[clip.name] = {"group": clip.group, "notes": notes}
        print(clip.name, flush=True)
    (folder / "clips.json").write_text(json.dumps(listed), encoding="utf-8")


def compare(folder: Path, heard: Path) -> list[dict[str, str | float]]:
    """F1 of both judges for every clip that the other one has heard."""
    listed = json.loads((folder / "clips.json").read_text(encoding="utf-8"))
    midi = {name: sorted(heard.glob(f"{name}[._]*.mid")) for name in listed}
    names = [name for name, found in midi.items() if found]
    if not names:
        raise SystemExit(f"{heard} holds no MIDI file named after a clip of {folder}.")
    rows: list[dict[str, str | float]] = []
    for name in track(names, len(names), "Listening"):
        notes = [Note(onset_s, offset_s, int(p), int(v)) for onset_s, offset_s, p, v in listed[name]["notes"]]
        ours = onset_scores(notes, transcribe(Waveform.read(folder / f"{name}.wav")))
        other = onset_scores(notes, _read(midi[name][0]))
        measures = {f"{key}_{who}": scores[f"note_{key}_50ms"] for who, scores in (("ours", ours), ("other", other))
                    for key in ("f1", "precision", "recall")}  # fmt: skip
        rows.append({"clip": name, "group": listed[name]["group"], **measures})
    return rows


def _read(path: Path) -> list[Note]:
    """The notes of a MIDI file; none where it holds none."""
    listed = [note for part in PrettyMIDI(str(path)).instruments for note in part.notes]
    return [Note(note.start, note.end, note.pitch, note.velocity) for note in listed if 21 <= note.pitch <= 108]


def correlations(rows: list[dict[str, str | float]]) -> dict[str, dict[str, float]]:
    """Of all clips and of each group: Spearman's correlation, means of both, and how many clips."""
    groups = {"all": rows} | {str(g): [r for r in rows if r["group"] == g] for g in dict.fromkeys(r["group"] for r in rows)}
    found = {}
    for group, chosen in groups.items():
        ours, other = (np.array([row[f"f1_{who}"] for row in chosen], dtype=float) for who in ("ours", "other"))
        rank = float(spearmanr(ours, other).statistic) if len(chosen) > 2 else float("nan")
        found[group] = {"spearman": rank, "ours": float(ours.mean()), "other": float(other.mean()), "n": len(chosen)}
    return found


def as_text(result: Mapping) -> str:
    """Clips from best to worst by the other judge, then the correlations."""
    lines = [f"{'clip':<44} {'ours: F1':>9} {'P':>5} {'R':>5} {'other: F1':>10} {'P':>5} {'R':>5}"]
    for row in sorted(result["clips"], key=lambda row: -row["f1_other"]):
        ours, other = ([row[f"{key}_{who}"] for key in ("f1", "precision", "recall")] for who in ("ours", "other"))
        lines.append(f"{row['clip']:<44} {ours[0]:>9.2f} {ours[1]:>5.2f} {ours[2]:>5.2f} {other[0]:>10.2f} {other[1]:>5.2f} {other[2]:>5.2f}")
    lines += [
        f"{group}: Spearman {row['spearman']:.3f} over {row['n']} clips; means {row['ours']:.3f} and {row['other']:.3f}"
        for group, row in result["rank_correlation"].items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
