"""Mutants of files: bytes, text, JSON, chunks of RIFF, zip archives and weights files, each changed in its own grammar as well as blindly.

Same generator of random numbers, same mutant.
"""

from __future__ import annotations

import copy
import io
import json
import re
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from random import Random
from typing import Any

import numpy as np

from orchestrion import weights

Files = Mapping[str, bytes]
"""A small folder: names, with ``/`` where there are folders in it, and contents."""

MAX_BYTES = 1 << 20
"""Of a mutant; repeating stops there."""
NUMBERS = (
    "0", "-0", "1", "-1", "127", "128", "255", "256", "65535", "65536", "2147483648", "-2147483649", "9223372036854775808", "1e308", "1e309",
    "-1e309", "1e-320", "0.1", "nan", "inf", "-inf", "NaN", "Infinity", "1_0", "٣", "0x10", "1/0", "0/1", "999999999/7", "", "9" * 400, "9" * 5000,
)  # fmt: skip
WORDS = ("", " ", "\t", "\n", "\r", "\0", "\x1b[2J", "\ufeff", "\u202e", "é", "𝄞", "%s", "{}", "../../x", "/dev/zero", "con", "$$", '"', "'", "<", "&", "]]>", "x" * 5000)
VALUES: tuple[object, ...] = (
    None, True, False, 0, -1, 1, 128, 2**31, 2**63, 10**25, 0.5, 1e300, float("nan"), float("inf"), "", "text", "\0", "../x", "x" * 5000, [], {}, [[]],
    [None], {"a": {}}, [0] * 1000,
)  # fmt: skip
BYTES = (b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\xff" * 8)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def mutant(files: Files, draw: Random, others: Sequence[Files] = ()) -> dict[str, bytes]:
    """``files`` with one of them changed (seldom: missing, or two of them); ``others`` lend parts."""
    changed = dict(files)
    names = sorted(files)
    for _ in range(1 if draw.random() < 0.9 else 2):
        name = draw.choice(names)
        if len(names) > 1 and draw.random() < 0.02:
            changed.pop(name, None)
            continue
        if name not in changed:
            continue
        spare = [other[name] for other in others if name in other]
        for _ in range(min(8, 1 + int(draw.expovariate(0.9)))):
            changed[name] = _changed(name, changed[name], draw, spare)[:MAX_BYTES]
    return changed


def _changed(name: str, content: bytes, draw: Random, spare: Sequence[bytes]) -> bytes:
    ways = GRAMMARS.get(PurePosixPath(name).suffix, ())
    if ways and draw.random() < 0.8:
        return draw.choice(ways)(content, draw)
    if spare and draw.random() < 0.1:
        return _spliced(content, draw.choice(spare), draw)
    return draw.choice(BLIND)(content, draw)


def _spliced(one: bytes, other: bytes, draw: Random) -> bytes:
    return one[: draw.randint(0, len(one))] + other[draw.randint(0, len(other)) :]


# Blind.


def _flip(content: bytes, draw: Random) -> bytes:
    if not content:
        return b"\0"
    at = draw.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :]


def _overwrite(content: bytes, draw: Random) -> bytes:
    at, new = draw.randint(0, len(content)), draw.choice(BYTES)
    return content[:at] + new + content[at + len(new) :]


def _insert(content: bytes, draw: Random) -> bytes:
    at = draw.randint(0, len(content))
    return content[:at] + (draw.choice(BYTES) if draw.random() < 0.5 else draw.randbytes(draw.randint(1, 16))) + content[at:]


def _span(length: int, draw: Random) -> tuple[int, int]:
    """Short ones more often than long ones."""
    start = draw.randint(0, length)
    return start, min(length, start + int(draw.paretovariate(0.8)))


def _delete(content: bytes, draw: Random) -> bytes:
    start, stop = _span(len(content), draw)
    return content[:start] + content[stop:]


def _truncate(content: bytes, draw: Random) -> bytes:
    return content[: draw.randint(0, len(content))]


def _repeat(content: bytes, draw: Random) -> bytes:
    start, stop = _span(len(content), draw)
    times = min(draw.choice((1, 2, 10, 1000, 100_000)), MAX_BYTES // max(1, stop - start))
    return content[:stop] + content[start:stop] * times + content[stop:]


def _move(content: bytes, draw: Random) -> bytes:
    start, stop = _span(len(content), draw)
    rest = content[:start] + content[stop:]
    at = draw.randint(0, len(rest))
    return rest[:at] + content[start:stop] + rest[at:]


BLIND: tuple[Callable[[bytes, Random], bytes], ...] = (_flip, _flip, _overwrite, _overwrite, _insert, _delete, _truncate, _repeat, _move)


# Text.


def _on_text(change: Callable[[str, Random], str]) -> Callable[[bytes, Random], bytes]:
    def changed(content: bytes, draw: Random) -> bytes:
        return change(content.decode("utf-8", "surrogateescape"), draw).encode("utf-8", "surrogateescape")

    return changed


def _number(text: str, draw: Random) -> str:
    found = list(NUMBER.finditer(text))
    if not found:
        return text + draw.choice(NUMBERS)
    one = draw.choice(found)
    return text[: one.start()] + draw.choice(NUMBERS) + text[one.end() :]


def _word(text: str, draw: Random) -> str:
    """A word of the text itself, or a hostile one, in another place."""
    found = list(re.finditer(r"\w+|[^\w\s]+", text))
    new = draw.choice(found)[0] if found and draw.random() < 0.6 else draw.choice(WORDS)
    if found and draw.random() < 0.6:
        one = draw.choice(found)
        return text[: one.start()] + new + text[one.end() :]
    at = draw.randint(0, len(text))
    return text[:at] + new + text[at:]


def _line(text: str, draw: Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at, way = draw.randrange(len(lines)), draw.random()
    if way < 0.3:
        del lines[at]
    elif way < 0.6:
        lines.insert(draw.randint(0, len(lines)), lines[at])
    elif way < 0.8:
        lines[at : at + 1] = [lines[at]] * min(draw.choice((2, 100, 20_000)), MAX_BYTES // max(1, len(lines[at])))
    else:
        other = draw.randrange(len(lines))
        lines[at], lines[other] = lines[other], lines[at]
    return "".join(lines)


TEXT = tuple(map(_on_text, (_number, _number, _word, _word, _line)))


# JSON.


def _json(content: bytes, draw: Random) -> bytes:
    """A value changed, left out, or buried a thousand lists deep."""
    if draw.random() < 0.05:
        depth = draw.choice((10, 900, 100_000))
        return b"[" * depth + content + b"]" * depth
    try:
        return json.dumps(_other_value(json.loads(content), draw)).encode()
    except (ValueError, RecursionError):
        return _flip(content, draw)


def _json_lines(content: bytes, draw: Random) -> bytes:
    lines = content.splitlines(keepends=True)
    if not lines:
        return b"{}\n"
    at = draw.randrange(len(lines))
    lines[at] = _json(lines[at], draw) + b"\n"
    return b"".join(lines)


def _other_value(tree: Any, draw: Random) -> object:
    tree = copy.deepcopy(tree)
    places = list(_places(tree))
    if not places:
        return draw.choice(VALUES)
    holder, key = draw.choice(places)
    way = draw.random()
    if way < 0.15:
        del holder[key]
    elif way < 0.25 and isinstance(holder, dict):
        holder[draw.choice(("", "x", "\0", "../x", key + " "))] = holder.pop(key)
    elif way < 0.4:
        holder[key] = copy.deepcopy(draw.choice([place[0][place[1]] for place in places]))
    else:
        holder[key] = draw.choice(VALUES)
    return tree


def _places(tree: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    keys = list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        found.append((tree, key))
        found += _places(tree[key])
    return found


# Chunks within chunks: SoundFonts, WAV.


def _riff(content: bytes, draw: Random) -> bytes:
    """One chunk changed, moved or left out, in a file whose sizes fit together."""
    if content[:4] != b"RIFF" or len(content) < 12:
        return _flip(content, draw)
    body = b"".join(_packed(name, part) for name, part in _other_chunks(_chunks(content[12:]), draw))
    return _packed(b"RIFF", content[8:12] + body)


def _chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at + 8 <= len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        found.append((content[at : at + 4], content[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return found


def _packed(name: bytes, content: bytes) -> bytes:
    return name + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)


def _other_chunks(chunks: list[tuple[bytes, bytes]], draw: Random) -> list[tuple[bytes, bytes]]:
    if not chunks:
        return [(b"LIST", draw.randbytes(8))]
    at, way = draw.randrange(len(chunks)), draw.random()
    name, content = chunks[at]
    if name == b"LIST" and way < 0.95:
        content = content[:4] + b"".join(_packed(*each) for each in _other_chunks(_chunks(content[4:]), draw))
        return [*chunks[:at], (name, content), *chunks[at + 1 :]]
    if way < 0.8:
        return [*chunks[:at], (name, draw.choice((_field, _field, _field, *BLIND))(content, draw)), *chunks[at + 1 :]]
    rest = [*chunks[:at], *chunks[at + 1 :]]
    if way < 0.9:
        rest.insert(draw.randint(0, len(rest)), (draw.choice(chunks)[0], content))
    return rest


def _field(content: bytes, draw: Random) -> bytes:
    """A number of one, two or four bytes in its place."""
    size = draw.choice((1, 2, 2, 2, 4))
    at = draw.randrange(max(1, len(content) // size)) * size
    limit = 1 << 8 * size
    value = draw.choice((0, 1, 2, 53, 54, 100, limit // 2 - 1, limit // 2, limit - 1, draw.randrange(limit)))
    return content[:at] + (value % limit).to_bytes(size, "little") + content[at + size :]


# Archives, and weights with sound checksums.


def _zip_entry(content: bytes, draw: Random) -> bytes:
    """The archive with one entry changed in its own grammar."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError, LookupError, zipfile.zlib.error):
        return _flip(content, draw)
    if not entries:
        return _flip(content, draw)
    name = draw.choice(sorted(entries))
    new = name if draw.random() < 0.9 else draw.choice(("../x", "/x", "x", name + "\0", name.upper(), "a/" * 100 + "x"))
    entries = {new if each == name else each: _changed(each, data, draw, ()) if each == name else data for each, data in entries.items()}
    buffer = io.BytesIO()
    packed = draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    with zipfile.ZipFile(buffer, "w") as archive:
        for each, data in entries.items():
            archive.writestr(zipfile.ZipInfo(each), data, packed)
    return buffer.getvalue()


def _sealed(content: bytes, draw: Random) -> bytes:
    """Weights with another header or another tensor, and checksums that are right for it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sealed.safetensors"
        path.write_bytes(content)
        try:
            arrays, metadata = weights.load_arrays(path)
        except ValueError:
            return _flip(content, draw)
        metadata.pop("sha256", None)
        if draw.random() < 0.5 and arrays:
            name = draw.choice(sorted(arrays))
            arrays[name] = _other_array(arrays[name], draw)
            if draw.random() < 0.1:
                arrays[draw.choice(("x", name + ".x", "a.b.c"))] = arrays.pop(name)
        else:
            changed = _other_value(metadata, draw)
            metadata = changed if isinstance(changed, dict) else {}
        weights.save(path, arrays, metadata)
        return path.read_bytes()


def _other_array(array: np.ndarray, draw: Random) -> np.ndarray:
    ways: list[Callable[[], np.ndarray]] = [
        lambda: array.reshape(-1)[:0], lambda: array.reshape(-1), lambda: array[None], lambda: np.concatenate([array, array]) if array.ndim else array[None],
        lambda: array.astype(draw.choice(("float64", "int64", "int8", "uint8", "bool", "float16"))), lambda: np.zeros_like(array),
        lambda: array.reshape(-1)[:1].reshape(()) if array.size else array, lambda: _set_one(array, draw), lambda: _set_one(array, draw),
    ]  # fmt: skip
    with np.errstate(all="ignore"):
        return draw.choice(ways)()


def _set_one(array: np.ndarray, draw: Random) -> np.ndarray:
    changed = np.array(array)
    if changed.size:
        extreme = (np.iinfo(changed.dtype).max, np.iinfo(changed.dtype).min) if changed.dtype.kind in "iu" else (3e38, -3e38)
        changed.flat[draw.randrange(changed.size)] = draw.choice((0, 1, -1 if changed.dtype.kind != "u" else 2, 1000 if changed.itemsize > 1 else 100, *extreme))
    return changed


GRAMMARS: Mapping[str, tuple[Callable[[bytes, Random], bytes], ...]] = {
    **{suffix: TEXT for suffix in (".abc", ".krn", ".musicxml", ".xml", ".tsv", ".csv", ".sfz", ".txt", ".lab")},
    **dict.fromkeys((".json", ".jams"), (_json, _json, _json, *TEXT[:2])),
    ".jsonl": (_json_lines, _json_lines, *TEXT),
    ".mxl": (_zip_entry,), ".zip": (_zip_entry,), ".npz": (_zip_entry,),
    ".sf2": (_riff,), ".wav": (_riff, *BLIND),
    ".safetensors": (_sealed,), ".state": (_sealed,),
}  # fmt: skip
"""By the ending of a file's name."""
