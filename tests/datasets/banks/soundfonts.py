"""SoundFont files of some hundred bytes: empty ones whose sizes lie, and small ones that sound."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

RATE = 24000
LOOPED, RELEASE, INSTRUMENT, SAMPLE = 54, 38, 41, 53
"""Generators of the specification (SoundFont 2.04, 8.1.2)."""


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(content) if size is None else size) + content + bytes(len(content) % 2)


def small_soundfont(lie: str = "", size: int = 0) -> bytes:
    """The chunks of one with 32 samples, of which ``lie`` states another size."""

    def made(name: str, content: bytes) -> bytes:
        return chunk((name if name in ("RIFF", "ifil", "smpl", "phdr") else "LIST").encode(), content, size if name == lie else None)

    parts = [made("info", b"INFO" + made("ifil", struct.pack("<HH", 2, 1))), made("sdta", b"sdta" + made("smpl", bytes(64))), made("pdta", b"pdta" + made("phdr", bytes(76)))]
    return made("RIFF", b"sfbk" + b"".join(parts))


def sounding_soundfont(n_zones: tuple[int, int] = (1, 1), more: Sequence[tuple[int, int]] = (), compressed: bytes = b"") -> bytes:
    """Middle C, looped, as program 0: a preset of so many zones with one instrument, which has so many zones with one sample.

    Args:
        more: generators of the instrument's zones, each with its amount.
        compressed: an audio file in place of the sample, as in ``.sf3``.
    """
    n_samples = 4000
    samples = (16000 * np.sin(2 * np.pi * 261.63 / RATE * np.arange(n_samples))).astype("<i2")
    generators = [*more, (LOOPED, 1), (SAMPLE, 0)]
    end, kind = (len(compressed), 0x11) if compressed else (n_samples, 1)
    sample = struct.pack("<20sIIIIIBbHH", b"C", 0, end, 92, n_samples - n_samples % 92, RATE, 60, 0, 0, kind)
    tables = {
        b"phdr": struct.pack("<20sHHHIII", b"Tone", 0, 0, 0, 0, 0, 0) + struct.pack("<20sHHHIII", b"EOP", 0, 0, n_zones[0], 0, 0, 0),
        b"pbag": _bags(n_zones[0], 1), b"pmod": bytes(10), b"pgen": struct.pack("<HH", INSTRUMENT, 0) * n_zones[0] + bytes(4),
        b"inst": struct.pack("<20sH", b"Tone", 0) + struct.pack("<20sH", b"EOI", n_zones[1]),
        b"ibag": _bags(n_zones[1], len(generators)), b"imod": bytes(10),
        b"igen": b"".join(struct.pack("<Hh", *each) for each in generators) * n_zones[1] + bytes(4),
        b"shdr": sample + struct.pack("<20s26x", b"EOS"),
    }  # fmt: skip
    information = b"INFO" + chunk(b"ifil", struct.pack("<HH", 2, 1)) + chunk(b"isng", b"EMU8000\0") + chunk(b"INAM", b"Tone\0\0")
    lists = [information, b"sdta" + chunk(b"smpl", compressed or samples.tobytes() + bytes(92)), b"pdta" + b"".join(chunk(*each) for each in tables.items())]
    return chunk(b"RIFF", b"sfbk" + b"".join(chunk(b"LIST", content) for content in lists))


def _bags(n: int, generators_each: int) -> bytes:
    return b"".join(struct.pack("<HH", i * generators_each & 0xFFFF, 0) for i in range(n + 1))
