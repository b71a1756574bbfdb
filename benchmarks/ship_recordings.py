"""Turn recordings with their notes into shipped instruments: tables that the shared network plays, a card and a picture each.

    python benchmarks/ship_recordings.py disklavier=sets/disklavier ishizaka=sets/ishizaka

The tables go to ``models/NAME.safetensors``, the card beside them, the picture of the source to ``docs/sources/NAME.png``. A set's
``dataset.json`` gives licence, attribution, program and, where the licence asks for it, ``notice``. Every figure of a card is measured
on what ships.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from orchestrion import shipped, weights
from orchestrion.datasets.catalogue import open_recordings
from orchestrion.datasets.recordings.holdout import divided
from orchestrion.evaluation.figures.source import draw_source
from orchestrion.evaluation.judge.instrument_report import InstrumentTable, evaluate_instrument
from orchestrion.evaluation.judge.reference import reference_performance
from orchestrion.files import atomic_write
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.instrument import ARCHITECTURE, GAIN, NETWORK, TRUST, Instrument
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.sourcefile import source_tensors
from orchestrion.score import Score, pitch_name
from orchestrion.training.driven_sets import heard_range, track_recordings
from orchestrion.training.driven_task import DrivenSettings, DrivenTask
from orchestrion.training.learn import SHARED, calibrated, gain_db, metadata, table_figures
from orchestrion.training.trial_playing import EXCERPTS, LISTEN_S, TEMPERATURE

SHARES = (1.0, 0.5)  # of the network
PICTURES = Path(__file__).parent.parent / "docs" / "sources"
CARD = """# {name}

Plays scores as raw audio at 24 kHz. **The notes' partials and their noise come from tables** (the *source*, made from the score alone) that
were found in recordings of music; the WaveNet `{network}`, which all instruments share and which has not been trained on these recordings,
hears that source and draws every sample about it.

{notice}| | |
| --- | --- |
| recordings | {minutes} minutes, {notes:,} notes; {held:.1f} minutes held out |
| by | {attribution} |
| licence of the weights | {licence} |
| table | {layers} layers of velocity; {heard} pitches heard, {filled} filled from their neighbours; {kilobytes} KiB |
| partials, followed together, explain | {fine} dB of the held-out recordings |
| notes by their own amplitudes, smooth over time | {own} dB |
| notes by the table's amplitudes along the recordings' phases | {table_db} dB |
| pitches | {low} to {high} |
| General MIDI program | {program} |
| played | {trust:.0%} of what the network adds to the source, drawn at a temperature of {temperature} |
| loudness | {gain:+.1f} dB over its recordings: about -20 LUFS on the built-in tunes |

Tuning curve, levels and residual: `docs/sources/{name}.png`

## How near it comes to the recordings

{excerpts} excerpts of {seconds:g} s of what is held out, free-running (seed 0).

| | network | source alone | recording |
| --- | ---: | ---: | ---: |
| log-spectral distance | {distance:.2f} dB | {distance_alone:.2f} dB | |
| error of the notes' levels, mean | {level:.1f} dB | | |
| notes missing | {missing:.0%} | | |
| onset F1 within 50 ms | {f1:.2f} | {f1_alone:.2f} | {f1_recording:.2f} |
| bits a sample (of 256 µ-law levels), own score / another | {bits:.2f} / {other:.2f} | | |

## Does it play the notes?

The six built-in tunes, free-running, seed 0. The ceiling is FluidSynth's performance of the same notes through the same transcriber, the floor
another tune's score:

{tunes}

Made by `orchestrion data label` where the recordings had no notes, then `benchmarks/ship_recordings.py`; one of your own: `orchestrion learn DIR`.
"""


@click.command()
@click.argument("instruments", nargs=-1, required=True, metavar="NAME=DIR...")
def main(instruments: tuple[str, ...]) -> None:
    """Write instruments made of recordings to the package."""
    for named in instruments:
        name, _, data = named.partition("=")
        ship(name, Path(data))


def ship(name: str, data: Path) -> None:
    tensors, facts = weights.load(shipped.network(SHARED), architecture=ARCHITECTURE)
    config = WaveNetConfig.from_dict(facts["config"])
    recordings = open_recordings(data, sample_rate=config.sample_rate, hop=config.hop)
    train, validation = divided(recordings)
    information = dict(recordings.information)
    found = track_recordings(recordings.name, train, validation, information, stretched=None, threads=None)
    minutes = round(sum(piece.duration_s for piece in train) / 60, 1)
    held = sum(piece.duration_s for piece in validation) / 60
    figures = {"notes": sum(len(piece.notes) for piece in train), "minutes": minutes} | table_figures(found.source) | dict(found.figures)
    source, louder = calibrated(found.source, config)
    trust, played = min(((share, measured(config, tensors, found, share)) for share in SHARES), key=lambda tried: tried[1]["distance_db"])
    header = metadata(information, heard_range(found.source), louder, figures | played)
    header |= {GAIN: gain_db(louder, config), NETWORK: {"name": SHARED, "sha256": facts["sha256"]}, "temperature": TEMPERATURE, TRUST: trust}
    header |= {"notice": information["notice"]} if "notice" in information else {}
    target = shipped.FOLDER / f"{name}.safetensors"
    weights.save(target, source_tensors(source), header)
    PICTURES.mkdir(exist_ok=True)
    draw_source(PICTURES / f"{name}.png", source, name)
    tunes = on_tunes(name, target)
    weights.save(target, source_tensors(source), header | {"tunes": tunes.to_json()})
    with atomic_write(target.with_suffix(".md")) as temporary:
        temporary.write_text(card(name, header, figures, played, held, tunes), encoding="utf-8")
    click.echo(f"{name}: {json.dumps(figures | played)}")


def measured(config: WaveNetConfig, tensors: dict, found, share: float) -> dict[str, float]:
    """The held-out pieces by the shared network, of which a share is played, as a training validates."""
    task = DrivenTask(config, found.train, found.validation, DrivenSettings(), sources={found.name: found.source})
    model = WaveNet(config)
    model.load_state_dict({key: tensor.float() for key, tensor in tensors.items()})
    for output in (model.w_out, model.b_out):
        output.data[..., config.mixtures : 2 * config.mixtures] *= share
    return {key: round(value, 4) for key, value in task.validate(model.eval().requires_grad_(False)).items() if "/" not in key}


def on_tunes(name: str, path: Path) -> InstrumentTable:
    player = Instrument.load(path)

    def render(score: Score):
        return player.render(score, seed=0)

    return evaluate_instrument(render, lambda score: reference_performance(score, 0)[0], instrument=name, pitch_range=player.pitch_range)


def card(name: str, header: dict, figures: dict, played: dict, held: float, tunes: InstrumentTable) -> str:
    (low, high), data = header["pitch_range"], header["data"]
    return CARD.format(
        name=name, network=SHARED, notice=f"**{header['notice']}**\n\n" if "notice" in header else "", minutes=figures["minutes"], notes=figures["notes"],
        held=held, attribution=data.get("attribution", "unknown"), licence=header["licence"], layers=figures["layers"], heard=figures["pitches_heard"],
        filled=figures["pitches_filled"], kilobytes=figures["kilobytes"], fine=figures["partials_explain_db"], own=figures["source_explains_db"],
        table_db=figures["table_explains_db"], low=pitch_name(low), high=pitch_name(high), program=header["program"], temperature=header["temperature"], trust=header[TRUST],
        gain=header[GAIN], excerpts=EXCERPTS, seconds=LISTEN_S, distance=played["distance_db"], distance_alone=played["distance_db_source_alone"],
        level=played["level_db"], missing=played["missing"], f1=played["note_f1_50ms"], f1_alone=played["source_alone_note_f1_50ms"],
        f1_recording=played["ceiling_note_f1_50ms"], bits=played["bits_per_sample"], other=played["bits_per_sample_other_score"],
        tunes=tunes.to_markdown(),
    )  # fmt: skip


if __name__ == "__main__":
    main()
