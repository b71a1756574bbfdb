"""Lo-fi music generation with sequential models (Xu & Swar 2021): three networks at 4.41 kHz."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.datasets.recordings.songs import SongSet
from orchestrion.evaluation.figures.loss import loss_figure
from orchestrion.evaluation.figures.style import save_figure
from orchestrion.evaluation.figures.waves import waveforms_figure
from orchestrion.evaluation.meters.noise import measure_noise
from orchestrion.evaluation.meters.settling import likeness, measure_settling
from orchestrion.generators.table import ENCODER_DECODER, SAMPLE_LSTM, TCN
from orchestrion.papers.lab import Lab, Trained
from orchestrion.papers.page import Cell, PageSection, PageTable
from orchestrion.papers.planning import Job

MODELS = (SAMPLE_LSTM, ENCODER_DECODER, TCN)
CORPORA = ("band", "bass")
KERNELS = (2, 3, 4, 5, 6, 7, 8)
NOISE_SAMPLES = 65_000  # after so many their TCN "starts to produce melodies"
SEEDS_S = 2.25
FULL_RATE, LOW_RATE = 44_100, 4_410
SHOWN_S = 0.02
SILENT_DB = -25.0  # against the songs
NOISY = 0.28  # flatness: half of noise's


def _trained(lab: Lab) -> list[Trained]:
    """All three on both data sets."""
    return lab.train([Job(model, corpus) for corpus in lab.corpora(*CORPORA) for model in MODELS], lab.minutes)


def models(lab: Lab) -> tuple[PageSection, ...]:
    """Three networks, two data sets."""
    trained = _trained(lab)
    rows = [lab.row(each) for each in trained]
    sounds = {f"{each.job.label} goes on from a held-out song": _continued(lab, each)[1] for each in trained}
    return (
        PageSection(
            "Three networks on a full mix and on an isolated instrument",
            "the LSTM of samples predicts a constant, or static; the encoder-decoder gives continuous sound that repeats itself; the TCN makes "
            "patterns of the full mix, and does poorly on isolated instruments, with their long silences.",
            "steps and examples are the same for all; an example of the encoder-decoder is 4.5 s, of the others parts of a second. "
            f"In a block that repeats itself end {_named(row['network'] for row in rows if row['fixed end'])}; silence, or a constant, comes of "
            f"{_named(row['network'] for row in rows if float(str(row['level (dB)']).split()[0]) < SILENT_DB)}.",
            PageTable.of(rows), sounds=sounds,
        ),
    )  # fmt: skip


def _named(networks: Iterable[Cell]) -> str:
    return ", ".join(f"`{name}`" for name in networks) or "none"


def _continued(lab: Lab, trained: Trained) -> tuple[Waveform, Waveform]:
    """An opening of 10,000 samples as theirs, and what the network makes of it."""
    rate = lab.rate(trained.job)
    opening = lab.openings(trained.job.corpus, rate, 1, SEEDS_S, lab.options.seconds).openings[0]
    return opening.seed, lab.continuation(trained, opening.seed, "song")


def noise(lab: Lab) -> tuple[PageSection, ...]:
    """Figure 9."""
    trained = next(each for each in _trained(lab) if each.job.backend == TCN)
    rate = lab.rate(trained.job)
    seconds = max(2 * lab.options.seconds, 1.25 * NOISE_SAMPLES / rate)
    clips = [lab.continuation(trained, None, "noise", seconds=seconds, number=number) for number in range(2)]
    path = lab.folder / "noise.png"
    panels = {f"noise {number}": clip for number, clip in enumerate(clips, 1)}
    save_figure(waveforms_figure(panels, "What the TCN makes of noise", in_samples=True, mark=NOISE_SAMPLES), path)
    rows: list[dict[str, Cell]] = []
    for name, clip in panels.items():
        parts = {"before": clip.samples[:NOISE_SAMPLES], "after": clip.samples[NOISE_SAMPLES:]}
        row: dict[str, Cell] = {"continuation": name}
        for when, samples in parts.items():
            part = Waveform(samples, rate)
            row |= {f"flatness {when} {NOISE_SAMPLES:,}": measure_noise(part).flatness, f"level {when} (dB)": _db(samples)}
        rows.append(row | {"fixed end": measure_settling(clip).found})
    return (
        PageSection(
            "Figure 9: the TCN goes on from noise",
            "noise for the first 65,000 samples, then melodies (a waveform without axes).",
            f"{_sort(rows, 'before')} before the mark, {_sort(rows, 'after')} after it. Two continuations of two seeds of noise; their ends correlate {likeness(*clips):.2f} (1: the seed is forgotten). "
            "Flatness: 0 for tones, 0.56 for noise.",
            PageTable.of(rows), path, panels,
        ),
    )  # fmt: skip


def _sort(rows: Sequence[Mapping[str, Cell]], when: str) -> str:
    flatness = [float(str(row[f"flatness {when} {NOISE_SAMPLES:,}"])) for row in rows]
    return "tones" if max(flatness) < NOISY else "noise" if min(flatness) >= NOISY else "noise or tones"


def _db(samples: np.ndarray) -> float:
    return float(10 * np.log10(max(float(np.square(samples, dtype=np.float64).mean()) if len(samples) else 0.0, 1e-12)))


def predictions(lab: Lab) -> tuple[PageSection, ...]:
    """Figure 10."""
    trained = [each for each in _trained(lab) if each.job.backend == ENCODER_DECODER]
    panels, sounds = {}, {}
    rows: list[dict[str, Cell]] = []
    mark = 0
    for each in trained:
        seed, made = _continued(lab, each)
        mark = len(seed.samples)
        whole = Waveform(np.concatenate([seed.samples, made.samples[: 3 * mark]]), made.sample_rate)
        panels[each.job.corpus], sounds[each.job.label] = whole, whole
        jumps = np.abs(np.diff(made.samples))
        rows.append(
            {"data": each.job.corpus, "level of the seed (dB)": _db(seed.samples), "level of the prediction (dB)": _db(made.samples),
             "repeats itself (correlation)": measure_settling(made).repetition, "greatest jump of a sample": float(jumps.max())}
        )  # fmt: skip
    path = lab.folder / "predictions.png"
    save_figure(waveforms_figure(panels, "Seed, and after the line what the encoder-decoder predicts", in_samples=True, mark=mark), path)
    return (
        PageSection(
            "Figure 10: predictions of the encoder-decoder",
            "of a melody and of drums; predictions begin with large spikes and are very repetitive, the drums' evenly spaced.",
            "the seed has 10,000 samples, as theirs; it stands before the line. What follows it is softer by "
            f"{', '.join(_fall(row) for row in rows)}.", PageTable.of(rows), path, sounds,
        ),
    )  # fmt: skip


def _fall(row: Mapping[str, Cell]) -> str:
    fallen_db = float(str(row["level of the seed (dB)"])) - float(str(row["level of the prediction (dB)"]))
    return f"{fallen_db:.0f} dB ({row['data']})"


def rates(lab: Lab) -> tuple[PageSection, ...]:
    """Figure 3."""
    corpus = lab.corpora(CORPORA[0])[0]
    song = SongSet.open(lab.songs(corpus, FULL_RATE)).split("validation")[0]
    middle = song.n_samples // 2
    window = song.samples(middle, middle + FULL_RATE)
    full = Waveform(window, FULL_RATE)
    low = full.resample(LOW_RATE)
    panels = {f"{rate:,} samples a second": sound for rate, sound in ((FULL_RATE, full), (LOW_RATE, low))}
    shown = {name: Waveform(sound.samples[: round(SHOWN_S * sound.sample_rate)], sound.sample_rate) for name, sound in panels.items()}
    path = lab.folder / "rates.png"
    save_figure(waveforms_figure(shown, f"{1000 * SHOWN_S:g} ms at two sample rates"), path)
    again = low.resample(FULL_RATE).samples[: len(window)]
    lost = float(np.square(window[: len(again)] - again).sum() / max(float(np.square(window).sum()), 1e-12))
    rows: list[dict[str, Cell]] = [
        {"rate": name, "samples in 10 s": 10 * sound.sample_rate, "energy that is lost": 0.0 if sound is full else lost}
        for name, sound in panels.items()
    ]
    reported = "at a tenth of the rate there is a tenth of the data, for slightly more loss, mostly of high frequencies (no figures)."
    text = f"{lost:.1%} of the energy lies above what a tenth of the rate can hold."
    return (PageSection("Figure 3: the effect of the sample rate", reported, text, table=PageTable.of(rows), picture=path, sounds=panels),)


def kernels(lab: Lab) -> tuple[PageSection, ...]:
    """Kernel sizes 2 to 8."""
    corpus = lab.corpora(CORPORA[0])[0]
    trained = lab.train([Job(TCN, corpus, {"kernel": str(size)}) for size in KERNELS], lab.minutes)
    points = [(float(each.job.settings["kernel"]), each.best["loss"]) for each in trained]
    path = lab.folder / "kernels.png"
    save_figure(loss_figure({"TCN, held out": points}, "Held-out loss by kernel", unit="Huber loss, normalised", over="taps of a kernel"), path)
    rows = [lab.row(each) | {"hears (samples)": 1 + 2 * (int(each.job.settings["kernel"]) - 1) * 63} for each in trained]
    best = min(trained, key=lambda each: each.best["loss"]).job.settings["kernel"]
    return (
        PageSection(
            "Kernel sizes from 2 to 8",
            "kernels of 2 to 8 on inputs of 512 worked best; longer ones did not really help and made training slow (no figures).",
            f"the least held-out loss is that of {best} taps.", PageTable.of(rows), path,
        ),
    )  # fmt: skip
