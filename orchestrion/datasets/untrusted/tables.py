"""Small text files of other people's data sets, read with bounds: CSV and tab-separated tables, JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_NOTES, MAX_TEXT_BYTES

SHOWN = 60


def read_text(path: Path) -> str:
    """The text of ``path``, a byte order mark left out.

    Raises:
        OrchestrionError: unreadable, larger than 32 MiB, or not UTF-8.
    """
    try:
        with open(path, "rb") as handle:
            content = handle.read(MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise OrchestrionError(f"Cannot read {path}: {error.strerror or error}.") from error
    if len(content) > MAX_TEXT_BYTES:
        raise OrchestrionError(f"{path} is larger than {MAX_TEXT_BYTES >> 20} MiB; that is no table of labels.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise OrchestrionError(f"{path} is not text (byte {error.start}); get the file again.") from error


def read_csv(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a CSV file with a header that names at least ``columns``, in any order.

    Raises:
        OrchestrionError: a column is missing, a row is too short, or there are more than a million rows.
    """
    rows = csv.DictReader(io.StringIO(read_text(path)), strict=True)
    try:
        if missing := [name for name in columns if name not in (rows.fieldnames or ())]:
            raise OrchestrionError(f"{path} has no column {missing[0]!r}; it should have {', '.join(columns)}.")
        return [_complete(row, number, path) for number, row in enumerate(rows, start=2)]
    except csv.Error as error:
        raise OrchestrionError(f"{path} is not a CSV file ({error}).") from error


def read_numbers(path: Path, n_columns: int, header: bool) -> Iterator[tuple[int, list[float]]]:
    """Line number and ``n_columns`` numbers of every row of a table separated by tabs, blanks or commas.

    Raises:
        OrchestrionError: a row with fewer fields, or one that are not numbers.
    """
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if (header and number == 1) or not line.strip():
            continue
        if number > MAX_NOTES:
            raise OrchestrionError(f"{path} holds more than {MAX_NOTES:,} rows; that is no table of labels.")
        fields = line.replace(",", " ").split()
        try:
            yield number, [float(field) for field in fields[:n_columns]] + [0.0] * _lacking(fields, n_columns)
        except ValueError as error:
            raise OrchestrionError(f"{path}, line {number}, is not {n_columns} numbers: {line[:SHOWN]!r}.") from error


def read_object(path: Path) -> object:
    """What a JSON file holds.

    Raises:
        OrchestrionError: not JSON.
    """
    try:
        return json.loads(read_text(path))
    except OrchestrionError:
        raise
    except (ValueError, RecursionError) as error:
        raise OrchestrionError(f"{path} is not JSON ({error}).") from error


def number(row: dict[str, str], column: str, path: Path) -> float:
    """A number in a row of `read_csv`.

    Raises:
        OrchestrionError: it is none.
    """
    try:
        return float(row[column])
    except ValueError as error:
        raise OrchestrionError(f"{path} has {row[column][:SHOWN]!r} for {column}, which is no number.") from error


def _lacking(fields: list[str], n_columns: int) -> int:
    if len(fields) < n_columns:
        raise ValueError("too few")
    return 0


def _complete(row: dict[str, str | None], number: int, path: Path) -> dict[str, str]:
    if number > MAX_NOTES:
        raise OrchestrionError(f"{path} holds more than {MAX_NOTES:,} rows; that is no table of labels.")
    if any(value is None for value in row.values()) or None in row:
        raise OrchestrionError(f"{path}, line {number}, has not as many fields as the header names.")
    return {name: value or "" for name, value in row.items()}
