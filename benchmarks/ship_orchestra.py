"""Turn a training on several banks into shipped instruments: one network, a table an instrument, a card each.

    python benchmarks/ship_orchestra.py runs/orchestra piano=banks/steinway violin=soundfont:violin

The network goes to ``models/network-orchestra.safetensors`` in float16, each instrument's tables to ``models/NAME.safetensors``. Every
figure of a card is measured on what is shipped, by ``orchestrion.evaluation.judge``.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
from PIL import Image

from orchestrion import shipped, weights
from orchestrion.datasets.banks.bank_pieces import pieces_of
from orchestrion.datasets.banks.fitted_cache import fitted
from orchestrion.datasets.banks.mixing import FittedBank, MixedPiece
from orchestrion.datasets.banks.opening import open_bank
from orchestrion.evaluation.figures.notes import draw_notes
from orchestrion.evaluation.figures.source import draw_source
from orchestrion.evaluation.judge.note_pieces import NotePieces
from orchestrion.evaluation.judge.notes_test import NotesReport, notes_test
from orchestrion.files import atomic_write
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.instrument import ARCHITECTURE, GAIN, NETWORK, TRUST, Instrument
from orchestrion.renderer.sourcefile import SOURCE, source_tensors
from orchestrion.score import pitch_name
from orchestrion.training.learn import SHARED, calibrated, figures, gain_db, metadata
from orchestrion.training.trial_playing import play_held_out

BEGAN = "the weights of a trial on FluidR3's piano alone (1.3 billion samples)"
LICENCE = "public domain, CC0 1.0 and MIT, by the bank"
PICTURES = Path(__file__).parent.parent / "docs" / "sources"
ENDS_VELOCITIES = (40, 80, 120)
# How much of the network is played, and how freely it draws.
CHOICES = ((1.0, 0.4), (1.0, 0.2), (0.5, 0.2), (0.25, 0.2), (0.1, 0.2), (0.1, 0.05))
# What a bank's folder does not say of itself; the credits are those that its makers ask for.
CREDITS = {
    "steinway": ("public domain", "AKAI's Steinway, as in Splendid Grand Piano, mapped by kinwie", 0),
    "cello": ("CC0 1.0", "Kamila Borowiak, cello (Karoryfer and bigcat)", 42),
    "double-bass": ("CC0 1.0", "1958 Rubner double bass, D. Smolken", 43),
    "alto-sax": ("CC0 1.0", "Weresax, Karoryfer Samples", 65),
    "guitar": ("CC0 1.0", "Emilyguitar, D. Smolken", 27),
    "tuba": ("CC0 1.0", "War Tuba, Jakub Lewicki, Karoryfer Samples", 58),
}
CARD = """# {name}

Plays scores as raw audio at 24 kHz. **The notes' partials and their noise come from tables** (the *source*, made from the score
alone); the WaveNet `{network}` hears that source and draws every sample about it. It is shared by all instruments that ship. What it
adds to the tables is the difference between the two columns below.

| | |
| --- | --- |
| table | {notes} single notes, {layers} layer(s) of velocity; {heard} pitches heard, {filled} filled from their neighbours; {kilobytes} KiB |
| partials explain | {explains} dB of the notes (median) |
| notes from | {attribution} |
| licence of the weights | {licence} |
| pitches | {low} to {high} |
| General MIDI program | {program} |
| network | {layers_n} layers, {residual} residual and {skip} skip channels, mixture of {mixtures} logistics; trained on {banks} banks together, {steps} steps of {crop} samples after its beginning |
| played | {trust:.0%} of what the network adds to the source, drawn at a temperature of {temperature} |
| loudness | {gain:+.1f} dB over its notes: about -20 LUFS on the built-in tunes |

## How near it comes to its notes

Every {step}-th pitch at velocities {velocities}, half a second each, free-running (seed 0, int8), against the same notes from the bank. *Source alone* is the
table without the network.

| | network | source alone | ... without its noise |
| --- | ---: | ---: | ---: |
| notes missing (15 dB and more too soft), of {total:.0f} | {missing:.0f} | |
| error of level, mean (95 % of the notes below) | {level} dB ({level_95} dB) | |
| noise between the partials, over the reference's | {noise} dB | |
| log-spectral distance | {distance} dB | {distance_source} dB | {distance_partials} dB |
| ... of the source from itself with other phases of its noise, which is as good as none | | {draws} dB | |
{takes}| octaves in which it is nearer | {octaves_nearer:.0f} of {octaves:.0f} | |
| error in the first 50 ms | {attack} dB | {attack_source} dB |
| notes of 50 ms: missing; error of level | {short_missing:.0f}; {short_level} dB | |
| notes of 10 s: worst error of level in a quarter; of the partials alone | {long_level} dB; {long_partials} dB | |
| 25 dB down after a note's end, later than the reference at worst | {late} s | |
| notes missing in a run of twelve a second | {run:.0f} | |
| a note of velocity 12 after a minute of rest | {soft} dB | |
{chords}
By octave, log-spectral distance (C4 is the octave of middle C):

{octaves_table}

Pictures: the tables in `docs/sources/{name}.png`, levels over pitch and velocity in `docs/sources/{name}-notes.png`

Made by: `orchestrion train renderer` on all banks, then `benchmarks/ship_orchestra.py`; an instrument of your own: `orchestrion learn DIR`.
"""

CHORDS = """| chords of three to six: notes missing, of {notes:.0f}; error of level | {missing:.0f}; {level} dB | |
| chords: log-spectral distance | {distance} dB | {alone} dB |
"""

NETWORK_CARD = """# network-{name}

The network that the shipped instruments share: a conditioned WaveNet (Manzelli et al. 2018; van den Oord et al. 2016) of {layers} layers,
{residual} residual and {skip} skip channels, which hears a *harmonic source* made from the score and draws samples from a mixture of
{mixtures} logistics about it. Not an instrument by itself: `orchestrion learn DIR` makes one out of it and of single notes.

| | |
| --- | --- |
| trained on | {banks} |
| licence of the weights | {licence}; every bank may be used freely, with the credits that the instruments' cards give |
| began with | {began} |
| then | {steps} steps of {crop} samples, {minutes:.0f} minutes on one core of a busy two-core machine |
| bits a sample (of 256 µ-law levels), held-out scores | {bits:.2f} with their own score, {other:.2f} with another |
| log-spectral distance, held-out scores, mean over the banks | {distance:.2f} dB; of the sources alone {alone:.2f} dB |
"""


@click.command()
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.argument("instruments", nargs=-1, metavar="NAME=BANK...")
@click.option("--step", default=3, show_default=True, help="Of the pitches measured.")
@click.option("--began", default=BEGAN, show_default=True, help="With which weights the training began, for the network's card.")
@click.option("--measure/--no-measure", default=True)
def main(run: Path, instruments: tuple[str, ...], step: int, began: str, measure: bool) -> None:
    """Write the network of RUN and instruments on it to the package."""
    tensors, facts = weights.load(run / "model.safetensors", architecture=ARCHITECTURE)
    config = WaveNetConfig.from_dict(facts["config"])
    path = shipped.FOLDER / f"{shipped.NETWORK_PREFIX}{SHARED}.safetensors"
    network = {name: tensor.half() for name, tensor in tensors.items() if not name.startswith(SOURCE)}
    kept = {key: facts[key] for key in ("architecture", "config", "metrics", "data", "licence") if key in facts}
    weights.save(path, network, kept | {"licence": LICENCE})
    _, written = weights.load(path)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    last = min(lines, key=lambda line: line["loss"])  # the weights that were kept
    with atomic_write(path.with_suffix(".md")) as temporary:
        temporary.write_text(network_card(facts, last, began), encoding="utf-8")
    for named in instruments:
        name, _, data = named.partition("=")
        ship(name, data, config, str(written["sha256"]), facts, last["step"], step if measure else 0)


def network_card(facts: dict, last: dict, began: str) -> str:
    c, data = facts["config"], facts.get("data", {})
    sources = [str(bank.get("source", bank.get("name"))) for bank in data.get("banks", [data])]
    return NETWORK_CARD.format(
        name=SHARED, began=began, layers=c["layers"], residual=c["residual"], skip=c["skip"], mixtures=c["mixtures"], banks=", ".join(sources),
        licence=LICENCE, steps=f"{last['step']:,}", crop=f"{96 * c['hop']:,}", minutes=last["minutes"],
        bits=last["bits_per_sample"], other=last["bits_per_sample_other_score"], distance=last["distance_db"], alone=last["distance_db_source_alone"],
    )  # fmt: skip


def ship(name: str, data: str, config: WaveNetConfig, sha256: str, facts: dict, steps: int, step: int) -> None:
    bank = fitted(open_bank(data, config.sample_rate))
    if bank.bank.name in CREDITS and not data.startswith("soundfont:"):
        licence, attribution, program = CREDITS[bank.bank.name]
        bank.bank.information.update({"licence": licence, "attribution": attribution, "program": program})
    source, louder = calibrated(bank.source(), config)
    found = figures(bank)
    header = metadata(bank.bank.information, bank.bank.pitch_range, louder, found) | {GAIN: gain_db(louder, config), NETWORK: {"name": SHARED, "sha256": sha256}}
    target = shipped.FOLDER / f"{name}.safetensors"
    weights.save(target, source_tensors(source), header)
    if not step:
        return
    header[TRUST], header["temperature"] = best_choice(target, source_tensors(source), header, bank)
    weights.save(target, source_tensors(source), header)
    report = notes_test(Instrument.load(target), bank, step=step)
    weights.save(target, source_tensors(source), header | {"metrics": found | report.summary()})
    PICTURES.mkdir(exist_ok=True)
    draw_source(PICTURES / f"{name}.png", source, name)
    draw_notes(PICTURES / f"{name}-notes.png", report, name)
    for picture in (PICTURES / f"{name}.png", PICTURES / f"{name}-notes.png"):
        smaller(picture)
    with atomic_write(target.with_suffix(".md")) as temporary:
        temporary.write_text(card(name, header, found, report, facts, steps, step), encoding="utf-8")
    click.echo(f"{name}: {json.dumps(report.summary())}")


def smaller(picture: Path) -> None:
    """The picture in 64 colours: a third of the bytes."""
    with Image.open(picture) as image:
        few = image.convert("RGB").quantize(64, dither=Image.Dither.NONE)
    few.save(picture, optimize=True)


def best_choice(target: Path, tables: dict[str, np.ndarray], header: dict, bank: FittedBank) -> tuple[float, float]:
    """Of some shares of the network and temperatures, those at which held-out pieces and the outermost notes come nearest: distance, errors of level and notes that a
    transcriber misses."""
    hop = header["config"]["hop"]
    # Held-out pieces seldom reach the outermost notes, where a network may burst.
    held_out = [*pieces_of(bank, hop)[1], *(NotePieces(bank, hop).scale(pitch, ENDS_VELOCITIES) for pitch in (min(bank.takes), max(bank.takes)))]

    def cost(choice: tuple[float, float]) -> float:
        weights.save(target, tables, header | {TRUST: choice[0]})
        player = Instrument.load(target)
        assert player.source is not None
        pieces = [MixedPiece(piece.name, piece.table, piece.n_frames, bank, player.config.hop, louder_db=player.gain_db) for piece in held_out]
        heard = play_held_out(player.model, pieces, {bank.bank.name: player.source}, temperature=choice[1])
        return float(np.mean([one.cost + one.network.level_db for one in heard]))

    costs = {choice: cost(choice) for choice in CHOICES}
    click.echo(f"{target.stem}: cost by share of the network and temperature {costs}")
    return min(costs, key=lambda choice: costs[choice])


def card(name: str, header: dict, found: dict, report: NotesReport, facts: dict, steps: int, step: int) -> str:
    s, c, (low, high) = report.summary(), header["config"], header["pitch_range"]
    data = facts.get("data", {})
    return CARD.format(
        name=name, network=SHARED, notes=found["notes"], layers=found["layers"], heard=found["pitches_heard"], filled=found["pitches_filled"],
        kilobytes=found["kilobytes"], explains=found["source_explains_db"], attribution=header["data"].get("attribution", "unknown"),
        licence=header["licence"], low=pitch_name(low), high=pitch_name(high), program=header["program"], layers_n=c["layers"], residual=c["residual"],
        skip=c["skip"], mixtures=c["mixtures"], banks=len(data.get("banks", [])) or 1, steps=f"{steps:,}", crop=f"{96 * c['hop']:,}", gain=header[GAIN], step=step, temperature=header["temperature"], trust=header[TRUST],
        velocities=", ".join(map(str, report.velocities)), total=s["notes"], missing=s["missing"], level=s["level_error_db_mean"],
        level_95=s["level_error_db_95"], noise=s["noise_over_reference_db"], distance=s["distance_db"], distance_source=s["distance_db_source_alone"], distance_partials=s["distance_db_partials_alone"],
        octaves_nearer=s["octaves_nearer_than_the_source"], octaves=s["octaves"], attack=s["attack_error_db"],
        attack_source=s["attack_error_db_source_alone"], run=s["run_missing"], soft=s["soft_note_after_rest_db"],
        short_missing=s["short_missing"], short_level=s["short_level_error_db_mean"], long_level=s["long_level_error_db_worst"],
        long_partials=s["long_partials_error_db_worst"], octaves_table=octaves_of(report),
        late=s["release_late_s_worst"], chords=chords_of(s), takes=takes_of(s), draws=s["distance_db_between_draws"],
    )  # fmt: skip


def octaves_of(report: NotesReport) -> str:
    octaves = sorted({int(pitch) // 12 - 1 for pitch in report.pitches})
    rows = report.by_octave()
    head = "| | " + " | ".join(f"C{octave}" for octave in octaves) + " |\n| --- |" + " ---: |" * len(octaves)
    lines = [f"| {name} | " + " | ".join(f"{row[i]:.1f}" for row in rows) + " |" for i, name in enumerate(("network", "source alone"))]
    return "\n".join([head, *lines])


def takes_of(s: dict[str, float | None]) -> str:
    between, held = s["distance_db_between_takes"], s["distance_db_of_those_held"]
    lines = "" if held is None else f"| ... from the very recordings that the table holds, at their velocity | | {held} dB | |\n"
    return lines if between is None else f"{lines}| ... of two recordings of one note in the bank | {between} dB | | |\n"


def chords_of(s: dict[str, float | None]) -> str:
    return CHORDS.format(
        notes=s["chord_notes"], missing=s["chord_missing"], level=s["chord_level_error_db_mean"], distance=s["chord_distance_db"], alone=s["chord_distance_db_source_alone"],
    ) if s["chord_notes"] else ""  # fmt: skip


if __name__ == "__main__":
    main()
