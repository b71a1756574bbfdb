"""What parallel rendering and narrow storage cost: ``python benchmarks/parallel_price.py INSTRUMENT ... [--seconds S]``.

For each instrument and built-in tune, audio in one run and in parallel with the same seed:

    same            share of samples that are equal in both
    bits at joins   bits/sample under the model over each overlap (parallel), beside the same places of the exact run
    click           greatest second difference over the overlap, mean over joins, over the same measure of the exact run
                    at the same places; the aim is at most 1.1
    bits            of the exact run's own samples under float32 weights, and how many more under bfloat16 and int8
"""

from __future__ import annotations

import argparse

import numpy as np

from orchestrion.bridge import BUILTIN_TUNES, ConditioningSeries
from orchestrion.bridge.randomness import stream_key
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.kernels.batch import Batch, VoiceState
from orchestrion.renderer.kernels.conditioner import BLOCK, Conditioner, gather
from orchestrion.renderer.mulaw import decode, encode
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.parallel import generate_parallel
from orchestrion.renderer.sampler import generate_levels, prepare
from orchestrion.renderer.segments import cuts_of, overlap_frames

AROUND_S = 0.064  # the overlap in which a join lies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("instruments", nargs="+")
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--tunes", nargs="*", default=list(BUILTIN_TUNES))
    options = parser.parse_args()
    print("| instrument | tune | joins | same | bits at joins: parallel | exact | click | bits | + bfloat16 | + int8 |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in options.instruments:
        instrument = Instrument.load(name)
        for tune in options.tunes:
            series = instrument.series(BUILTIN_TUNES[tune].crop(0, options.seconds))
            print(f"| {name} | {tune} | {row(instrument.model, series, instrument.temperature)} |", flush=True)


def row(model: WaveNet, series: ConditioningSeries, temperature: float) -> str:
    levels = generate_levels(model, [series], temperature=temperature)[0]
    exact = decode(levels, model.config.levels)
    joined = generate_parallel(model, [series], temperature=temperature)[0]
    ends = np.array(cuts_of(series)) * series.hop
    places = ends - overlap_frames(model.config) * series.hop // 2  # the joins lie somewhere in the overlaps
    bits = {storage: bits_of(model, series, levels, storage) for storage in ("float32", "bfloat16", "int8")}
    plain = bits["float32"]
    half = int(AROUND_S / 2 * series.sample_rate)
    joined_bits = bits_of(model, series, encode(joined, model.config.levels).astype(np.int32), "float32")
    around = [np.mean([values[p - half : p + half].mean() for p in places]) for values in (joined_bits, plain)]
    click = np.mean([roughness(joined, p, half) for p in places]) / np.mean([roughness(exact, p, half) for p in places])
    more = [bits[storage].mean() - plain.mean() for storage in ("bfloat16", "int8")]
    return (
        f"{len(places)} | {np.mean(exact == joined):.1%} | {around[0]:.3f} | {around[1]:.3f} | {click:.2f} | "
        f"{plain.mean():.3f} | {more[0]:+.4f} | {more[1]:+.4f}"
    )


def roughness(audio: np.ndarray, place: int, radius: int) -> float:
    """The greatest second difference near ``place``: a click is one."""
    return float(np.abs(np.diff(audio[place - radius : place + radius].astype(np.float64), 2)).max())


def bits_of(model: WaveNet, series: ConditioningSeries, levels: np.ndarray, storage: str) -> np.ndarray:
    """Bits each of ``levels [t]`` costs under the model, by the kernel itself, sample by sample."""
    model, packed = prepare(model, storage)
    conditioner = Conditioner(model, packed, series)
    batch = Batch(packed, [VoiceState.silent(packed, int(stream_key(0, 0)))])
    bits = np.empty(len(levels))
    out = np.empty((BLOCK * series.hop, 1), dtype=np.int32)
    for start in range(0, series.n_frames, BLOCK):
        n_frames = min(BLOCK, series.n_frames - start)
        given = levels[start * series.hop : (start + n_frames) * series.hop]
        block = gather([conditioner], [start], n_frames, [given])
        for t in range(len(given)):
            batch.run(block, t, 1, out)
            logits = batch.logits[0].astype(np.float64)
            peak = logits.max()
            bits[start * series.hop + t] = (peak + np.log(np.exp(logits - peak).sum()) - logits[given[t]]) / np.log(2)
    return bits


if __name__ == "__main__":
    main()
