"""The end of an Ogg Opus file, where libsndfile 1.2 may leave a click.

An Opus encoder holds the last 6.5 ms back. libsndfile fills the last packet, and one more where there is no room for what is held
back, with what was encoded before once more, not with silence. Where that begins beside the end of the audio it is heard. Silence
up to the middle of a packet keeps it away, and is then taken from the length that the last page states, which may be less than its
packets hold (RFC 7845, section 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from orchestrion.errors import OrchestrionError

OPUS_RATE = 48_000  # of what a page counts, whatever the rate of the audio
PACKETS_A_SECOND = 50  # as libsndfile makes them
HELD_BACK = 312  # samples of `OPUS_RATE`: the encoder's look-ahead, as it is set there
POLYNOMIAL = 0x04C11DB7
PAGE_BYTES = 27 + 255 + 255 * 255  # at most
GRANULE, CHECKSUM = slice(6, 14), slice(22, 26)


def silence_needed(n_samples: int, sample_rate: int) -> int:
    """How many samples of silence after ``n_samples`` keep the filling of the last packet away from them.

    The last packet still holds some of them: the page before ends earlier than they do.
    """
    packet = sample_rate // PACKETS_A_SECOND
    filled = n_samples % packet
    if not n_samples:
        return 0
    if filled < packet // 4:
        return packet // 2 - filled
    room = packet - filled
    return room + packet // 2 if room * OPUS_RATE < HELD_BACK * sample_rate else 0


def shorten(path: Path, n_samples: int, sample_rate: int) -> None:
    """Take ``n_samples`` from the length that the last page of an Ogg Opus file states; nothing else in it is changed.

    Raises:
        OrchestrionError: it does not end with an Ogg page.
        OSError: it cannot be written.
    """
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - PAGE_BYTES))
        start, page = _last_page(file.tell(), file.read(), path)
        position = int.from_bytes(page[GRANULE], "little") - n_samples * OPUS_RATE // sample_rate
        page[GRANULE] = position.to_bytes(8, "little")
        page[CHECKSUM] = bytes(4)
        page[CHECKSUM] = _checksum(page).to_bytes(4, "little")
        file.seek(start)
        file.write(page)


def _last_page(offset: int, end: bytes, path: Path) -> tuple[int, bytearray]:
    """Where in the file its last page stands, and that page."""
    for found in _found_from_the_end(end, b"OggS"):
        header = end[found : found + 27]
        if len(header) == 27 and found + 27 + header[26] + sum(end[found + 27 : found + 27 + header[26]]) == len(end):
            return offset + found, bytearray(end[found:])
    raise OrchestrionError(f"{path} does not end with an Ogg page.")


def _found_from_the_end(text: bytes, pattern: bytes) -> Iterator[int]:
    found = text.rfind(pattern)
    while found >= 0:
        yield found
        found = text.rfind(pattern, 0, found + len(pattern) - 1)


def _checksum(page: bytes | bytearray) -> int:
    """The cyclic redundancy check of RFC 3533, section 6: 32 bits, highest first, from zero."""
    value = 0
    for byte in page:
        value = (value << 8) & 0xFFFFFFFF ^ _TABLE[value >> 24 ^ byte]
    return value


def _entry(byte: int) -> int:
    value = byte << 24
    for _ in range(8):
        value = value << 1 ^ (POLYNOMIAL if value & 0x80000000 else 0)
    return value & 0xFFFFFFFF


_TABLE = [_entry(byte) for byte in range(256)]
