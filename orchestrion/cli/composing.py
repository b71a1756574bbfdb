"""The options that ``compose`` and ``perform`` share."""

from __future__ import annotations

import click

from orchestrion.cli.grouping import Flag, options_of
from orchestrion.cli.options import COMPOSER, SCORE
from orchestrion.cli.sources import STRICT
from orchestrion.cli.streams import echo
from orchestrion.options import Composing
from orchestrion.shipped import DEFAULT_COMPOSER
from orchestrion.terminal import plural

SEED = Flag("--seed", "N", "Same seed, same bytes.")
model_option = click.option(
    "--model", type=COMPOSER, default=DEFAULT_COMPOSER, show_default=True, metavar="NAME|PATH", help="Shipped composer or weights file."
)
_NEW = (
    Flag("--bars", "N", "Length in bars.  [default: 8]"),
    Flag("--seconds", "S", "Length of the whole in seconds, instead of --bars."),
    Flag("--tempo", "BPM", "Quarter notes a minute.  [default: the prime's, or 120]"),
    Flag("--meter", "N/D", "Such as 3/4.  [default: the prime's, or 4/4]"),
    Flag("--key", "KEY", 'Keep to a scale: "G major", "A minor".'),
    Flag("--range pitch_range", "LOW-HIGH", "Keep to pitches: C4-C6 or 60-84."),
    Flag("--polyphony", "N", "At most so many notes at once."),
    Flag("--prime", "SCORE", "Continue this score (file or built-in tune), or what you sing (hum.wav).", kind=SCORE),
    Flag("--form", "FORM", "Sections: AABA, \"A A' B A\" (a prime varies); auto, or free for none.  [default: auto where it has been learnt]"),
    Flag("--chords", "CHORDS", 'Bar by bar: "| C | Am | F G7 | C |"; on beats only their notes sound.'),
    Flag("--pickup", "N", "Sixteenths before the first bar.  [default: as the model's tunes have it, with --form auto]"),
    Flag("--density", "X", "How many notes begin in each quarter, all parts together.  [default: as the model likes]"),
    Flag("--expression", "X", "From 0, as typed, to 1: accents, swelling phrases, a broadening at the end."),
    Flag("--temperature", "X", "Below 1 surer choices, above 1 more adventurous ones."),
    Flag("--conservativity", "X", "Johnson's control: the chance of a note is raised to this power, so above 1 fewer notes."),
)
_GIVEN = (
    Flag("--keep", "SCORE", "Keep this score and write only the bars of --fill anew.", kind=SCORE),
    Flag("--fill", "BARS", "Bars of --keep to write: 5-8, or 3,5-8; a pickup is bar 0."),
    Flag("--melody", "SCORE", "Harmonise this melody; with --model chorales in four parts.", kind=SCORE),
    Flag("--bass", "SCORE", "Harmonise this bass.", kind=SCORE),
    Flag("--variations", "N", "So many variations of --prime after it, each as long as it."),
)
composing_options = options_of(Composing, "composing", *_NEW, SEED, STRICT)
composing_options_with_given = options_of(Composing, "composing", *_NEW, *_GIVEN, SEED, STRICT)


def heard(composing: Composing) -> Composing:
    """With a prime that is audio written down, which a line on standard error tells of."""
    from orchestrion.labelling.transcribing import heard_prime

    wishes, found = heard_prime(composing)
    if found is not None:
        echo(f"{composing.prime}: {plural(len(found.score.notes), 'note')} heard, {found.bpm:.0f} quarter notes a minute "
             "(orchestrion transcribe writes them down).", err=True)  # fmt: skip
    return wishes
