"""The audio on the site: every clip by the commands that the page shows, with fixed seeds, as Opus in ``docs/audio``.

    python benchmarks/site_audio.py [NAME ...]

``docs/audio/clips.json`` keeps what each clip is, its commands, its length and the version that made it; the site shows it
(``docs/hooks/clips.py``). All clips together stay under `MAX_BYTES`.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError
from orchestrion.files import write_json
from orchestrion.progress import progress
from orchestrion.version import VERSION

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "audio"
MANIFEST = "clips.json"
MAX_BYTES = 5 << 20
INSTRUMENTS = (
    "piano", "violin", "flute", "guitar", "organ", "cello", "clarinet", "oboe", "horn", "trumpet", "harp", "electric-guitar",
    "alto-sax", "disklavier", "harpsichord", "marimba", "vibraphone", "strings", "choir", "trombone", "accordion",
)  # fmt: skip
GENERATORS = (
    "wavenet-unconditioned", "spectral-lstm", "spectral-gru", "spectral-base", "spectral-dense", "spectral-conv1d", "spectral-conv2d", "spectral-bilinear",
    "spectral-stacked", "sample-lstm", "stft-encdec", "tcn",
)  # fmt: skip
CHORALE = 'orchestrion compose --model chorales --bars 8 --key "G major" --seed 3 -o chorale.mid'
QUARTET = 'orchestrion compose --model quartets --meter 3/4 --bars 16 --key "D major" --seed 1 -o quartet.mid'
SEATS = "--pan -0.4 --pan -0.1 --pan 0.2 --pan 0.5"
ODE_PIANO = "orchestrion render ode-to-joy -i piano --end 8 --seed 1 -o ode-piano.opus"


@dataclass(frozen=True)
class Clip:
    """A file of the site.

    Args:
        name: of the file, without ``.opus``.
        title: what one hears.
        commands: the lines that make it in an empty folder, as the page shows them; the last one writes ``made``.
        made: where the last one writes, if not ``NAME.opus``.
    """

    name: str
    title: str
    commands: tuple[str, ...]
    made: str = ""


def clips() -> list[Clip]:
    """All that the site plays."""
    melody = "orchestrion perform --seed 7 --expression 0.7 --format opus -o demo"
    return [
        Clip("melody", "A melody composed and played on the piano, as `make demo` does", (melody,), "demo/melody.opus"),
        *(_ode(instrument) for instrument in INSTRUMENTS),
        Clip("chorale-strings", "A composed chorale, on violin, viola, cello and double bass", (
            CHORALE, f"orchestrion render chorale.mid -i violin -i viola -i cello -i double-bass {SEATS} --seed 1 -o chorale-strings.opus")),
        Clip("chorale-winds", "The same chorale, on oboe, clarinet, horn and bassoon", (
            CHORALE, f"orchestrion render chorale.mid -i oboe -i clarinet -i horn -i bassoon {SEATS} --seed 1 -o chorale-winds.opus")),
        Clip("quartet", "A composed minuet, by a string quartet", (QUARTET, f"orchestrion render quartet.mid {SEATS} --seed 1 -o quartet.opus")),
        Clip("greensleeves-violin-source", "The violin's harmonic source alone: tables of partials and noise, without the network", (
            "orchestrion render greensleeves -i violin --end 8 --only source -o greensleeves-violin-source.opus",)),
        Clip("greensleeves-violin", "The same with the network", (
            "orchestrion render greensleeves -i violin --end 8 --seed 1 -o greensleeves-violin.opus",)),
        Clip("minuet-piano-source", "The piano's harmonic source alone", (
            "orchestrion render minuet-in-g -i piano --end 8 --only source -o minuet-piano-source.opus",)),
        Clip("minuet-piano", "The same with the network", (
            "orchestrion render minuet-in-g -i piano --end 8 --seed 1 -o minuet-piano.opus",)),
        Clip("unconditioned-violin", "A violin network that is not shown the notes of Ode to Joy", (
            "orchestrion render ode-to-joy -i violin-unconditioned --end 8 --seed 1 -o unconditioned-violin.opus",)),
        *(_generated(backend) for backend in GENERATORS),
    ]  # fmt: skip


def _ode(instrument: str) -> Clip:
    name = f"ode-{instrument}"
    return Clip(name, instrument, (f"orchestrion render ode-to-joy -i {instrument} --end 8 --seed 1 -o {name}.opus",))


def _generated(backend: str) -> Clip:
    name = f"generated-{backend}"
    command = f"orchestrion generate {backend} --seed-audio ode-piano.opus --seed-seconds 8 --seconds 8 --seed 1 -o {name}.opus"
    return Clip(name, backend, (ODE_PIANO, command))


def make(clip: Clip, folder: Path) -> float:
    """Run a clip's commands and keep what they made in ``folder``; its seconds."""
    with tempfile.TemporaryDirectory() as work:
        for line in clip.commands:
            program, *arguments = shlex.split(line)
            done = subprocess.run([sys.executable, "-m", program, *arguments], cwd=work, capture_output=True, text=True, check=False)
            if done.returncode:
                raise OrchestrionError(f"{line}: {done.stderr.strip()}")
        made = Path(work) / (clip.made or f"{clip.name}.opus")
        (folder / f"{clip.name}.opus").write_bytes(made.read_bytes())
        return Waveform.read(made).duration_s


def main(names: list[str]) -> None:
    """Make the clips of these names, or all; keep the manifest."""
    FOLDER.mkdir(exist_ok=True)
    manifest = FOLDER / MANIFEST
    before = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}
    chosen = [clip for clip in clips() if not names or clip.name in names]
    kept = {clip.name: before[clip.name] for clip in clips() if clip.name in before}
    with progress(len(chosen), "Clips") as advance:
        for clip in chosen:
            seconds = round(make(clip, FOLDER), 3)
            kept[clip.name] = {"title": clip.title, "commands": clip.commands, "seconds": seconds, "version": VERSION}
            write_json(manifest, {each.name: kept[each.name] for each in clips() if each.name in kept})
            advance(1)
    total = sum(path.stat().st_size for path in FOLDER.glob("*.opus"))
    if total > MAX_BYTES:
        raise OrchestrionError(f"{total / 2**20:.1f} MiB of clips; {MAX_BYTES >> 20} are the most.")
    print(f"{len(kept)} clips, {total / 2**20:.2f} MiB.")


if __name__ == "__main__":
    main(sys.argv[1:])
