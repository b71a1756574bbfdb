"""The comparison of all back-ends as one HTML file: players, table and pictures in it, no script, nothing fetched."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from orchestrion.audio import Waveform
from orchestrion.evaluation.comparison.conditioned_page import STYLE, flac_text

# Some browsers do not play 4.41 kHz.
LEAST_RATE = 16000

COLUMNS: Mapping[str, tuple[str, str]] = {
    "note_f1_50ms": ("Notes right (F1)", "{:.2f}"),
    "loops": ("Clips that loop", "{}"),
    "loops_by_seeds": ("… by 1 · 3 · 6 seeds", "{}"),
    "first_loop_s": ("First loop after (s)", "{:.1f}"),
    "flatness": ("Flatness", "{:.2f}"),
    "silent_share": ("Silent", "{:.0%}"),
    "outside_band": ("Outside the band", "{:.1%}"),
    "click_excess_db": ("Clicks at edges (dB)", "{:+.1f}"),
    "imaginary_residue_db": ("Imaginary residue (dB)", "{:.1f}"),
    "copying": ("Copied (correlation)", "{:.2f}"),
    "frechet_distance": ("Fréchet distance*", "{:.3f}"),
    "kernel_distance": ("Kernel distance*", "{:.4f}"),
}
"""What the table shows of `measuring.summary`, and how."""

EXPLAINED = (
    ("Notes right", "onset F1 within 50 ms of the score, of the first clip; only wavenet is told the score"),
    ("Loops", ("the log-mel spectrogram repeats itself at a fixed lag for two periods and three seconds; by one, three and six "
               "times the seed's length")),
    ("Flatness", "spectral, by octaves: 0 for tones, 0.56 for noise"),
    ("Outside the band", "energy where no held-out recording has more than 1 %"),
    ("Clicks", "jump at block edges over that inside blocks; none where audio is made sample by sample"),
    ("Imaginary residue", "of the inverse transform of predicted spectra, thrown away"),
    ("Copied", "greatest correlation of two seconds with the training audio"),
    ("*", ("to held-out recordings over log-mel-dct-40 embeddings: comparable within this table only, not with "
           "published Fréchet audio distances; what has no treble because it is made at 4.41 kHz is far from what has")),
)  # fmt: skip

MORE = """
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: .6rem 1rem; }
figure.one { margin: .4rem 0; } figure.one figcaption { font-size: .92rem; }
h3 { margin: 1.6rem 0 .3rem; } code { overflow-wrap: anywhere; } td.bad { background: #d9730d33; }
dt { font-weight: 600; }
th[scope=row] { white-space: nowrap; } body { max-width: 75rem; }
"""


def write_page(
    path: Path,
    report: Mapping[str, Any],
    players: Mapping[str, Sequence[Waveform]],
    seeds: Sequence[Waveform],
    pictures: Mapping[str, Path],
) -> None:
    """Write the page.

    Args:
        report: the content of ``report.json``.
        players: clips to play by the keys of ``report["systems"]``.
        seeds: what all of them continue.
        pictures: PNG files by heading.
    """
    systems = report["systems"]
    absent = {name: system["command"] for name, system in systems.items() if not system["present"]}
    body = [
        f"<h1>{escape(report['title'])}</h1>",
        f"<p>{escape(_introduction(report))}</p>",
        "<h2>Measures</h2>",
        table(report),
        f"<p>{escape(_marks(report))}</p>",
        "<dl>" + "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in EXPLAINED) + "</dl>",
        "<h2>Listen</h2>",
        "<h3>The seeds that all continue</h3>",
        _row([(f"Seed {i + 1}", seed) for i, seed in enumerate(seeds)], "Seed"),
    ]
    for name, clips in players.items():
        body += [f"<h3>{escape(name)}</h3>", f"<p>{escape(systems[name]['what'])}</p>"]
        body.append(_row([(f"{name}, clip {i + 1}", clip) for i, clip in enumerate(clips)], name))
    for name, command in absent.items():
        body += [
            f"<h3>{escape(name)}: absent</h3>",
            f"<p>No model of it is here. Make one: <code>{escape(command)}</code></p>",
        ]
    for heading, picture in pictures.items():
        body += [f"<h2>{escape(heading)}</h2>", _image(picture, f"{heading} of {', '.join(players)}.")]
    body.append(f"<footer>{escape(_footer(report))}</footer>")
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(report['title'])}</title>\n<style>{STYLE}{MORE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )
    path.write_text(page, encoding="utf-8")


def table(report: Mapping[str, Any]) -> str:
    """The table of meters, HTML; figures of a fault that is there are marked."""
    rows = {name: system["summary"] for name, system in report["systems"].items() if system["present"]}
    shown = {key: column for key, column in COLUMNS.items() if any(row.get(key) is not None for row in rows.values())}
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading, _ in shown.values())
    lines = []
    for name, row in rows.items():
        cells = "".join(
            _cell(row.get(key), pattern, _is_bad(key, row["faults"])) for key, (_, pattern) in shown.items()
        )
        lines.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    return (
        '<div class="wide" tabindex="0"><table><thead><tr><th scope="col">system</th>'
        f"{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def markdown(report: Mapping[str, Any]) -> str:
    """The same table for a README."""
    rows = {name: system["summary"] for name, system in report["systems"].items() if system["present"]}
    shown = {key: column for key, column in COLUMNS.items() if any(row.get(key) is not None for row in rows.values())}
    lines = ["| system | " + " | ".join(heading for heading, _ in shown.values()) + " |"]
    lines.append("| --- |" + " ---: |" * len(shown))
    for name, row in rows.items():
        cells = [_text(row.get(key), pattern) for key, (_, pattern) in shown.items()]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def as_text(report: Mapping[str, Any]) -> str:
    """What matters most, for a terminal: faults and distances, and how to make the models that are absent."""
    systems = report["systems"]
    width = max(map(len, systems))
    lines = [f"{'':<{width}}  {'notes right':>11}  {'Fréchet*':>8}  {'kernel*':>8}  faults"]
    for name, system in systems.items():
        if system["present"]:
            row = system["summary"]
            notes = _text(row.get("note_f1_50ms"), "{:.2f}")
            lines.append(f"{name:<{width}}  {notes:>11}  {row['frechet_distance']:>8.3f}  {row['kernel_distance']:>8.4f}  "
                         f"{', '.join(row['faults']) or 'none found'}")  # fmt: skip
    lines += [
        f"{name:<{width}}  absent; make it: {system['command']}"
        for name, system in systems.items()
        if not system["present"]
    ]
    return "\n".join([*lines, f"* to the recordings ({report['source']}); comparable within this table only"])


FAULT_OF = {
    "loops": "loops", "loops_by_seeds": "loops", "first_loop_s": "loops", "flatness": "noise", "silent_share": "silence",
    "outside_band": "band",
    "click_excess_db": "clicks", "imaginary_residue_db": "imaginary residue", "copying": "copying",
}  # fmt: skip


def _is_bad(key: str, faults: Sequence[str]) -> bool:
    return FAULT_OF.get(key) in faults


def _cell(value: float | None, pattern: str, is_bad: bool) -> str:
    kind = ' class="bad" title="a fault in at least one clip"' if is_bad and value is not None else ""
    return f"<td{kind}>{escape(_text(value, pattern))}{'&nbsp;!' if kind else ''}</td>"


def _text(value: float | None, pattern: str) -> str:
    return "–" if value is None else pattern.format(value)


def _marks(report: Mapping[str, Any]) -> str:
    return (
        f"Marked with !: the meter's fault is there in at least one of {report['n_clips']} clips. The row “recording” "
        "is what really follows the seeds."
    )


def _introduction(report: Mapping[str, Any]) -> str:
    present = sum(system["present"] for name, system in report["systems"].items() if name != "recording")
    return (
        f"{present} generators of audio each continue the same {report['n_clips']} seeds of {report['seed_seconds']:g} "
        f"s for {report['seconds']:g} s; wavenet plays {report['score']} after them. Seeds and "
        f"held-out recordings: {report['source']}."
    )


def _row(sounds: Sequence[tuple[str, Waveform]], name: str) -> str:
    return '<div class="two">' + "".join(_player(label, sound) for label, sound in sounds) + "</div>"


def _player(label: str, sound: Waveform) -> str:
    audible = sound.resample(max(LEAST_RATE, sound.sample_rate))
    return (
        f'<figure class="one"><figcaption>{escape(label)}</figcaption><audio controls preload="metadata" '
        f'aria-label="{escape(label)}" src="data:audio/flac;base64,{flac_text(audible)}"></audio></figure>'
    )


def _image(picture: Path, alternative: str) -> str:
    content = base64.b64encode(picture.read_bytes()).decode("ascii")
    return f'<img src="data:image/png;base64,{content}" alt="{escape(alternative)}">'


def _footer(report: Mapping[str, Any]) -> str:
    return (
        "All audio here but seeds and recordings is machine-generated by Orchestrion, at the level it was made at. "
        f"Seed {report['seed']}. All figures, clip by clip, are in report.json."
    )
