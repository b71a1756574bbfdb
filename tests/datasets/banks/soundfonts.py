"""SoundFont files of some hundred bytes."""

from __future__ import annotations

import struct


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(content) if size is None else size) + content


def small_soundfont(lie: str = "", size: int = 0) -> bytes:
    """The chunks of one with 32 samples, of which ``lie`` states another size."""

    def made(name: str, content: bytes) -> bytes:
        return chunk((name if name in ("RIFF", "ifil", "smpl", "phdr") else "LIST").encode(), content, size if name == lie else None)

    parts = [made("info", b"INFO" + made("ifil", struct.pack("<HH", 2, 1))), made("sdta", b"sdta" + made("smpl", bytes(64))), made("pdta", b"pdta" + made("phdr", bytes(76)))]
    return made("RIFF", b"sfbk" + b"".join(parts))
