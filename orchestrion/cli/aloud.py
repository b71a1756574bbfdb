"""``orchestrion play`` and ``orchestrion live``: the sound card, and a MIDI keyboard."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrion.cli.grouping import Flag, options_of
from orchestrion.cli.options import (
    INSTRUMENT,
    PATH,
    SCORE,
    NumberRange,
    instrument_option,
    seed_option,
    temperature_option,
)
from orchestrion.cli.output import check_outputs, report, write_settings
from orchestrion.cli.playing import PLAYING
from orchestrion.cli.sources import arranging_options
from orchestrion.cli.streams import echo
from orchestrion.options import Arranging, Playing
from orchestrion.progress import started
from orchestrion.shipped import DEFAULT_INSTRUMENT
from orchestrion.suffixes import AUDIO_WRITTEN, SCORES_WRITTEN
from orchestrion.terminal import plural

card_option = click.option("--card", metavar="NAME|N", help="Of the sound card's outputs (orchestrion live --list).  [default: the system's]")


@click.command(short_help="Play a score aloud, while it is rendered.")
@click.argument("score", type=SCORE)
@click.option("-i", "--instrument", "instruments", type=INSTRUMENT, multiple=True, metavar="NAME|PATH[=PART]",
              help="As in render.  [default: by each part's MIDI program and name]")
@card_option
@arranging_options
@options_of(
    Playing, "playing", *(flag for flag in PLAYING if flag.name not in ("device", "parallel", "pans")),
    Flag("--seed", "N", "Same seed, same bytes."),
    Flag("--temperature", "X", "Below 1 is purer and safer, above 1 is noisier.  [default: the instrument's own]"),
)  # fmt: skip
def play(score: str, instruments: tuple[str, ...], card: str | None, arranging: Arranging, playing: Playing) -> None:
    """Play SCORE on the sound card, while it is rendered; an ensemble is rendered first.

    Needs pip install "orchestrion[live]", and on Linux libportaudio2.

    \b
    Examples:
      orchestrion play ode-to-joy -i violin
      orchestrion play song.mid --part Melody --speed 0.8
    """
    from orchestrion.api.aloud import play as run
    from orchestrion.arranging import arranged

    dropouts = run(
        arranged(score, arranging), list(instruments) or None, card=card, length_s=arranging.length_s, seed=playing.seed,
        temperature=playing.temperature, gains_db=playing.gains_db, vibrato=playing.vibrato, noise=playing.noise, guidance=playing.guidance,
        only_source=playing.only_source, storage=playing.storage,
    )  # fmt: skip
    if dropouts:
        echo(f"The sound card ran dry {plural(dropouts, 'time')}: this machine is busy; orchestrion render writes a file.", err=True)


@click.command(short_help="Play an instrument from a MIDI keyboard.")
@instrument_option(default=DEFAULT_INSTRUMENT)
@click.option("--keyboard", metavar="NAME", help="Part of the name of a MIDI input.  [default: the first]")
@card_option
@click.option("--lookahead", "lookahead_ms", type=NumberRange(0, 20), default=0.0, show_default=True, metavar="MS",
              help="How much of the future the network is shown: more is later, and not better.")
@click.option("--block", "block_ms", type=NumberRange(4, 40), default=12.0, show_default=True, metavar="MS",
              help="Drawn at once: less is sooner, and asks more of the processor.")
@click.option("-o", "--output", type=PATH, metavar="TAKE.mid", help="Keep what was played, as MIDI or MusicXML.")
@click.option("--render", "rendered", type=PATH, metavar="TAKE.wav", help="Render the take anew, with full look-ahead.")
@seed_option
@temperature_option
@click.option("--list", "listing", is_flag=True, help="Name the keyboards and the outputs of the sound card, and end.")
@click.pass_context  # fmt: skip
def live(
    ctx: click.Context, instrument: str, keyboard: str | None, card: str | None, lookahead_ms: float, block_ms: float, output: Path | None,
    rendered: Path | None, seed: int, temperature: float | None, listing: bool,
) -> None:
    """Play an instrument from a MIDI keyboard, on a plain processor; Ctrl-C ends it.

    From key to sound it takes look-ahead and three blocks, 36 ms as they are, and what the sound card holds. The sustain pedal works.
    Needs pip install "orchestrion[live]", and on Linux libportaudio2.

    \b
    Examples:
      orchestrion live -i piano
      orchestrion live -i violin --keyboard Keystation -o take.mid --render take.wav
      orchestrion live --list
    """
    from orchestrion.api.aloud import live as run
    from orchestrion.realtime.devices import keyboards, outputs

    if listing:
        echo("\n".join(["MIDI keyboards:", *(keyboards() or ["(none)"]), "", "Outputs:", *(outputs() or ["(none)"])]))
        return

    def tell(sentence: str) -> None:
        started()
        echo(sentence, err=True)
    if output:
        check_outputs([output], SCORES_WRITTEN, (instrument,))
    if rendered:
        check_outputs([rendered], AUDIO_WRITTEN, (instrument,))
    take = run(
        instrument, keyboard=keyboard, card=card, lookahead_ms=lookahead_ms, block_ms=block_ms, temperature=temperature, seed=seed,
        tell=tell,
    )  # fmt: skip
    summary = f"{plural(len(take.notes), 'note')}, {take.duration_s:.1f} s"
    if output:
        take.write(output)
        report(output, write_settings(output, ctx, {"n_notes": len(take.notes)}), summary, False)
    if rendered:
        from orchestrion.playing import render_to_file
        from orchestrion.renderer.instrument import Instrument

        facts = render_to_file(take, Instrument.load(instrument), rendered, Playing.of(seed=seed, temperature=temperature))
        report(rendered, write_settings(rendered, ctx, facts), summary, False)
    if not output and not rendered:
        echo(f"{summary}. -o TAKE.mid would have kept it.", err=True)
