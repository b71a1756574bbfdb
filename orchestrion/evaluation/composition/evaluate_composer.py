"""How good a composer is: likelihood of held-out pieces, and whether what it writes is like them.

``evaluate_composer`` gives the negative log-likelihood in nats a step beside two baselines (`baselines`), all counted
alike: over the pitches of the model, from silence, whole pieces, padding left out. ``nll_…`` is over the 0/1 of
sounding alone, the figure in the literature; ``nll_with_articulation_…`` adds the attacks of sounding notes. Pieces with
notes outside the model's pitches cannot be scored and are counted in ``pieces_left_out``.

``evaluate_writing`` composes pieces in the meters of the held-out ones, as long as those are taken, and sets five
measures (`statistics`) beside the held-out pieces' 5–95 % range, and the share of windows copied from the training set.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from orchestrion.composer.compose import Composer, compose
from orchestrion.composer.config import ComposerConfig
from orchestrion.composer.scoring import Nll, averages, score_pieces
from orchestrion.datasets.corpora.loading import load_corpus
from orchestrion.datasets.corpora.piece import CorpusPiece, prepared
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.composition import statistics
from orchestrion.evaluation.composition.baselines import fit_markov, fit_unigram
from orchestrion.options import Composing
from orchestrion.score import PianoRoll

MEASURES = ("pitch_class_entropy", "polyphony", "empty_beat_rate", "notes_per_beat", "repetition")


def evaluate_composer(
    model: Composer | str | os.PathLike[str],
    data: str | os.PathLike[str],
    split: str = "test",
    report: Callable[[int], None] | None = None,
) -> dict[str, float]:
    """NLL a step of a split of ``data`` (see ``datasets.symbolic.load_corpus``) under the model and the baselines."""
    composer = model if isinstance(model, Composer) else Composer.load(model)
    found = load_corpus(data, split)
    pieces = _fitting(found, composer.config)
    train = _fitting(load_corpus(data, "train"), composer.config)
    if not pieces or not train:
        low, high = composer.config.pitch_low, composer.config.pitch_high
        raise OrchestrionError(f"No piece of {data} lies within the model's pitches {low} to {high} in both splits.")
    grids, train_grids = _grids(pieces, composer.config), _grids(train, composer.config)
    results = _named("", score_pieces(composer.model, pieces, report))
    for name, fit in (("unigram", fit_unigram), ("markov", fit_markov)):
        baseline = fit(train_grids)
        results |= _named(f"baseline_{name}_", averages(baseline.nll(grid) for grid in grids))
    counts = {"pieces": len(pieces), "pieces_left_out": len(found) - len(pieces), "steps": sum(map(len, grids))}
    return results | counts


def _named(prefix: str, nll: Mapping[str, Nll]) -> dict[str, float]:
    return {
        f"{prefix}{name}_per_step_{kind}": getattr(nll[key], kind)
        for key, name in (("play", "nll"), ("total", "nll_with_articulation"))
        for kind in ("frame_average", "sequence_average")
    }


def _fitting(pieces: list[CorpusPiece], config: ComposerConfig) -> list[CorpusPiece]:
    return prepared(pieces, config.pitch_low, config.pitch_high, plain_key=config.normalises_key)


def _grids(pieces: Sequence[CorpusPiece], config: ComposerConfig) -> list[np.ndarray]:
    return [piece.grid_in(config.pitch_low, config.pitch_high, piece.n_steps) for piece in pieces]


def evaluate_writing(
    model: Composer | str | os.PathLike[str],
    data: str | os.PathLike[str],
    *,
    count: int = 64,
    bars: int = 16,
    seed: int = 0,
    temperature: float = 1.0,
    report: Callable[[int], None] | None = None,
) -> dict[str, float | bool]:
    """Compose ``count`` pieces of ``bars`` bars and compare them with the first ``bars`` bars of held-out pieces.

    For each measure: ``…_written`` (mean), ``…_held_out_p05`` and ``…_p95``, ``…_inside`` (mean within that range) and
    ``…_share_inside`` (of the pieces). ``copied_windows_written`` and ``…_held_out``: share of 16-step windows with at
    least four attacks that occur in the training split, in the model's key.
    """
    composer = model if isinstance(model, Composer) else Composer.load(model)
    config = composer.config
    held_out = _fitting(load_corpus(data, "validation") + load_corpus(data, "test"), config)
    real = [(piece, piece.grid_in(config.pitch_low, config.pitch_high, _length(piece, bars))) for piece in held_out]
    known = statistics.known_windows(_grids(_fitting(load_corpus(data, "train"), config), config))
    written = []
    for i in range(count):
        meter = held_out[i * len(held_out) // count].meter
        (score,) = compose(composer, Composing(bars=bars, meter=meter, seed=seed + i, temperature=temperature))
        grid = PianoRoll.from_score(score).grid[:, config.pitch_low : config.pitch_high + 1].astype(np.float32)
        written.append(_measures(grid, config.pitch_low, meter, known))
        if report is not None:
            report(1)
    return _compared(written, [_measures(grid, config.pitch_low, piece.meter, known) for piece, grid in real])


def _length(piece: CorpusPiece, bars: int) -> int:
    return min(piece.n_whole_steps, bars * piece.steps_per_bar)


def _measures(grid: np.ndarray, pitch_low: int, meter: tuple[int, int], known: np.ndarray) -> dict[str, float]:
    return statistics.measures(grid, pitch_low, meter) | {"copied_windows": statistics.copied_share(grid, known)}


def _compared(written: Sequence[Mapping[str, float]], real: Sequence[Mapping[str, float]]) -> dict[str, float | bool]:
    results: dict[str, float | bool] = {}
    for name in MEASURES:
        values = np.array([row[name] for row in written])
        low, high = np.percentile([row[name] for row in real], [5, 95])
        results |= {
            f"{name}_written": float(values.mean()),
            f"{name}_held_out_p05": float(low),
            f"{name}_held_out_p95": float(high),
            f"{name}_inside": bool(low - 1e-9 <= values.mean() <= high + 1e-9),
            f"{name}_share_inside": float(((values >= low - 1e-9) & (values <= high + 1e-9)).mean()),
        }
    for name, rows in (("written", written), ("held_out", real)):
        results[f"copied_windows_{name}"] = float(np.mean([row["copied_windows"] for row in rows]))
    return results
