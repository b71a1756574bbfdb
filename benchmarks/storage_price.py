"""What narrow weights cost: ``python benchmarks/storage_price.py [INSTRUMENT ...] [--data SET] [--seconds S]``.

Bits a sample of held-out recordings under each instrument with float32 weights, and how many more with bfloat16 and
int8, by the sampler's own kernel. Without ``--data``, of FluidSynth's performance of the built-in tunes, which no
instrument was trained on.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from bench_kernel import processor

from orchestrion.bridge import ConditioningSeries
from orchestrion.datasets.banks.instruments import INSTRUMENTS
from orchestrion.datasets.catalogue import open_recordings
from orchestrion.evaluation.judge.instrument_report import into_range
from orchestrion.evaluation.judge.reference import reference_performance
from orchestrion.matrices.arithmetic import STORAGES
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.kernels.batch import Batch, VoiceState
from orchestrion.renderer.kernels.conditioner import BLOCK, Conditioner, gather
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.output import bits_of_levels
from orchestrion.renderer.sampler import prepare
from orchestrion.score import BUILTIN_TUNES

LN2 = np.log(2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("instruments", nargs="*", default=["violin", "piano"])
    parser.add_argument("--data", help="As given to orchestrion train renderer; its validation pieces are taken.")
    parser.add_argument("--seconds", type=float, default=4.0, help="Of each piece.")
    options = parser.parse_args()
    print(f"{processor()}; {options.seconds:g} s of each piece\n")
    print("| instrument | pieces | bits/sample | + bfloat16 | + int8 |\n| --- | ---: | ---: | ---: | ---: |")
    for name in options.instruments:
        instrument = Instrument.load(name)
        pieces = held_out(options.data) if options.data else performances(instrument)
        bits = {
            storage: np.mean([bits_of(instrument.model, *piece, options.seconds, storage) for piece in pieces])
            for storage in STORAGES
        }
        more = [bits[storage] - bits["float32"] for storage in ("bfloat16", "int8")]
        print(f"| `{name}` | {len(pieces)} | {bits['float32']:.3f} | {more[0]:+.4f} | {more[1]:+.4f} |", flush=True)


def performances(instrument: Instrument) -> list[tuple[ConditioningSeries, np.ndarray]]:
    """The built-in tunes with how FluidSynth plays them (additive synthesis where it is not installed)."""
    known = INSTRUMENTS.get(instrument.name)
    pieces = []
    for tune in BUILTIN_TUNES.values():
        score = into_range(tune, *instrument.pitch_range)
        audio, _ = reference_performance(score, known.program if known else 0)
        pieces.append((instrument.series(score), audio.resample(instrument.config.sample_rate).samples))
    return pieces


def held_out(data: str) -> list[tuple[ConditioningSeries, np.ndarray]]:
    """The validation pieces of a set of recordings."""
    pieces = open_recordings(data).split("validation")
    return [(piece.series, piece.samples(0, piece.n_samples)) for piece in pieces]


def bits_of(model: WaveNet, series: ConditioningSeries, audio: np.ndarray, seconds: float, storage: str) -> float:
    """Mean bits a sample of the first ``seconds`` of ``audio``; of a mixture, of the 256 µ-law levels."""
    parameters, packed = prepare(model, storage)
    c, conditioner, batch = parameters.config, Conditioner(parameters, packed, series), Batch(packed, [VoiceState.silent(packed, 0)])
    n_frames = min(int(seconds * series.sample_rate), len(audio)) // series.hop
    codes = c.coding.encode(audio[: n_frames * series.hop]).astype(np.int32)
    out, raw = np.empty((BLOCK * series.hop, 1), dtype=np.int32), np.empty((len(codes), c.outputs))
    for start in range(0, n_frames, BLOCK):
        n, first = min(BLOCK, n_frames - start), start * series.hop
        given = codes[first : first + n * series.hop]
        block = gather(packed, [conditioner], [start], n, [given])
        for t in range(len(given)):
            batch.run(block, t, 1, out)
            raw[first + t] = batch.logits[0]
    predicted, target = torch.from_numpy(raw), torch.from_numpy(codes).long()
    if c.mixtures:
        centre = torch.from_numpy(conditioner.centre(0, n_frames).reshape(-1)) if c.source_window else torch.zeros(len(codes))
        return float(bits_of_levels(predicted, centre, target).mean())
    return float(torch.nn.functional.cross_entropy(predicted, target) / LN2)


if __name__ == "__main__":
    main()
