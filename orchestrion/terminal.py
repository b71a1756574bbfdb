"""Text for terminals: control characters of strangers' names are shown, never obeyed."""

from __future__ import annotations

import re

# C0 without tab and line feed, DEL, C1, lone surrogates, and the controls that reverse text (Unicode TR 36, bidi spoofing).
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def escaped(text: str) -> str:
    """``text`` with every control character as ``\\uXXXX``, but tab and line feed; still JSON where it was JSON."""
    return _CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def plural(count: int, noun: str) -> str:
    """``"1 note"``, ``"2 notes"``, ``"1,000 notes"``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
