"""How well each instrument follows the six built-in tunes: the tables of the model cards.

    python benchmarks/instruments.py [NAME|PATH ...] [--seed N] [--json]

Without names, every shipped instrument. Each tune is played free-running, transcribed, and compared with its score;
beside it stand the ceiling (the tune by FluidSynth, or by additive synthesis where that is not installed, through the
same transcriber) and the floor (the same audio against the other tune that fits it best).
"""

from __future__ import annotations

import argparse
import json
import platform
from functools import partial

from orchestrion import shipped
from orchestrion.audio import Waveform
from orchestrion.datasets.banks.instruments import INSTRUMENTS
from orchestrion.evaluation.judge.instrument_report import InstrumentTable, evaluate_instrument
from orchestrion.evaluation.judge.reference import has_fluidsynth, reference_performance
from orchestrion.evaluation.judge.transcription import NAME
from orchestrion.renderer.instrument import Instrument
from orchestrion.score import Score


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("instruments", nargs="*", metavar="NAME|PATH")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    names = arguments.instruments or [name for name in shipped.instruments() if not name.endswith("-unconditioned")]
    tables = [measure(Instrument.load(name), arguments.seed) for name in names]
    facts = {
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "seed": arguments.seed,
        "transcriber": NAME,
        "ceiling": "FluidSynth" if has_fluidsynth() else "additive synthesis",
    }
    if arguments.json:
        print(json.dumps(facts | {"instruments": [table.to_json() for table in tables]}, indent=2))
        return
    print(", ".join(f"{key}: {value}" for key, value in facts.items()))
    for table in tables:
        print(f"\n### {table.instrument}\n\n{table.to_markdown()}", flush=True)


def measure(instrument: Instrument, seed: int) -> InstrumentTable:
    """The table of one instrument; its tunes are moved by octaves into the range it was trained on."""
    known = INSTRUMENTS.get(instrument.name)
    reference = partial(_reference, program=known.program if known else 0)
    play = partial(instrument.render, seed=seed)
    return evaluate_instrument(play, reference, instrument=instrument.name, pitch_range=instrument.pitch_range)


def _reference(score: Score, program: int) -> Waveform:
    return reference_performance(score, program)[0]


if __name__ == "__main__":
    main()
