"""An ABC tune from its lines: header, voices, body (ABC 2.1, sections 3 to 7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from orchestrion.errors import OrchestrionError
from orchestrion.reading.abc import combining, fields, tokens
from orchestrion.reading.abc.source import DIRECTIVE, MUSIC, Line, first_tune
from orchestrion.reading.abc.voice import BY_LETTER, BY_OCTAVE, NO_PROPAGATION, AbcVoice
from orchestrion.reading.written import DYNAMICS, Budget, Written, WrittenPart
from orchestrion.score.playingorder import DA_CAPO, BarMarks

# Section 4.16: what the letters mean where U: does not say otherwise.
SYMBOLS = {"S": "segno", "O": "coda"}
SEGNO = "segno"
JUMPS: dict[str, Callable[[BarMarks], BarMarks]] = {
    "segno": lambda marks: replace(marks, segno=SEGNO),
    "fine": lambda marks: replace(marks, fine=True),
    "dacoda": lambda marks: replace(marks, to_coda=combining.CODA),
    **dict.fromkeys(("D.C.", "dacapo", "D.C.alfine", "D.C.alcoda"), lambda marks: replace(marks, jump=DA_CAPO)),
    **dict.fromkeys(("D.S.", "D.S.alfine", "D.S.alcoda"), lambda marks: replace(marks, jump=SEGNO)),
}
JUMP_WORDS = re.compile(r"\b(D\.? ?C\b|D\.? ?S\b|da capo|dal segno|fine\b|to coda)", re.IGNORECASE)
PROPAGATION = {"not": NO_PROPAGATION, "octave": BY_OCTAVE, "pitch": BY_LETTER}


def read(text: str, name: str) -> Written:
    """The first tune of a file called ``name``.

    Raises:
        OrchestrionError: no key, a broken chord, grace or quotation, a length of 0, or beyond the bounds; the sentence
            names the line.
    """
    ignored: list[str] = []
    lines = first_tune(text, ignored)
    key = next((index for index, line in enumerate(lines) if line.field == "K"), None)
    if key is None:
        raise OrchestrionError(f"{name} is not an ABC tune: it has no key (a line such as K:C).")
    tune = _Tune(name, ignored)
    for line in lines[: key + 1]:
        tune.header(line)
    tune.begin()
    for line in lines[key + 1 :]:
        tune.body(line)
    return tune.finish()


class _Tune:
    def __init__(self, name: str, ignored: list[str]):
        self.name, self.ignored = name, ignored
        self.title, self.parts = "", ""
        self.meter: tuple[int, int] | None = (4, 4)
        self.unit: Fraction | None = None
        self.tempo = ""
        self.key = fields.KeyField({}, fields.Settings())
        self.budget = Budget()
        self.defined: dict[str, fields.VoiceField] = {}
        self.voices: dict[str, AbcVoice] = {}
        self.voice: AbcVoice
        self.symbols = dict(SYMBOLS)
        self.propagation = BY_LETTER
        # Of the header; under a V: line they are for that voice alone, before it ("") for all.
        self.midi: list[tuple[str, list[str]]] = []

    # --- header (section 3.1) ----------------------------------------------------------------------------------------

    def header(self, line: Line) -> None:
        match line.field:
            case "T":
                self.title = self.title or line.text
            case "M":
                self.meter = self._meter(line)
            case "L":
                self.unit = fields.parse_unit(line.text) or self.unit
            case "Q":
                self.tempo = line.text
            case "P":
                self.parts = line.text
            case "V":
                field = fields.parse_voice(line.text)
                self.defined[field.id] = field
                self.budget.parts(len(self.defined))
            case "K":
                self.key = fields.parse_key(line.text)
            case _:
                self._common(line)

    def begin(self) -> None:
        """The header is over: the first voice, the first tempo."""
        self.unit = self.unit or fields.default_unit(self.meter)
        for identifier in self.defined or ["1"]:
            self._enter(identifier)
        self._enter(next(iter(self.defined), "1"))
        if self.tempo:
            self._set_tempo(self.tempo)

    def _common(self, line: Line) -> None:
        """Fields that may stand anywhere."""
        match line.field:
            case "U":
                # Section 4.16: U: T = !trill!
                letter, _, meaning = line.text.partition("=")
                self.symbols[letter.strip()] = meaning.strip().strip("!+")
            case "m":
                self._ignore("macros (m:)")
            case _ if line.field == DIRECTIVE:
                self._directive(line.text)

    def _directive(self, text: str) -> None:
        """Section 11: what changes sounds; the rest is layout."""
        words = text.split()
        if not words:
            return
        if words[0] == "propagate-accidentals" and len(words) > 1:
            self.propagation = PROPAGATION.get(words[1], BY_LETTER)
            for voice in self.voices.values():
                voice.propagation = self.propagation
        elif words[0] == "MIDI":
            if self.voices:
                self._midi(self.voice, words[1:])
            else:
                self.midi.append((next(reversed(self.defined), ""), words[1:]))

    def _midi(self, voice: AbcVoice, words: list[str]) -> None:
        """abc2midi's directives for instruments and transposition."""
        numbers = [int(word) for word in words[1:] if re.fullmatch(r"-?\d{1,3}", word)]
        match words[0] if words else "", numbers:
            case "program", [*_, program] if 0 <= program <= 127:
                voice.program = program
            case "channel", [channel]:
                voice.is_drum = channel == 10
            case (("transpose" | "rtranspose"), [steps]) if abs(steps) <= 127:
                voice.shift(steps)
            case _:
                self._ignore(f"%%MIDI {words[0][:20] if words else ''}".rstrip())

    # --- body (sections 3.2, 4 and 7) --------------------------------------------------------------------------------

    def body(self, line: Line) -> None:
        if line.field == MUSIC:
            self._music(line)
        else:
            self._field(line)

    def _field(self, line: Line) -> None:
        match line.field:
            case "V":
                field = fields.parse_voice(line.text)
                # What a later V: adds holds from there on.
                self._enter(field.id, field)
            case "K":
                key = fields.parse_key(line.text)
                if key.alterations is not None:
                    self.voice.key = key.alterations
                self.voice.apply(key.settings)
            case "L":
                self.voice.unit = fields.parse_unit(line.text) or self.voice.unit
            case "M":
                self.voice.set_meter(self._meter(line))
            case "Q":
                self._set_tempo(line.text)
            case "P":
                self.voice.part(line.text.strip())
            case _:
                self._common(line)

    def _music(self, line: Line) -> None:
        where = f"{self.name}, line {line.number}"
        after_bar = False
        for kind, text in tokens.tokens(line.text):
            try:
                self._token(kind, text, after_bar, line)
            except OrchestrionError as error:
                raise OrchestrionError(f"{where}: {str(error).rstrip('.')}.") from error
            after_bar = kind == "bar" or (after_bar and kind == "silent")

    def _token(self, kind: str, text: str, after_bar: bool, line: Line) -> None:
        voice = self.voice
        match kind:
            case "note":
                voice.chord([tokens.parse_head(text)], tokens.ONE)
            case "bar":
                sign = text.rstrip("0123456789,-")
                digits = text[len(sign) :]
                voice.bar_line(sign.removesuffix("[") if digits else sign, tokens.parse_endings(digits))
            case "ending":
                voice.ending(tokens.parse_endings(text[1:]))
            case "rest":
                voice.rest(tokens.parse_length(text[1:]))
            case "chord":
                heads, length, rest = tokens.parse_chord(text)
                if heads:
                    voice.chord(heads, length)
                elif rest is not None:
                    voice.rest(rest * length)
            case "grace":
                voice.grace(tokens.parse_heads(text[1:-1]))
            case "measures":
                voice.rest_measures(max(int(text[1:6] or 1), 1))
            case "tuplet":
                p, q, r = ([int(number) if number else None for number in text[1:].split(":")] + [None, None])[:3]
                voice.tuplet(p or 0, q, r)
            case "broken":
                voice.broken(text)
            case "tie":
                voice.tie()
            case "overlay":
                voice.overlay()
            case "field":
                self._field(Line(line.number, text[1], text[3:-1]))
            case "decoration":
                self._decoration(text.strip("!+"))
            case "symbol":
                self._decoration(self.symbols.get(text, ""))
            case "text":
                self._text(text.strip('"'))
            case "loose" if after_bar:
                voice.ending(tokens.parse_endings(text))
            case "loose" | "unknown":
                self._unknown(text, line)

    def _unknown(self, sign: str, line: Line) -> None:
        broken = {
            "[": "a chord is broken; each [ needs its ] in the same bar",
            '"': 'a quotation mark " is never closed',
        }
        broken |= {"]": broken["["], "{": "grace notes are broken; each { needs its } in the same bar"}
        broken["}"] = broken["{"]
        if sign in broken:
            raise OrchestrionError(broken[sign])
        self._ignore(f"characters that mean nothing in ABC (the first is {sign!r} in line {line.number})", "characters")

    def _decoration(self, name: str) -> None:
        name = name.replace(" ", "")
        if name in DYNAMICS:
            self.voice.velocity = DYNAMICS[name]
        elif name == "coda":
            self.voice.coda()
        elif name in JUMPS:
            self.voice.mark(JUMPS[name])

    def _text(self, text: str) -> None:
        # Section 4.19: annotations are for the eye; a chord symbol is not one.
        if text[:1] in ("^", "_", "<", ">", "@") and (found := JUMP_WORDS.search(text)):
            self._ignore(f'the annotation "{found[0]}" (a jump is written !D.C.!, !D.S.!, !fine!)', "annotation")

    # --- helpers -----------------------------------------------------------------------------------------------------

    def _enter(self, identifier: str, field: fields.VoiceField | None = None) -> None:
        """Go on with a voice, which is made when it is first named (section 7.1)."""
        if identifier not in self.voices:
            self.budget.parts(len(self.voices) + 1)
            defined = self.defined.get(identifier)
            # The only voice of a tune without V: has no name.
            name = (defined or field or fields.VoiceField("", "")).name or (identifier if self.defined or field else "")
            voice = AbcVoice(name, self.budget, self.unit or Fraction(1, 2), self.meter)
            voice.key = self.key.alterations or {}
            voice.apply(self.key.settings)
            if defined is not None:
                voice.apply(defined.settings)
            self.voices[identifier] = voice
            voice.propagation = self.propagation
            for owner, words in self.midi:
                if owner in ("", identifier):
                    self._midi(voice, words)
        self.voice = self.voices[identifier]
        if field is not None:
            self.voice.name = field.name or self.voice.name or identifier
            self.voice.apply(field.settings)

    def _set_tempo(self, text: str) -> None:
        bpm = fields.parse_tempo(text, self.voice.unit)
        if bpm is None:
            self._ignore(f"the tempo {' '.join(text.split())[:40]!r}, which has no number")
        else:
            self.voice.tempo(bpm)

    def _meter(self, line: Line) -> tuple[int, int] | None:
        meter = fields.parse_meter(line.text)
        if meter is None and line.text.strip().lower() not in ("none", ""):
            self._ignore(f"the meter {line.text[:20]!r}")
        return meter

    def _ignore(self, what: str, once: str = "") -> None:
        if not any(what == before or (once and once in before) for before in self.ignored):
            self.ignored.append(what)

    def finish(self) -> Written:
        for voice in self.voices.values():
            voice.finish()
        voices = [voice for voice in self.voices.values() if any(bar.chords for bar in voice.bars)]
        bars = combining.side_by_side(voices)
        parts = [WrittenPart(voice.name, voice.program, voice.is_drum) for voice in voices]
        sections, missing = combining.sections(voices, fields.parse_parts(self.parts), len(bars))
        if missing:
            self._ignore(f"the parts {', '.join(missing)} of P:{self.parts[:40]}, which are not marked in the tune")
        sharps = None if self.key.alterations is None else sum(self.key.alterations.values())
        return Written(self.title, parts, bars, sections, self.ignored, sharps)
