"""Bounded readers of small text files: CSV, tables of numbers, JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from orchestrion.errors import OrchestrionError, said_by
from orchestrion.files import reading
from orchestrion.header import whole_number
from orchestrion.limits import MAX_NOTES, MAX_TEXT_BYTES

SHOWN = 60


def check_ordinary(path: Path) -> None:
    """Refuse a named pipe, which would be waited for without end, a device or a folder in the place of a file.

    Raises:
        OrchestrionError: ``path`` is one of these, or cannot be looked at.
    """
    with reading(path):
        is_other = path.exists() and not path.is_file()
    if is_other:
        raise OrchestrionError(f"{path} is not an ordinary file.")


def read_bytes(path: Path, start: int = 0, size: int | None = None, most_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """The bytes of ``path``, or ``size`` of them from byte ``start``.

    Raises:
        OrchestrionError: unreadable, not an ordinary file, or more than ``most_bytes``.
    """
    check_ordinary(path)
    with reading(path), open(path, "rb") as handle:
        handle.seek(start)
        there = max(0, os.fstat(handle.fileno()).st_size - start)  # as much is set aside as is asked for
        content = handle.read(min(there if size is None else size, there + 1, most_bytes + 1))
    if len(content) > most_bytes:
        raise OrchestrionError(f"{path} is larger than {most_bytes >> 20} MiB; that is no table or JSON of a data set.")
    return content


def decoded(content: bytes, path: Path) -> str:
    """The text of a file's ``content``, without a byte order mark.

    Raises:
        OrchestrionError: not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise OrchestrionError(f"{path} is not text (byte {error.start}); export it as UTF-8.") from error


def read_text(path: Path, most_bytes: int = MAX_TEXT_BYTES) -> str:
    """The text of ``path``, without a byte order mark.

    Raises:
        OrchestrionError: unreadable, too large, or not UTF-8.
    """
    return decoded(read_bytes(path, most_bytes=most_bytes), path)


def read_json(path: Path, most_bytes: int = MAX_TEXT_BYTES) -> object:
    """The content of a JSON file.

    Raises:
        OrchestrionError: unreadable, too large, or not JSON.
    """
    text = read_text(path, most_bytes)
    try:
        return json.loads(text, parse_int=whole_number)
    except (ValueError, RecursionError) as error:
        raise OrchestrionError(f"{path} is not JSON ({said_by(error)}).") from error


def read_json_object(path: Path) -> dict[str, object]:
    """The JSON object in ``path``; an empty one where there is no such file.

    Raises:
        OrchestrionError: unreadable, too large, or no JSON object.
    """
    content = read_json(path) if path.exists() else {}
    if not isinstance(content, dict):
        raise OrchestrionError(f"{path} must hold a JSON object.")
    return content


def read_csv(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a CSV file with a header that names at least ``columns``, in any order.

    Raises:
        OrchestrionError: a column is missing, a row has another number of fields, or there are over a million rows.
    """
    rows = csv.DictReader(io.StringIO(read_text(path)), strict=True)
    try:
        if missing := [name for name in columns if name not in (rows.fieldnames or ())]:
            raise OrchestrionError(f"{path} has no column {missing[0]!r}; it should have {', '.join(columns)}.")
        return [_complete(row, number, path) for number, row in enumerate(rows, start=2)]
    except csv.Error as error:
        raise OrchestrionError(f"{path} is not a CSV file ({said_by(error)}).") from error


def read_numbers(path: Path, n_columns: int, header: bool) -> Iterator[tuple[int, list[float]]]:
    """Line number and first ``n_columns`` numbers of every row of a table separated by tabs, blanks or commas.

    Raises:
        OrchestrionError: a row with fewer fields, a field that is no number, or over a million rows.
    """
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if (header and number == 1) or not line.strip():
            continue
        _check_length(number, path)
        fields = line.replace(",", " ").split()[:n_columns]
        try:
            if len(fields) < n_columns:
                raise ValueError("too few fields")
            yield number, [float(field) for field in fields]
        except ValueError as error:
            raise OrchestrionError(f"{path}, line {number}, is not {n_columns} numbers: {line[:SHOWN]!r}.") from error


def number(row: dict[str, str], column: str, path: Path) -> float:
    """A finite number in a row of `read_csv`.

    Raises:
        OrchestrionError: it is none.
    """
    try:
        found = float(row[column])
        if not math.isfinite(found):
            raise ValueError("not finite")
        return found
    except ValueError as error:
        raise OrchestrionError(f"{path} has {row[column][:SHOWN]!r} for {column}, which is no number.") from error


def _complete(row: dict[str, str | None], number: int, path: Path) -> dict[str, str]:
    _check_length(number, path)
    if any(value is None for value in row.values()) or None in row:
        raise OrchestrionError(f"{path}, line {number}, has not as many fields as the header names.")
    return {name: value or "" for name, value in row.items()}


def _check_length(line: int, path: Path) -> None:
    if line > MAX_NOTES:
        raise OrchestrionError(f"{path} holds more than {MAX_NOTES:,} rows; that is no table of labels.")
