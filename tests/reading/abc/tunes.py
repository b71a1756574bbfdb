"""Small tunes for the tests of the ABC reader: a quarter lasts a second."""

from orchestrion.reading import abc
from orchestrion.reading.unfolding import unfold

PITCHES = {name: 60 + step for name, step in zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True)}


def score(music, *, key="C", meter="4/4", unit="1/4", header=""):
    """A tune of the given fields and body."""
    text = f"X:1\nT:Tune\nM:{meter}\nL:{unit}\nQ:1/4=60\n{header}K:{key}\n{music}\n"
    return unfold(abc.read(text, "a.abc"))


def ignored(music, **fields):
    """What of such a tune could not be followed."""
    key, header = fields.get("key", "C"), fields.get("header", "")
    return abc.read(f"X:1\nM:4/4\nL:1/4\n{header}K:{key}\n{music}\n", "a.abc").ignored


def rows(music, part=0, **fields):
    """(onset, offset, pitch) of a part, in seconds."""
    return [(round(n.onset_s, 4), round(n.offset_s, 4), n.pitch) for n in score(music, **fields).parts[part].notes]


def pitches(music, **fields):
    """The pitches of a tune of one voice, in order."""
    return [pitch for _, _, pitch in rows(music, **fields)]


def letters(music, **fields):
    """The same as letters of the scale of C."""
    names = {pitch: name for name, pitch in PITCHES.items()}
    return "".join(names[pitch] for pitch in pitches(music, **fields))


def lengths(music, **fields):
    """Seconds that each note lasts."""
    return [round(n.offset_s - n.onset_s, 4) for n in score(music, **fields).parts[0].notes]
