"""GRUV: Recurrent neural networks for algorithmic music generation (Nayebi & Vitelli 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from orchestrion.audio import Waveform
from orchestrion.datasets.recordings.songs import SongSet
from orchestrion.evaluation.figures.loss import loss_figure
from orchestrion.evaluation.figures.style import save_figure
from orchestrion.evaluation.figures.waves import mean_spectra_figure
from orchestrion.evaluation.meters.loops import SEED_MULTIPLES, measure_loops
from orchestrion.generators.spectral.following import MeanSpectra, mean_spectra
from orchestrion.generators.spectral.network import Spectral
from orchestrion.papers.lab import Lab, Trained
from orchestrion.papers.page import Cell, PageSection, PageTable
from orchestrion.papers.planning import Job
from orchestrion.training.clips import Clips

CELLS = ("spectral-lstm", "spectral-gru")
CORPORA = ("organ", "piano")
HIDDEN = {"small": (32, 64, 128, 256), "paper": (256, 512, 1024, 2048)}
BLOCKS = {"small": (128, 256, 512, 1024), "paper": (2205, 5512, 11025, 22050)}
SEEDS_S = (1.0, 2.5, 5.0, 10.0)
LONGEST_S = 60.0
MOST_EXAMPLES = 64


def losses(lab: Lab) -> tuple[PageSection, ...]:
    """Figure 1."""
    sections: list[PageSection] = []
    for corpus in (corpora := lab.corpora(*CORPORA)):
        trained = _pair(lab, corpus, len(corpora))
        sections.append(_losses_section(lab, corpus, trained, len(sections) == 0))
    return tuple(sections)


def _pair(lab: Lab, corpus: str, n_corpora: int = len(CORPORA)) -> list[Trained]:
    """LSTM and GRU on one corpus: the same trainings in every experiment that wants them."""
    share = None if lab.minutes is None else lab.minutes / n_corpora
    return lab.train([Job(cell, corpus) for cell in CELLS], share)


def _losses_section(lab: Lab, corpus: str, trained: Sequence[Trained], is_first: bool) -> PageSection:
    curves = {}
    for each in trained:
        name = each.job.backend.removeprefix("spectral-").upper()
        curves[f"{name}, training"] = each.curve("training_songs_loss")
        curves[f"{name}, held out"] = each.curve("loss")
    path = lab.folder / f"losses-{corpus}.png"
    unit = "mean squared error, normalised"
    save_figure(loss_figure(curves, f"LSTM and GRU on {corpus}", unit=unit, over="epochs"), path)
    lstm, gru = (each.best["loss"] for each in trained)
    lower = "the LSTM's is lower" if lstm < gru else "the GRU's is lower"
    return PageSection(
        f"Figure 1{' ' if is_first else ', continued '}({corpus}): training and held-out loss",
        "the LSTM's losses are consistently slightly lower than the GRU's; on rock (Bowie) the held-out loss is higher than on electronic "
        "dance music (Madeon), and rises again sooner.",
        f"on {corpus}, the least held-out loss is {lstm:.3f} for the LSTM, {gru:.3f} for the GRU: {lower}.",
        PageTable.of([lab.row(each) for each in trained]), path,
        {f"{each.job.label} goes on from a held-out song": _continued(lab, each) for each in trained},
    )  # fmt: skip


def _continued(lab: Lab, trained: Trained) -> Waveform:
    rate = lab.rate(trained.job)
    opening = lab.openings(trained.job.corpus, rate, 1, 5.0, lab.options.seconds).openings[0]
    return lab.continuation(trained, opening.seed, "song")


def hidden(lab: Lab) -> tuple[PageSection, ...]:
    """Figure 2."""
    corpus = lab.corpora(CORPORA[1])[0]
    jobs = [Job(cell, corpus, {"hidden": str(size)}) for cell in CELLS for size in HIDDEN[lab.preset]]
    trained = lab.train(jobs, lab.minutes)
    curves = {
        cell.removeprefix("spectral-").upper(): [
            (float(each.job.settings["hidden"]), each.best["loss"]) for each in trained if each.job.backend == cell
        ]
        for cell in CELLS
    }
    path = lab.folder / "hidden.png"
    save_figure(loss_figure(curves, "Held-out loss by hidden size", unit="mean squared error, normalised", over="hidden units"), path)
    falls = {name: points[-1][1] < points[0][1] for name, points in curves.items()}
    text = "; ".join(f"{name}: the largest state's loss is {'lower' if fall else 'not lower'} than the smallest's" for name, fall in falls.items())
    reported = "the held-out error falls with the number of hidden dimensions, for both; 2,048 (about a tenth of the input) did best."
    return (PageSection("Figure 2: hidden dimensions and held-out error", reported, f"{text}.", PageTable.of([lab.row(e) for e in trained]), path),)


def spectra(lab: Lab) -> tuple[PageSection, ...]:
    """Figure 3."""
    corpus = lab.corpora(*CORPORA)[0]
    found = {each.job.backend: _predicted(lab, each) for each in _pair(lab, corpus, len(lab.corpora(*CORPORA)))}
    first = found[CELLS[0]]
    panels = {"what came": first.true} | {f"{cell.removeprefix('spectral-').upper()}, predicted": found[cell].predicted for cell in CELLS}
    path = lab.folder / "mean-spectra.png"
    save_figure(mean_spectra_figure(panels, first.hz, first.step_s, "Mean magnitudes of predictions, step by step, of held-out audio"), path)
    rows: list[dict[str, Cell]] = []
    outside = {}
    for name, values in panels.items():
        band = (first.hz >= 4000) & (first.hz <= 7000)
        power = (values**2).mean(0)
        share = float(power[band].sum() / power.sum())
        rows.append({"spectra": name, "energy in 4 to 7 kHz": share, "mean magnitude": float(values.mean())})
        outside[name] = float(power[~band].sum())
    lstm, gru = (outside[name] for name in list(panels)[1:])
    return (
        PageSection(
            "Figure 3: mean spectrograms of held-out audio and of its predictions",
            "only a few bands are active; the GRU has far more outside 4,000 to 7,000 than the LSTM (no unit is given), which makes its "
            "songs noisier.",
            "each step of the held-out examples is predicted from the true steps before it; nothing runs free. Outside 4 to 7 kHz the GRU "
            f"has {gru / lstm:.2f} times the LSTM's energy.",
            PageTable.of(rows), path,
        ),
    )  # fmt: skip


def _predicted(lab: Lab, trained: Trained) -> MeanSpectra:
    model = lab.generator(trained)
    assert isinstance(model, Spectral)
    held_out = SongSet.open(lab.songs(trained.job.corpus, model.sample_rate)).split("validation")
    length = model.clip_for(min(10.0, min(song.duration_s for song in held_out)))
    return mean_spectra(model, islice(Clips(held_out, length).in_order(MOST_EXAMPLES), None))


def seeds(lab: Lab) -> tuple[PageSection, ...]:
    """Seed length and generation loops (no figure in the paper)."""
    corpora = lab.corpora(*CORPORA)
    corpus = corpora[0]
    rows: list[dict[str, Cell]] = []
    sounds = {}
    for trained in _pair(lab, corpus, len(corpora)):
        for seed_s in SEEDS_S:
            seconds = min(max(SEED_MULTIPLES) * seed_s, LONGEST_S)
            openings = lab.openings(corpus, lab.rate(trained.job), lab.options.clips, max(SEEDS_S), 5.0).openings
            clips = []
            for number, opening in enumerate(openings):
                seed = opening.seed.samples[-round(seed_s * opening.seed.sample_rate) :]
                known = Waveform(seed, opening.seed.sample_rate)
                clips.append(lab.continuation(trained, known, f"seed-{seed_s:g}s", seconds=seconds, number=number))
            loops = [measure_loops(clip) for clip in clips]
            starts = [meter.loop.start_s for meter in loops if meter.loop]
            within = [meter.within(seed_s, SEED_MULTIPLES) for meter in loops]
            row: dict[str, Cell] = {"network": trained.job.backend, "seed (s)": seed_s, "made (s)": seconds, "clips": len(clips)}
            row |= {f"looping by {k} × seed": sum(bool(each[k]) for each in within) for k in SEED_MULTIPLES}
            rows.append(row | {"looping at all": len(starts), "first loop (s)": min(starts, default=None)})
            sounds[f"{trained.job.backend}, after a seed of {seed_s:g} s"] = clips[0]
    return (
        PageSection(
            "Seed length: when do generation loops begin?",
            "longer seeds give better results; about three times the seed's length is free of loops, longer continuations fall into "
            "them, the sooner the shorter the seed.",
            "clips that repeat themselves (loops), by one, three and six times the seed's length.",
            PageTable.of(rows), sounds=sounds,
        ),
    )  # fmt: skip


def blocks(lab: Lab) -> tuple[PageSection, ...]:
    """Block size (no figure in the paper)."""
    corpus = lab.corpora(CORPORA[1])[0]
    trained = lab.train([Job(CELLS[0], corpus, {"block": str(size)}) for size in BLOCKS[lab.preset]], lab.minutes)
    rows = [lab.row(each) | {"block (ms)": _block_ms(lab, each)} for each in trained]
    points = [(_block_ms(lab, each), each.best["loss"]) for each in trained]
    path = lab.folder / "blocks.png"
    save_figure(loss_figure({"LSTM": points}, "Held-out loss by block", unit="mean squared error, normalised", over="block (ms)"), path)
    reported = "the size of the inputs is one of three hyperparameters that were tested; a quarter of a second is what was used. No figure."
    text = "the loss is of spectra that are normalised for each size, so that it says what is predictable at that size, not how it sounds."
    return (PageSection("Block size", reported, text, PageTable.of(rows), path, {each.job.label: _continued(lab, each) for each in trained}),)


def _block_ms(lab: Lab, trained: Trained) -> float:
    return round(1000 * int(trained.job.settings["block"]) / lab.rate(trained.job), 1)


def layers(lab: Lab) -> tuple[PageSection, ...]:
    """Recurrent layers (no figure in the paper)."""
    corpus = lab.corpora(CORPORA[1])[0]
    jobs = [Job(cell, corpus, {"core": core}) for cell in CELLS for core in ("single", "stacked")]
    trained = lab.train(jobs, lab.minutes)
    curves = {f"{each.job.backend}, {each.job.settings['core']}": each.curve("loss") for each in trained}
    path = lab.folder / "layers.png"
    save_figure(loss_figure(curves, "One recurrent layer and two", unit="held-out mean squared error, normalised", over="epochs"), path)
    worse = [cell for cell, one, two in zip(CELLS, trained[::2], trained[1::2], strict=True) if two.best["loss"] > one.best["loss"]]
    text = f"two layers are behind one after the same steps for {' and '.join(worse) or 'neither'}."
    reported = "more layers were much harder to train, and often stuck in a local minimum early. No figure."
    return (PageSection("Number of recurrent layers", reported, text, PageTable.of([lab.row(each) for each in trained]), path),)
