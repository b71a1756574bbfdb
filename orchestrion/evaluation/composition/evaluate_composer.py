"""How good a composer is: likelihood of held-out pieces, and whether what it writes is like them.

``evaluate_composer`` gives the negative log-likelihood in nats a step beside two baselines (`baselines`), all counted
alike: over the pitches of the model, from silence, whole pieces, padding left out. ``nll_…`` is over the 0/1 of
sounding alone, the figure in the literature; ``nll_with_articulation_…`` adds the attacks of sounding notes. Pieces with
notes outside the model's pitches cannot be scored and are counted in ``pieces_left_out``. ``gap_…``: see `gaps`;
``harmonising_…``: see `harmonising`.

``evaluate_writing`` composes pieces in the meters of held-out ones and sets what can be counted (`statistics`, `endings`,
`voice_leading`) beside the held-out pieces' 5–95 % range, with the share of windows copied from the training set and how well a
classifier tells them from real ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from orchestrion.cluster import Cluster, in_order, shared
from orchestrion.composer import voices
from orchestrion.composer.compose import Composer, compose
from orchestrion.composer.config import STEPS_PER_BEAT, ComposerConfig
from orchestrion.composer.scoring import Nll, averages, batches, in_turn, score_batch, score_pieces
from orchestrion.datasets.corpora.loading import load_corpus
from orchestrion.datasets.corpora.piece import CorpusPiece, prepared
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.composition import endings, statistics, voice_leading
from orchestrion.evaluation.composition.baselines import fit_markov, fit_unigram
from orchestrion.evaluation.composition.classifier import told_apart
from orchestrion.evaluation.composition.gaps import gap_measures
from orchestrion.evaluation.composition.harmonising import harmonising_measures
from orchestrion.evaluation.figures.form import draw_form
from orchestrion.files import write_json
from orchestrion.options import Composing
from orchestrion.progress import progress
from orchestrion.score import PianoRoll, Score

COPIED = "copied_windows"


def evaluate_composer(
    model: Composer | str | os.PathLike[str],
    data: str | os.PathLike[str],
    split: str = "test",
    report: Callable[[int], None] | None = None,
    *,
    cluster: Cluster | None = None,
) -> dict[str, float]:
    """NLL a step of a split of ``data`` (see ``datasets.symbolic.load_corpus``) under the model and the baselines.

    Args:
        report: called with the pieces of each batch that is scored.
        cluster: scores the pieces.
    """
    composer = model if isinstance(model, Composer) else Composer.load(model)
    found = load_corpus(data, split)
    pieces = _fitting(found, composer.config)
    train = _fitting(load_corpus(data, "train"), composer.config)
    if not pieces or not train:
        low, high = composer.config.pitch_low, composer.config.pitch_high
        raise OrchestrionError(f"No piece of {data} lies within the model's pitches {low} to {high} in both splits.")
    grids, train_grids = _grids(pieces, composer.config), _grids(train, composer.config)
    results = _named("", _scored(composer, pieces, report, cluster))
    for name, fit in (("unigram", fit_unigram), ("markov", fit_markov)):
        baseline = fit(train_grids)
        results |= _named(f"baseline_{name}_", averages(baseline.nll(grid) for grid in grids))
    results |= gap_measures(composer, pieces, cluster) | harmonising_measures(composer, pieces, cluster)
    counts = {"pieces": len(pieces), "pieces_left_out": len(found) - len(pieces), "steps": sum(map(len, grids))}
    return results | counts


def _scored(composer: Composer, pieces: Sequence[CorpusPiece], report: Callable[[int], None] | None, cluster: Cluster | None) -> dict[str, Nll]:
    if cluster is None:
        return score_pieces(composer.model, pieces, report)
    cluster.must_see()
    model_there, groups = cluster.share(composer.model), list(batches(pieces))
    with progress(len(groups), "Scoring") as advance:
        return in_turn(pieces, in_order(cluster, score_batch, ((model_there, [pieces[i] for i in group]) for group in groups), advance))


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
    output: str | os.PathLike[str] | None = None,
    report: Callable[[int], None] | None = None,
    cluster: Cluster | None = None,
) -> dict[str, float | bool]:
    """Compose ``count`` pieces of ``bars`` bars and compare them with held-out pieces of at most a bar more, whole.

    For each measure: ``…_written`` (mean), ``…_held_out`` (mean), ``…_held_out_p05`` and ``…_p95``, ``…_inside`` (mean within
    that range) and ``…_share_inside`` (of the pieces). ``copied_windows_written`` and ``…_held_out``: share of 16-step windows
    with at least four attacks that occur in the training split, in the model's key. ``told_apart_f1`` and ``…_accuracy``: of a
    classifier of these measures, on pieces it has not learnt from.

    Args:
        output: also write OUTPUT.json with every figure and OUTPUT.png: four written pieces and four held-out ones, their rolls
            beside the likeness of their bars.
        report: called with 1 after each piece.
        cluster: writes the pieces.
    """
    composer = model if isinstance(model, Composer) else Composer.load(model)
    config = composer.config
    held_out = _fitting(load_corpus(data, "validation") + load_corpus(data, "test"), config)
    short = [piece for piece in held_out if piece.n_whole_steps <= (bars + 1) * piece.steps_per_bar] or held_out
    real = [(piece, piece.grid_in(config.pitch_low, config.pitch_high, _length(piece, bars + 1))) for piece in short]
    known = statistics.known_windows(_grids(_fitting(load_corpus(data, "train"), config), config))
    if cluster is not None:
        cluster.must_see()
    meters = [short[i * len(short) // count].meter for i in range(count)]
    wishes = [Composing(bars=bars, meter=meter, seed=seed + i, temperature=temperature) for i, meter in enumerate(meters)]
    composer_there = shared(cluster, composer)
    grids = in_order(cluster, _write, ((composer_there, one) for one in wishes), report or (lambda n: None))
    written = list(zip(meters, grids, strict=True))
    ensemble = composer.ensemble if int(str(composer.default("voices", 1))) == voices.N_PARTS else None
    of_written = [measures(grid, config.pitch_low, meter, known, ensemble) for meter, grid in written]
    of_real = [measures(grid, config.pitch_low, piece.meter, known, ensemble, ends=piece.ends) for piece, grid in real]
    found = _compared(of_written, of_real)
    if output is not None:
        base = Path(output)
        shown = [(f"written {i + 1}", grid, meter[0] * 16 // meter[1]) for i, (meter, grid) in enumerate(written[:4])]
        shown += [(piece.name, grid, piece.steps_per_bar) for piece, grid in real[:: max(1, len(real) // 4)][:4]]
        draw_form(base.with_name(base.name + ".png"), shown)
        write_json(base.with_name(base.name + ".json"), found)
    return found


def _write(composer: Composer, wishes: Composing) -> np.ndarray:
    """A written piece as `_from_a_bar` has it."""
    assert wishes.bars is not None
    return _from_a_bar(compose(composer, wishes)[0], composer.config, wishes.bars)


def _from_a_bar(score: Score, config: ComposerConfig, bars: int) -> np.ndarray:
    """The grid [s, p, 2] of a written piece of so many bars, its pickup filled up to a bar as in the corpus."""
    bar_steps = round(score.meter.bar_quarters * STEPS_PER_BEAT)
    before = bar_steps - round(score.pickup_quarters * STEPS_PER_BEAT) if score.pickup_quarters else 0
    grid = PianoRoll.from_score(score).grid[:, config.pitch_low : config.pitch_high + 1].astype(np.float32)
    length = (bars + bool(before)) * bar_steps
    return np.pad(grid, ((before, length - before - len(grid)), (0, 0), (0, 0)))


def _length(piece: CorpusPiece, bars: int) -> int:
    return min(piece.n_whole_steps, bars * piece.steps_per_bar)


def measures(
    grid: np.ndarray, pitch_low: int, meter: tuple[int, int], known: np.ndarray, ensemble: voices.FourParts | None = None, *, ends: bool = True
) -> dict[str, float]:
    """All measures of a piece [s, p, 2]: those of voice-leading where an ``ensemble`` plays it in four parts, those of its end where
    it has one (``ends``)."""
    bar_steps = meter[0] * 16 // meter[1]
    found = {
        "pitch_class_entropy": statistics.pitch_class_entropy(grid, pitch_low),
        "polyphony": statistics.polyphony(grid),
        "empty_beat_rate": statistics.empty_beat_rate(grid),
        "notes_per_beat": statistics.notes_per_beat(grid),
        "repetition": statistics.repetition(grid, bar_steps),
        "rhythm_repetition": endings.rhythm_repetition(grid, bar_steps),
        COPIED: statistics.copied_share(grid, known),
    }
    if ends:
        found |= {
            "ends_on_tonic": endings.ends_on_tonic(grid, pitch_low),
            "ends_strongly": endings.ends_strongly(grid, meter),
            "ends_in_last_bar": endings.ends_in_last_bar(grid, bar_steps),
        }
    if ensemble is None:
        return found
    lines = voices.assigned(grid, pitch_low, ensemble)
    found |= {
        "parallel_fifths": voice_leading.parallels(lines, voice_leading.FIFTH),
        "parallel_octaves": voice_leading.parallels(lines, voice_leading.OCTAVE),
        "consonance": voice_leading.consonance(lines),
        "wide_leaps": voice_leading.leaps(lines),
        "in_range": voice_leading.in_range(lines, ensemble),
        "leading_notes_resolved": voice_leading.leading_notes(lines, endings.tonic(grid, pitch_low)),
    }
    if ends:
        found["final_triad"] = endings.final_triad(grid, pitch_low)
    return found


def _compared(written: Sequence[Mapping[str, float]], real: Sequence[Mapping[str, float]]) -> dict[str, float | bool]:
    results: dict[str, float | bool] = {}
    names = [name for name in written[0] if name != COPIED]
    for name in names:
        values, others = np.array([row[name] for row in written]), np.array([row[name] for row in real if name in row])
        if not len(others):
            continue
        low, high = np.percentile(others, [5, 95])
        results |= {
            f"{name}_written": float(values.mean()),
            f"{name}_held_out": float(others.mean()),
            f"{name}_held_out_p05": float(low),
            f"{name}_held_out_p95": float(high),
            f"{name}_inside": bool(low - 1e-9 <= values.mean() <= high + 1e-9),
            f"{name}_share_inside": float(((values >= low - 1e-9) & (values <= high + 1e-9)).mean()),
        }
    for name, rows in (("written", written), ("held_out", real)):
        results[f"{COPIED}_{name}"] = float(np.mean([row[COPIED] for row in rows]))
    shared_names = [name for name in names if all(name in row for row in real)]
    table = [np.array([[row[name] for name in shared_names] for row in rows]) for rows in (written, real)]
    return results | {f"told_apart_{name}": value for name, value in told_apart(table[0], table[1]).items()}
