"""Names and codes that the page and `listen results` both compute. The page's own code for this is in templates/listening/study.js."""

from __future__ import annotations

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without I, O, 0 and 1, which are taken for each other


def fnv1a(text: str) -> int:
    """The 32-bit FNV-1a hash of ``text`` in UTF-8: quick and the same everywhere, no protection against anybody."""
    value = 0x811C9DC5
    for byte in text.encode("utf-8"):
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def completion_code(study: str, listener: str) -> str:
    """Eight letters that a listener gets at the end of a study, to be pasted into a crowd platform."""
    value = fnv1a(f"{study}|{listener}|one") << 32 | fnv1a(f"two|{listener}|{study}")
    return "".join(ALPHABET[value >> (5 * i) & 31] for i in range(8))
