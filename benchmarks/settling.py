"""How soon a run that starts in the middle of a score becomes the uninterrupted one: ``python benchmarks/settling.py
[INSTRUMENT ...] [--seconds S] [--json]``. The warm-up in ``renderer/segments.py`` follows from it.

Each built-in tune is played in one run, and from silence at every 1.5 s of it with the same random numbers. Printed is the
difference to the one run, in dB under its power, by the time since the start, over all starts; and the share of starts whose
samples of the last tenth of a second are the very same.
"""

from __future__ import annotations

import argparse
import itertools
import json

import numpy as np
from bench_kernel import processor

from orchestrion.bridge import ConditioningSeries
from orchestrion.evaluation.judge.instrument_report import into_range
from orchestrion.randomness import stream_key
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.kernels.batch import VoiceState
from orchestrion.renderer.kernels.conditioner import Conditioner
from orchestrion.renderer.sampler import perform, prepare
from orchestrion.renderer.task import Task
from orchestrion.score import BUILTIN_TUNES, Score

EVERY_S = 1.5
EDGES_S = (0.0, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.9, 1.2, 1.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("instruments", nargs="*", default=["piano", "violin"])
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = {name: settling(Instrument.load(name), options.seconds) for name in options.instruments}
    if options.json:
        print(json.dumps({"machine": processor(), "edges_s": EDGES_S, "rows": rows}, indent=2))
        return
    print(f"{len(BUILTIN_TUNES)} tunes of at most {options.seconds:g} s\n")
    print("| instrument | " + " | ".join(f"{a:g}–{b:g} s" for a, b in itertools.pairwise(EDGES_S)) + " | same samples |")
    print("| --- |" + " ---: |" * len(EDGES_S))
    for name, row in rows.items():
        print(f"| `{name}` | " + " | ".join(f"{value:.1f}" for value in row[:-1]) + f" | {row[-1]:.0%} |")


def settling(instrument: Instrument, seconds: float) -> list[float]:
    """Difference in dB for each stretch of `EDGES_S`, and the share of starts that have become the one run."""
    error, power, same = np.zeros(len(EDGES_S) - 1), np.zeros(len(EDGES_S) - 1), []
    for tune in BUILTIN_TUNES:
        c, score = instrument.config, into_range(Score.read(tune), *instrument.pitch_range)
        notes = [note for note in score.notes if note.offset_s <= seconds]
        series = ConditioningSeries.from_notes(notes, sample_rate=c.sample_rate, hop=c.hop, tail_s=0.0)
        whole, parts = played(instrument, series)
        edges = (np.array(EDGES_S) * series.sample_rate).astype(int)
        for start, part in parts:
            one = whole[start : start + len(part)]
            for i, (a, b) in enumerate(itertools.pairwise(edges)):
                error[i] += ((part[a:b] - one[a:b]) ** 2).sum()
                power[i] += (one[a:b] ** 2).sum()
            last = series.sample_rate // 10
            same.append(np.array_equal(part[-last:], one[-last:]))
    return [*(10 * np.log10(np.maximum(error, 1e-20) / power)).tolist(), float(np.mean(same))]


def played(instrument: Instrument, series: ConditioningSeries) -> tuple[np.ndarray, list[tuple[int, np.ndarray]]]:
    """Emphasised audio of one run, and (first sample, audio) of runs that start from silence in it."""
    model, packed = prepare(instrument.model)
    rate, key = series.sample_rate / series.hop, int(stream_key(0, 0))
    starts = np.arange(int(EVERY_S * rate), series.n_frames - int(EDGES_S[-1] * rate), int(EVERY_S * rate))
    tasks = [Task(Conditioner(model, packed, series, instrument.temperature), VoiceState.silent(packed, key))]
    for start in starts.tolist():
        conditioner = Conditioner(model, packed, series, instrument.temperature)
        tasks.append(Task(conditioner, VoiceState.silent(packed, key, start * series.hop), start, start + int(EDGES_S[-1] * rate)))
    audio = [model.config.coding.amplitudes(codes).astype(np.float64) for codes in perform(tasks)]
    return audio[0], [(start * series.hop, part) for start, part in zip(starts.tolist(), audio[1:], strict=True)]


if __name__ == "__main__":
    main()
