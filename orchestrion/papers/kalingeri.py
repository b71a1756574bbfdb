"""Music generation with deep learning (Kalingeri & Grandhe 2016): six networks on spectra of piano."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence

from orchestrion.audio import Waveform
from orchestrion.datasets.recordings.songs import SongSet
from orchestrion.evaluation.comparison.pictures import spectrograms_figure
from orchestrion.evaluation.figures.loss import loss_figure
from orchestrion.evaluation.figures.style import save_figure
from orchestrion.evaluation.figures.waves import waveforms_figure
from orchestrion.evaluation.listening.build import build_page
from orchestrion.evaluation.meters.settling import measure_settling
from orchestrion.files import make_folder
from orchestrion.generators.table import preset_named
from orchestrion.options import Listening
from orchestrion.papers.lab import WEIGHTS, Lab, Trained
from orchestrion.papers.page import Cell, PageSection, PageTable
from orchestrion.papers.planning import Job

RATINGS = {f"spectral-{name}": rating for name, rating in (
    ("base", 2.4), ("dense", 3.2), ("conv2d", 3.4), ("conv1d", 3.0), ("bilinear", 3.6), ("stacked", 2.8),
)}  # fmt: skip
"""Their Table 1: ten listeners, 1 to 5."""
CORPUS = "piano"
STACKED, MEMBERS = "spectral-stacked", 4
EPOCHS = (1200, 1500, 1800, 2100)
CLIPS_A_MODEL = 5
SHOWN_S = 10.0


def _six(lab: Lab) -> list[Trained]:
    """All six, trained alike; their weights are kept after four shares of the training, as those of the paper's four epochs."""
    corpus = lab.corpora(CORPUS)[0]
    return lab.train([Job(name, corpus) for name in RATINGS], lab.minutes, keep=[epoch / EPOCHS[-1] for epoch in EPOCHS])


def networks(lab: Lab) -> tuple[PageSection, ...]:
    """Figures 9 and 10."""
    trained = _six(lab)
    curves = {each.job.backend.removeprefix("spectral-"): each.curve("training_songs_loss") for each in trained}
    path = lab.folder / "losses.png"
    save_figure(loss_figure(curves, "Training loss", unit="mean squared error, normalised", over="epochs"), path)
    rows: list[dict[str, Cell]] = [lab.row(each) | {"their rating": RATINGS[each.job.backend]} for each in trained]
    order = sorted(trained, key=lambda each: each.best["loss"])
    return (
        PageSection(
            "Figures 9 and 10: the six networks' training losses",
            "the curves of all look very much alike and have no part in deciding how the music sounds; all proposed networks are said to have "
            "more parameters than the base.",
            f"by held-out loss, from the least: {', '.join(each.job.backend.removeprefix('spectral-') for each in order)}.",
            PageTable.of(rows), path, {each.job.backend: clip for each in trained for clip in _clips(lab, each, 1)},
        ),
    )  # fmt: skip


def ensemble(lab: Lab) -> tuple[PageSection, ...]:
    """An ensemble of stacked LSTMs (no figure in the paper)."""
    corpus = lab.corpora(CORPUS)[0]
    whole = int(str(preset_named(STACKED, lab.preset).to_dict()["hidden"]))
    many = {"core": "ensemble", "members": str(MEMBERS), "hidden": str(whole // MEMBERS)}
    trained = lab.train([Job(STACKED, corpus), Job(STACKED, corpus, many)], lab.minutes)
    curves = {name: each.curve("loss") for name, each in zip(("two LSTMs, stacked", f"an ensemble of {MEMBERS}"), trained, strict=True)}
    path = lab.folder / "ensemble.png"
    save_figure(loss_figure(curves, "Stacked LSTMs and an ensemble of them", unit="held-out mean squared error, normalised", over="epochs"), path)
    one, several = (each.best["loss"] for each in trained)
    return (
        PageSection(
            "An ensemble of stacked LSTMs of few dimensions",
            "tried, with very low dimensional cell states, without any convincing results (no figures).",
            f"{MEMBERS} pairs of LSTMs of {whole // MEMBERS} units each, whose predictions are summed, have a held-out loss of {several:.3f}; one pair of "
            f"{whole} units has {one:.3f}: the ensemble is {'no better' if several >= one else 'better'}.",
            PageTable.of([lab.row(each) for each in trained]), path, {each.job.label: _clips(lab, each, 1)[0] for each in trained},
        ),
    )  # fmt: skip


def _clips(lab: Lab, trained: Trained, n: int, weights: str = WEIGHTS) -> list[Waveform]:
    rate = lab.rate(trained.job)
    openings = lab.openings(trained.job.corpus, rate, n, SHOWN_S, lab.options.seconds).openings
    return [lab.continuation(trained, opening.seed, f"clip-{number}", weights=weights, number=number) for number, opening in enumerate(openings)]


def epochs(lab: Lab) -> tuple[PageSection, ...]:
    """Clips at four epochs."""
    rows: list[dict[str, Cell]] = []
    sounds = {}
    for trained in _six(lab):
        for index, named in enumerate(EPOCHS):
            clips = _clips(lab, trained, lab.options.clips, trained.weights_after(index))
            ends = [measure_settling(clip) for clip in clips]
            after = f"{trained.kept[index]:.3g} epochs, as {named:,} of {EPOCHS[-1]:,}"
            row: dict[str, Cell] = {"network": trained.job.backend, "weights after": after, "clips": len(clips)}
            rows.append(row | {"with a fixed end": sum(end.found for end in ends), "most repetition": max(end.repetition for end in ends)})
            sounds[f"{trained.job.backend} after {trained.kept[index]:.3g} epochs"] = clips[0]
    return (
        PageSection(
            "Clips at four epochs",
            "clips of 10 s by the weights of epochs 1,200, 1,500, 1,800 and 2,100 of trainings of 2,000 (sic); the plausible ones were picked "
            "by hand.",
            f"weights after the same shares of the training; nothing is picked. {_ended(rows)}", PageTable.of(rows), sounds=sounds,
        ),
    )  # fmt: skip


def _ended(rows: Sequence[Mapping[str, Cell]]) -> str:
    fixed, clips = (sum(int(str(row[key])) for row in rows) for key in ("with a fixed end", "clips"))
    return f"{fixed} of {clips} clips end in a block that repeats itself."


def listening(lab: Lab) -> tuple[PageSection, ...]:
    """Table 1."""
    trained = _six(lab)
    folder = lab.folder / "systems"
    n = 0
    for each in trained:
        system = make_folder(folder / each.job.backend)
        for number, clip in enumerate(_clips(lab, each, CLIPS_A_MODEL), 1):
            clip.write(system / f"clip-{number}.wav")
            n += 1
    page = lab.folder / "listening"
    shutil.rmtree(page, ignore_errors=True)
    build_page([folder / each.job.backend for each in trained], page, Listening(title="Six networks", seed=lab.options.seed))
    rows: list[dict[str, Cell]] = [{"network": name, "their mean rating": rating, "here": None} for name, rating in RATINGS.items()]
    return (
        PageSection(
            "Table 1: blind ratings",
            "ten listeners rated 30 clips, five a network, from 1 to 5.",
            f"a listening sheet of {n} clips, blind, loudness matched, in an order drawn for each listener. Ratings need people: "
            "`orchestrion listen results answers/*.json --key listening-key.json` fills the last column, with intervals.",
            PageTable.of(rows), links={"the listening sheet": "listening/index.html"},
        ),
    )  # fmt: skip


def recordings(lab: Lab) -> tuple[PageSection, ...]:
    """Figures 1 and 5."""
    corpus = lab.corpora(CORPUS)[0]
    songs = SongSet.open(lab.songs(corpus, 16000)).split("validation")
    sounds = {song.name: Waveform(song.samples(0, round(SHOWN_S * song.sample_rate)), song.sample_rate) for song in songs[: lab.options.clips]}
    wave, spectrum = lab.folder / "waveform.png", lab.folder / "spectrogram.png"
    save_figure(waveforms_figure(sounds, "Recordings"), wave)
    save_figure(spectrograms_figure(sounds, "Recordings"), spectrum)
    return (
        PageSection("Figure 1: an audio waveform", "a sample waveform: one-dimensional, varying smoothly with time.", picture=wave),
        PageSection("Figure 5: a real spectrogram", "neighbouring frequencies depend on one another.", _locality(list(sounds.values())),
                    picture=spectrum, sounds=sounds),
    )  # fmt: skip


def _locality(sounds: Sequence[Waveform]) -> str:
    """How alike a bin's level is to its neighbour's and to one an octave higher, over time."""
    import numpy as np

    from orchestrion.evaluation.figures.spectra import spectrogram

    near, far = [], []
    for sound in sounds:
        db = spectrogram(sound).db
        bins = np.arange(16, min(256, db.shape[1] // 2))
        near.append(np.mean([np.corrcoef(db[:, k], db[:, k + 1])[0, 1] for k in bins]))
        far.append(np.mean([np.corrcoef(db[:, k], db[:, 2 * k])[0, 1] for k in bins]))
    return f"a bin's level over time correlates {np.mean(near):.2f} with its neighbour's and {np.mean(far):.2f} with that an octave above."
