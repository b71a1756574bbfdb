"""An end to end model for automatic music generation (Manzelli, Thakkar, Siahkamari & Kulis 2018)."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch

from orchestrion.audio import Waveform
from orchestrion.audio.folders import audio_in
from orchestrion.composer.compose import compose
from orchestrion.composer.network import Biaxial
from orchestrion.datasets.corpora.json_corpus import write_corpus
from orchestrion.datasets.corpora.piece import CorpusPiece
from orchestrion.datasets.recordings.aligned import AlignedSet
from orchestrion.datasets.recordings.holdout import divided
from orchestrion.evaluation.figures.performance import comparison_figure
from orchestrion.evaluation.figures.style import save_figure
from orchestrion.evaluation.judge.following import note_accuracy, onset_scores
from orchestrion.evaluation.judge.reference import reference_performance
from orchestrion.files import make_folder, sha256
from orchestrion.labelling.methods import notes_of
from orchestrion.options import Composing, Playing, Training
from orchestrion.papers import coupling
from orchestrion.papers.instruments import PAPER_MINUTES, Finished, Renderer, measured, played, train_alike
from orchestrion.papers.lab import WEIGHTS, Lab, digest, resumable, threads_limited
from orchestrion.papers.page import Cell, PageSection, PageTable
from orchestrion.papers.planning import LEAST_STEPS, quickest
from orchestrion.playing import play
from orchestrion.progress import progress
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.network import WaveNet
from orchestrion.score import BUILTIN_TUNES, Part, PianoRoll, Score, Tempo
from orchestrion.training.settings import composers_loop
from orchestrion.training.train_backend import read_metrics
from orchestrion.training.train_composer import train_composer

CORPUS = "cello"
CHIMES = 14  # General MIDI program, from 0: tubular bells
TUNE = "happy-birthday"
LOWER = -12  # semitones: a cello's range
SHIPPED = "cello"
COMPOSERS_SHARE = 1 / 3
BARS = 8
FOLLOWS = 0.5  # of the notes that the shipped instrument plays right
HEARS_BITS = 0.02  # and more a sample are lost with a wrong score, where a network hears it
TWIN = (("with-notes", True), ("without-notes", False))
# By the likelihood of (notes, audio).
ARMS = {"by notes": (True, False), "by notes and audio": (True, True), "by audio": (False, True)}
BEFORE = 4  # times as many updates by the notes alone, from which all go on
COUPLED_SHARES = 3.0  # of the time an update of both takes: two arms with the audio, and the cheap ones
HELD_OUT_PASSAGES = 24


def _tune() -> Score:
    return BUILTIN_TUNES[TUNE].transpose(LOWER)


def _twins(lab: Lab) -> tuple[Path, dict[str, Path]]:
    data = lab.audio(lab.corpora(CORPUS)[0])
    return data, train_alike(lab, [Renderer(name, data, told) for name, told in TWIN], lab.minutes)


def spectrogram(lab: Lab) -> tuple[PageSection, ...]:
    """Figure 3."""
    _, runs = _twins(lab)
    tune = _tune().crop(0.0, lab.options.seconds)
    chimes, maker = reference_performance(tune, CHIMES)
    ours = lab.clip(SHIPPED, [SHIPPED, lab.options.seconds], lambda: play(tune, [SHIPPED], Playing(seed=lab.options.seed)).to_mono())
    known = Finished.of(runs["with-notes"])
    panels = {
        f"the conditioned network, after {known.steps:,} steps": played(lab, runs["with-notes"], _tune(), "with-notes-tune"),
        f"the instrument that ships ({SHIPPED}: another network, driven by a source made from the score)": ours,
        f"its conditioning on chimes ({maker})": chimes,
    }
    path = lab.folder / "peaks.png"
    save_figure(comparison_figure(panels, tune, "The conditioning: Happy Birthday"), path)
    rows: list[dict[str, Cell]] = [{"sound": name, "notes right (F1, 50 ms)": note_accuracy(sound, tune)["note_f1_50ms"]} for name, sound in panels.items()]
    return (
        PageSection(
            "Figure 3: peak frequencies of the sound and of its conditioning",
            "both have power at the same times and frequencies; their heights differ, since they are played by different instruments at different "
            "pitches.",
            _followed([float(str(row["notes right (F1, 50 ms)"])) for row in rows], known), PageTable.of(rows), path, panels,
        ),
    )  # fmt: skip


def _followed(f1: Sequence[float], training: Finished) -> str:
    """Whether the network of the page is where the paper's was, by the notes that a transcriber hears."""
    mine, shipped, _ = f1
    began = "its power lies where the notes are" if mine >= FOLLOWS * shipped else "it has not been trained long enough to follow them"
    heard_s = training.steps * training.batch * training.crop_s
    return (
        f"spectrograms, and the notes that a transcriber hears which has not seen them. Of the conditioned network, trained for {training.steps:,} steps "
        f"on {heard_s:,.0f} seconds of audio: {began}. Chimes are not harmonic, and ring on: few of their notes are taken for notes."
    )


def twin(lab: Lab) -> tuple[PageSection, ...]:
    """Conditioned against unconditioned."""
    data, runs = _twins(lab)
    rows = [measured(lab, name, run, data, _tune()) for name, run in runs.items()]
    sounds = {name: played(lab, run, _tune(), f"{name}-tune") for name, run in runs.items()}
    path = lab.folder / "twins.png"
    save_figure(comparison_figure(sounds, _tune().crop(0.0, lab.options.seconds), "Happy Birthday, told to one of two"), path)
    bought = float(str(rows[0]["notes right (F1, 50 ms)"])) > float(str(rows[1]["notes right (F1, 50 ms)"]))
    own, other = (float(str(rows[0][key])) for key in ("bits a sample", "… with another score"))
    text = (
        f"the same layers, channels, steps and crops; the one that is told the notes plays {'more' if bought else 'no more'} of them. "
        f"With another piece's score its held-out audio costs {other - own:.3f} bits a sample more than with its own: it has "
        f"{'learnt' if other - own > HEARS_BITS else 'not yet learnt'} to hear them."
    )
    reported = "an unconditioned WaveNet keeps timbre and simple chords but has no structure; conditioned, it follows the melody (no figures)."
    return (PageSection("With and without the notes: identical twins", reported, text, PageTable.of(rows), path, sounds),)


def coupled(lab: Lab) -> tuple[PageSection, ...]:
    """Coupled training."""
    data, runs = _twins(lab)
    renderer = Instrument.load(runs["with-notes"] / WEIGHTS).model.requires_grad_(False).eval()
    minutes = lab.minutes or PAPER_MINUTES
    found = lab.kept("coupled", [sha256(runs["with-notes"] / WEIGHTS), minutes, lab.options.seed], lambda: _coupled(lab, data, renderer, minutes))
    arms, bounds = found["arms"], found["bounds"]
    assert isinstance(arms, dict) and isinstance(bounds, dict)
    rows: list[dict[str, Cell]] = [
        {"composer": name, "updates": values["updates"], "notes (nats a step)": values["notes"], "audio given what it draws (bits a sample)": values["audio"]}
        for name, values in arms.items()
    ]
    sounding, silent = (float(str(found[key])) for key in ("right where a note sounds", "right elsewhere"))
    gain = float(arms["by notes"]["notes"]) - float(arms["by notes and audio"]["notes"])
    heard = float(arms["by notes"]["audio"]) - float(arms["by notes and audio"]["audio"])
    is_heard = bounds["another score"] - bounds["the true score"] > HEARS_BITS
    bought = "it buys nothing here" if gain <= 0 and heard < HEARS_BITS else "what it buys here is in the table"
    text = (
        f"the renderer {'hears its score' if is_heard else 'does not hear its score yet, and can teach nothing of it'}: {bounds['the true score']:.3f} bits a sample with the true score, {bounds['silence']:.3f} with silence, "
        f"{bounds['another score']:.3f} with another passage's. Its gradient asks for a note where one sounds in {sounding:.0%} of the cells, and for "
        f"silence where none does in {silent:.0%} (chance: 50 %). Against as many updates by the notes alone, the notes' loss is "
        f"{abs(gain):.3f} nats a step {'lower' if gain > 0 else 'higher'}, and the audio's {abs(heard):.4f} bits a sample {'lower' if heard > 0 else 'higher'}: {bought}."
    )
    return (
        PageSection(
            "Coupled training: from the audio's likelihood to the composer's weights",
            "named as future work: gradients from the audio model to the composer; nothing was tried.", text, PageTable.of(rows),
        ),
    )  # fmt: skip


def _coupled(lab: Lab, data: Path, renderer: WaveNet, minutes: float) -> dict[str, object]:
    """Three composers that begin alike, and what each is worth on held-out passages."""
    pieces = divided(AlignedSet.open(data, sample_rate=renderer.config.sample_rate, hop=renderer.config.hop))
    train, held_out = (coupling.Passages(each, renderer) for each in pieces)
    passages, seed = held_out.spread(HELD_OUT_PASSAGES), lab.options.seed
    torch.manual_seed(seed)
    composer = Biaxial(coupling.SIZES)

    def update(step: int) -> None:
        coupling.train(composer, renderer, train, 1, notes=True, audio=True, seed=step, advance=lambda n=1.0: None)

    with threads_limited(lab.options.threads):
        steps = max(LEAST_STEPS, int(60 * minutes / (COUPLED_SHARES * quickest(update))))
        with progress((len(ARMS) + BEFORE) * steps, f"{lab.name}: training") as bar:

            def further(model: Biaxial, n: int, notes: bool, audio: bool) -> Biaxial:
                return coupling.train(model, renderer, train, n, notes=notes, audio=audio, seed=seed, advance=bar)

            beginning = further(composer, BEFORE * steps, True, False)
            models = {"at the beginning": (beginning, 0)} | {name: (further(beginning, steps, *which), steps) for name, which in ARMS.items()}
        arms = {}
        for name, (model, more) in models.items():
            measured_here = coupling.measure(model, renderer, passages, seed)
            arms[name] = {"updates": BEFORE * steps + more, "notes": measured_here.notes, "audio": measured_here.audio}
        true = [passage.grid[0, ..., 0] for passage in passages]
        bounds = {
            "the true score": coupling.bits_given(renderer, passages, lambda n: true[n]),
            "silence": coupling.bits_given(renderer, passages, lambda n: torch.zeros_like(true[n])),
            "another score": coupling.bits_given(renderer, passages, lambda n: true[n - 1]),
        }
        sounding, silent = coupling.direction(beginning, renderer, passages, seed)
    return {"arms": arms, "bounds": bounds, "right where a note sounds": sounding, "right elsewhere": silent}


def genre(lab: Lab) -> tuple[PageSection, ...]:
    """Composer and renderer on one data set."""
    data = lab.audio(lab.corpora(CORPUS)[0])
    share = None if lab.minutes is None else lab.minutes * (1 - COMPOSERS_SHARE)
    run = train_alike(lab, [Renderer("genre", data)], share)["genre"]
    composer, found = _composer(lab, data)
    score = compose(composer / WEIGHTS, Composing(bars=BARS, seed=lab.options.seed))[0]
    sound = played(lab, run, score, "composed")
    told = score.crop(0.0, lab.options.seconds)
    path = lab.folder / "composed.png"
    save_figure(comparison_figure({"by the renderer of the same data set": sound}, told, "Composed"), path)
    renderer = measured(lab, "genre", run, data, _tune())
    f1 = note_accuracy(sound, told)["note_f1_50ms"] if told.notes else None
    composed, heard = f"{found['step']:,.0f} steps, {found['minutes']:.1f} minutes", f"{renderer['steps']:,} steps, {renderer['seconds of audio']:,} s of audio"
    rows: list[dict[str, Cell]] = [
        {"stage": "composer", "training": composed, "measure": "held-out loss, nats a step", "value": found["loss"]},
        {"stage": "renderer", "training": heard, "measure": "bits a sample of held-out recordings", "value": renderer["bits a sample"]},
        {"stage": "both", "training": None, "measure": "notes right of what was composed (F1, 50 ms)", "value": f1},
    ]
    return (
        PageSection(
            "End to end: a composer and a renderer of one data set",
            "the composer's melodies, learnt from the data of a genre, are the conditioning of a renderer trained on the same data; results "
            "are on their web page, described as initial.",
            f"both stages hold out the same recordings. The composer was trained for {composed}, the renderer for {heard}; "
            f"{_end_to_end(f1)}", PageTable.of(rows), path, {"composed and played": sound},
        ),
    )  # fmt: skip


def _end_to_end(f1: float | None) -> str:
    """What a listener gets of the melody, from silence to most of it."""
    if f1 is None:
        return "what it composed has no notes in these seconds."
    return f"of what was composed, {'most notes are' if f1 >= FOLLOWS else 'some notes are' if f1 > 0 else 'not one note is'} heard right (F1 {f1:.2f})."


def _composer(lab: Lab, data: Path) -> tuple[Path, dict[str, float]]:
    """A run of a composer on the notes of ``data``, and its last measures."""
    recordings = AlignedSet.open(data)
    rows = []
    for split, pieces in zip(("train", "validation"), divided(recordings), strict=True):
        for piece in pieces:
            score = Score((Part(piece.name, 0, piece.notes),), tempos=(Tempo(0.0, 120.0),))
            rows.append((split, CorpusPiece.from_roll(PianoRoll.from_score(score), piece.name)))
    scores = make_folder(lab.root / "scores") / f"{digest([str(data), [piece.name for _, piece in rows]])}.json"
    write_corpus(scores, rows)
    lab.trains = True
    minutes = (lab.minutes or 180.0) * COMPOSERS_SHARE
    loop = composers_loop(Training(minutes=minutes, threads=lab.options.threads, seed=lab.options.seed, validate_minutes=max(minutes / 4, 0.01)))
    run = lab.root / "runs" / f"composer-{digest([scores.name, minutes, lab.options.seed])}"
    preset = "compact-chorales" if lab.is_small else "paper"

    def train() -> dict[str, object]:
        with resumable():
            found: dict[str, object] = dict(train_composer(scores, run, preset=preset, loop=loop, resume=run.exists()))
        last = read_metrics(run)[-1]
        return found | {"step": last["step"], "minutes": last["minutes"]}

    return run, {name: float(str(value)) for name, value in lab.kept("composer", [run.name], train).items()}


def melodia(lab: Lab) -> tuple[PageSection, ...]:
    """An instrument from labels that were heard."""
    data = lab.audio(lab.corpora(CORPUS)[0])
    method = "melodia" if find_spec("essentia") else "pyin"
    bare = _without_notes(lab, data)
    runs = train_alike(lab, [Renderer("true-notes", data), Renderer(f"{method}-notes", bare, label=method)], lab.minutes)
    rows = [measured(lab, name, run, data, _tune()) for name, run in runs.items()]
    sounds = {name: played(lab, run, _tune(), f"{name}-tune") for name, run in runs.items()}
    f1 = _label_accuracy(lab, data, method)
    asked = "Melodia" if method == "melodia" else "pYIN (Melodia needs essentia, which is not installed)"
    return (
        PageSection(
            "An instrument from labels that were heard",
            "Melodia finds the main melody only, so that the labels of polyphonic music are very sparse.",
            f"of recordings whose notes are known, {asked} finds notes with an onset F1 of {f1:.2f}; the same network is trained on both, alike, for "
            f"{rows[0]['steps']:,} steps{_so_short([float(str(row['notes right (F1, 50 ms)'])) for row in rows])}.",
            PageTable.of(rows), sounds=sounds,
        ),
    )  # fmt: skip


def _so_short(f1: Sequence[float]) -> str:
    """What to know of trainings after which nothing is played right."""
    return "" if any(f1) else ", after which neither plays a note that is heard right: the page says what such labels are worth, not yet what is made of them"


def _without_notes(lab: Lab, data: Path) -> Path:
    """The recordings of ``data`` alone, in a folder of the lab."""
    sources = audio_in(data, depth=1)
    folder = make_folder(lab.root / "unlabelled" / digest([str(data), [path.name for path in sources]]))
    for source in sources:
        if not (folder / source.name).exists():
            shutil.copyfile(source, folder / source.name)
    return folder


def _label_accuracy(lab: Lab, data: Path, method: str) -> float:
    """Mean onset F1 of what ``method`` hears of held-out recordings."""
    _, held_out = divided(AlignedSet.open(data))

    def measure() -> dict[str, object]:
        scores = [onset_scores(p.notes, notes_of(Waveform(p.samples(), p.sample_rate), method))["note_f1_50ms"] for p in held_out]
        return {"f1": sum(scores) / len(scores)}

    found = lab.kept(f"labels-{method}", [str(data), [piece.name for piece in held_out]], measure)["f1"]
    assert isinstance(found, float)
    return found

