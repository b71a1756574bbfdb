"""What parallel rendering costs: ``python benchmarks/parallel_price.py [INSTRUMENT ...] [--seeds N] [--seconds S] [--cutting cuda]
[--json]``.

Each built-in tune is played in one run and in parallel with the same seeds. Printed for each instrument, over tunes and
seeds:

    F1            of onsets within 50 ms, in one run and in parallel, and the difference of the pairs with its standard
                  error; the aim is within 0.01
    bits          a sample under the model in the overlaps where pieces are joined, in parallel and in one run
    apart         power of the difference between parallel and one run, under that of the one run, in dB; and the same of
                  another seed's one run: where they are alike, a parallel take is one take among others
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
from orchestrion.options import STORAGE
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.output import bits_of_levels
from orchestrion.renderer.parallel import generate_parallel
from orchestrion.renderer.sampler import generate
from orchestrion.renderer.segments import CUTTINGS, DRIVEN_CUTTINGS, cuts_of, cutting_for, overlap_frames
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
    apart_db: float
    seeds_apart_db: float
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
    for cuttings in (CUTTINGS, DRIVEN_CUTTINGS):
        cuttings["cpu"] = cuttings[options.cutting]
    prices = [price(name, options.seconds, options.seeds, options.storage) for name in options.instruments]
    if options.json:
        print(json.dumps({"machine": processor(), "rows": [asdict(row) for row in prices]}, indent=2))
        return
    print(f"{processor()}; {len(BUILTIN_TUNES)} tunes of at most {options.seconds:g} s, {options.seeds} seeds, {options.storage}\n")
    columns = ("instrument", "joins", "F1 exact", "F1 parallel", "difference", "bits at joins: exact", "parallel", "apart", "seeds apart", "click")
    print(f"| {' | '.join(columns)} |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in prices:
        print(
            f"| `{row.instrument}` | {row.joins} | {row.f1_exact:.3f} | {row.f1_parallel:.3f} | {row.f1_difference:+.3f} ± "
            f"{row.f1_standard_error:.3f} | {row.bits_exact:.2f} | {row.bits_parallel:.2f} | {row.apart_db:.1f} dB | "
            f"{row.seeds_apart_db:.1f} dB | {row.click:.2f} ± "
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
    rate = instrument.config.sample_rate
    f1 = np.array([[accuracy(audio, score, rate) for (score, _), audio in zip(takes, way, strict=True)] for way in played])
    difference = f1[1] - f1[0]
    at_joins = [list(zip(series, way, strict=True)) for way in played]
    bits = [np.mean([join_bits(instrument.model, *pair) for pair in way[::seeds]]) for way in at_joins]
    clicks = [np.concatenate([join_roughness(instrument.model, *pair) for pair in way]) for way in at_joins]
    others = [played[0][i - i % seeds + (i + 1) % seeds] for i in range(len(takes))]
    click = clicks[1].mean() / clicks[0].mean()
    unexplained = (clicks[1] - click * clicks[0]) / clicks[0].mean()
    return Price(
        name, storage, len(scores), seeds, sum(len(cuts_of(item, cutting_for(instrument.config))) for item in series),
        f1_exact=float(f1[0].mean()), f1_parallel=float(f1[1].mean()), f1_difference=float(difference.mean()),
        f1_standard_error=float(difference.std(ddof=1) / math.sqrt(len(difference))),
        bits_exact=float(bits[0]), bits_parallel=float(bits[1]), apart_db=apart_db(played[1], played[0]),
        seeds_apart_db=apart_db(others, played[0]) if seeds > 1 else math.nan, click=float(click),
        click_standard_error=float(unexplained.std(ddof=1) / math.sqrt(len(unexplained))),
    )  # fmt: skip


def accuracy(audio: np.ndarray, score: Score, rate: int) -> float:
    """F1 of onsets within 50 ms."""
    return onset_scores(playable(score), transcribe(Waveform(audio, rate)))["note_f1_50ms"]


def apart_db(takes: list[np.ndarray], ones: list[np.ndarray]) -> float:
    """Power of the difference over that of ``ones``, in dB."""
    differences = [take - one for take, one in zip(takes, ones, strict=True)]
    error, power = (sum(float(np.sum(x.astype(np.float64) ** 2)) for x in way) for way in (differences, ones))
    return 10 * math.log10(max(error, 1e-20) / power)


def join_roughness(model: WaveNet, series: ConditioningSeries, audio: np.ndarray) -> np.ndarray:
    """The greatest second difference in each overlap: a click is one."""
    return np.array([np.abs(np.diff(audio[first:last].astype(np.float64), 2)).max() for first, last in overlaps(model, series)])


def join_bits(model: WaveNet, series: ConditioningSeries, audio: np.ndarray) -> float:
    """Mean bits a sample in the overlaps, given all that reaches them."""
    c = model.config
    codes = c.coding.encode(audio)
    means = []
    for first, last in overlaps(model, series):
        start, stop = max(0, first // c.hop - -(-c.receptive_field // c.hop)), last // c.hop
        means.append(window_bits(model, series, codes, start, stop)[first - start * c.hop :].mean())
    return float(np.mean(means))


def window_bits(model: WaveNet, series: ConditioningSeries, codes: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Bits of each sample of frames ``start .. stop`` under the model, with nothing before them."""
    c = model.config
    given = torch.from_numpy(np.append(c.coding.silence, codes)[start * c.hop : stop * c.hop])[None]
    target = torch.from_numpy(codes[start * c.hop : stop * c.hop])
    with torch.inference_mode():
        heard = conditioning_of(model, series, start, stop)
        raw = model(given, heard.rows, heard.drive)
        if c.mixtures:
            return bits_of_levels(raw, model.centre(heard.signal, given.shape), target[None])[0].numpy()
    return torch.nn.functional.cross_entropy(raw[0], target, reduction="none").numpy() / math.log(2)


def overlaps(model: WaveNet, series: ConditioningSeries) -> list[tuple[int, int]]:
    """First and last sample of the stretch in which each join lies."""
    length = overlap_frames(model.config) * series.hop
    return [(cut * series.hop - length, cut * series.hop) for cut in cuts_of(series, cutting_for(model.config))]


if __name__ == "__main__":
    main()
