"""What parallel rendering costs: ``python benchmarks/parallel_price.py [INSTRUMENT ...] [--seeds N] [--seconds S] [--cutting cuda]
[--json]``.

Each built-in tune is played in one run and in parallel with the same seeds. Printed for each instrument, over tunes and
seeds:

    F1            of onsets within 50 ms, in one run and in parallel, and the difference of the pairs with its standard
                  error; the aim is within 0.01
    bits          a sample under the model in the overlaps where pieces are joined, in parallel and in one run
    click         greatest second difference over an overlap, mean of the joins, over the same at the same places of the
                  run without joins, with its standard error; the aim is at most 1.1
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict, dataclass

import numpy as np
import torch
from bench_kernel import processor

from orchestrion.audio import Waveform
from orchestrion.bridge import ConditioningSeries
from orchestrion.evaluation.judge.bits_per_sample import conditioning_of
from orchestrion.evaluation.judge.following import onset_scores, playable
from orchestrion.evaluation.judge.instrument_report import into_range
from orchestrion.evaluation.judge.transcription import transcribe
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.mulaw import encode, silence_level
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.parallel import generate_parallel
from orchestrion.renderer.sampler import STORAGE, generate
from orchestrion.renderer.segments import CUTTINGS, cuts_of, overlap_frames
from orchestrion.score import BUILTIN_TUNES, Score


@dataclass(frozen=True)
class Price:
    """One instrument's row."""

    instrument: str
    storage: str
    tunes: int
    seeds: int
    joins: int
    f1_exact: float
    f1_parallel: float
    f1_difference: float
    f1_standard_error: float
    bits_exact: float
    bits_parallel: float
    click: float
    click_standard_error: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("instruments", nargs="*", default=["violin", "piano"])
    parser.add_argument("--seconds", type=float, default=16.0)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--storage", default=STORAGE)
    parser.add_argument("--cutting", choices=sorted(CUTTINGS), default="cpu", help="pieces as that device plays them")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    CUTTINGS["cpu"] = CUTTINGS[options.cutting]
    prices = [price(name, options.seconds, options.seeds, options.storage) for name in options.instruments]
    if options.json:
        print(json.dumps({"machine": processor(), "rows": [asdict(row) for row in prices]}, indent=2))
        return
    print(f"{processor()}; {len(BUILTIN_TUNES)} tunes of at most {options.seconds:g} s, {options.seeds} seeds, {options.storage}\n")
    print("| instrument | joins | F1 exact | F1 parallel | difference | bits at joins: exact | parallel | click |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in prices:
        print(
            f"| `{row.instrument}` | {row.joins} | {row.f1_exact:.3f} | {row.f1_parallel:.3f} | {row.f1_difference:+.3f} ± "
            f"{row.f1_standard_error:.3f} | {row.bits_exact:.2f} | {row.bits_parallel:.2f} | {row.click:.2f} ± "
            f"{row.click_standard_error:.2f} |"
        )


def price(name: str, seconds: float, seeds: int, storage: str) -> Price:
    """Play everything both ways, and compare take by take."""
    instrument = Instrument.load(name)
    scores = [into_range(tune, *instrument.pitch_range).crop(0, seconds) for tune in BUILTIN_TUNES.values()]
    takes = [(score, instrument.series(score)) for score in scores for _ in range(seeds)]
    options = {
        "temperature": instrument.temperature, "storage": storage, "voices": list(range(seeds)) * len(scores),
    }  # fmt: skip
    series = [item for _, item in takes]
    played = [generator(instrument.model, series, **options) for generator in (generate, generate_parallel)]
    f1 = np.array([[accuracy(audio, score) for (score, _), audio in zip(takes, way, strict=True)] for way in played])
    difference = f1[1] - f1[0]
    at_joins = [list(zip(series, way, strict=True)) for way in played]
    bits = [np.mean([join_bits(instrument.model, *pair) for pair in way[::seeds]]) for way in at_joins]
    clicks = [np.concatenate([join_roughness(*pair) for pair in way]) for way in at_joins]
    click = clicks[1].mean() / clicks[0].mean()
    unexplained = (clicks[1] - click * clicks[0]) / clicks[0].mean()
    return Price(
        name, storage, len(scores), seeds, sum(len(cuts_of(item)) for item in series),
        f1_exact=float(f1[0].mean()), f1_parallel=float(f1[1].mean()), f1_difference=float(difference.mean()),
        f1_standard_error=float(difference.std(ddof=1) / math.sqrt(len(difference))),
        bits_exact=float(bits[0]), bits_parallel=float(bits[1]), click=float(click),
        click_standard_error=float(unexplained.std(ddof=1) / math.sqrt(len(unexplained))),
    )  # fmt: skip


def accuracy(audio: np.ndarray, score: Score) -> float:
    """F1 of onsets within 50 ms."""
    return onset_scores(playable(score), transcribe(Waveform(audio, 16000)))["note_f1_50ms"]


def join_roughness(series: ConditioningSeries, audio: np.ndarray) -> np.ndarray:
    """The greatest second difference in each overlap: a click is one."""
    return np.array([np.abs(np.diff(audio[first:last].astype(np.float64), 2)).max() for first, last in overlaps(series)])


def join_bits(model: WaveNet, series: ConditioningSeries, audio: np.ndarray) -> float:
    """Mean bits a sample in the overlaps, given all that reaches them."""
    c = model.config
    levels = encode(audio, c.levels)
    means = []
    for first, last in overlaps(series):
        start, stop = max(0, first // c.hop - -(-c.receptive_field // c.hop)), last // c.hop
        means.append(window_bits(model, series, levels, start, stop)[first - start * c.hop :].mean())
    return float(np.mean(means))


def window_bits(model: WaveNet, series: ConditioningSeries, levels: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Bits of each sample of frames ``start .. stop`` under the model, with nothing before them."""
    c = model.config
    given = np.append(silence_level(c.levels), levels)[start * c.hop : stop * c.hop]
    with torch.inference_mode():
        heard = conditioning_of(model, series, start, stop)
        logits = model(torch.from_numpy(given)[None], heard.rows, heard.drive)[0]
    target = torch.from_numpy(levels[start * c.hop : stop * c.hop])
    return torch.nn.functional.cross_entropy(logits, target, reduction="none").numpy() / math.log(2)


def overlaps(series: ConditioningSeries) -> list[tuple[int, int]]:
    """First and last sample of the stretch in which each join lies."""
    length = overlap_frames(WaveNetConfig(sample_rate=series.sample_rate, hop=series.hop)) * series.hop
    return [(cut * series.hop - length, cut * series.hop) for cut in cuts_of(series)]


if __name__ == "__main__":
    main()
