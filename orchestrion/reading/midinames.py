"""Names in MIDI files: the format says nothing of their encoding, so it is told from the bytes."""

from __future__ import annotations

import re
import unicodedata

# Encodings of scripts that Latin-1 would turn into a jumble; of the others Latin-1 is what old files are in.
OTHER_SCRIPTS = {
    "cp932", "shift_jis", "euc-jp", "iso-2022-jp", "gb18030", "gb2312", "gbk", "big5", "cp949", "euc-kr", "johab",
    "windows-1251", "koi8-r", "koi8-u", "maccyrillic", "cp866", "iso-8859-5", "windows-1253", "iso-8859-7",
    "windows-1255", "iso-8859-8", "windows-1256", "iso-8859-6", "tis-620",
}  # fmt: skip
ALPHABETS = ("CYRILLIC", "GREEK", "HEBREW", "ARABIC")
MIN_HIGH_BYTES = 3
MAX_BYTES = 4096


def encoding_of(names: list[bytes]) -> str:
    """The encoding of all names of a file together: UTF-8, that of another script, or Latin-1."""
    raw = b" ".join(names)[:MAX_BYTES]
    if all(_is_utf8(name) for name in names):
        return "utf-8"
    if sum(byte > 127 for byte in raw) < MIN_HIGH_BYTES:
        return "latin-1"
    import chardet

    found = chardet.detect(raw)["encoding"] or ""
    return found if found.lower() in OTHER_SCRIPTS and _is_plausible(raw.decode(found, "replace")) else "latin-1"


def text(raw: bytes, encoding: str) -> str:
    """A name as one line of printable characters."""
    decoded = raw.decode("utf-8" if _is_utf8(raw) else encoding, "replace")
    return "".join(character if character.isprintable() else " " for character in decoded).strip()


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_plausible(decoded: str) -> bool:
    """Every foreign sign is a letter, and no word mixes Latin letters with another alphabet's."""
    if any(ord(sign) > 127 and not (sign.isalnum() or unicodedata.category(sign)[0] in "PSZ") for sign in decoded):
        return False
    for word in re.findall(r"\w+", decoded):
        scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in word if letter.isalpha()}
        if "LATIN" in scripts and scripts & set(ALPHABETS):
            return False
    return True
