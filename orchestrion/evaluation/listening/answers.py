"""Files that listeners downloaded from the page, JSON or CSV. Strangers wrote them, so every field is checked."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from orchestrion.errors import OrchestrionError, said_by
from orchestrion.evaluation.listening.build import KEY_FORMAT

FORMAT = "orchestrion-listening"
MAX_BYTES = 4 << 20
MAX_ANSWERS = 10_000
COLUMNS = [
    "study",
    "listener",
    "trial",
    "kind",
    "clip",
    "other",
    "answer",
    "repeat",
    "plays",
    "seconds",
    "check_failures",
]
"""Of tables without ABX trials; others have an ``x`` at the end."""
COLUMNS_ABX = [*COLUMNS, "x"]


Clips = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class PageKey:
    """What the key file of a page says: each clip's ``system`` and ``item``, and what the page promised its listeners."""

    study: str
    clips: Clips
    systems: object
    completion_code: str | None


@dataclass(frozen=True, slots=True)
class Rated:
    """One rating from 1 to 5 of a clip."""

    clip: str
    rating: int
    is_repeat: bool


@dataclass(frozen=True, slots=True)
class Chosen:
    """One choice between two clips."""

    winner: str
    loser: str
    is_repeat: bool


@dataclass(frozen=True, slots=True)
class Told:
    """One ABX trial: a pair of clips, and whether the third was told to be the one that it is."""

    a: str
    b: str
    is_right: bool


@dataclass(frozen=True, slots=True)
class Session:
    """All answers of one listener; ``code`` is the completion code in the file, None where it holds none (CSV)."""

    listener: str
    study: str
    ratings: tuple[Rated, ...]
    choices: tuple[Chosen, ...]
    told: tuple[Told, ...]
    code: str | None
    is_complete: bool | None
    check_failures: int
    file: str


def read_key(path: str | os.PathLike[str]) -> PageKey:
    """The key file of a page.

    Raises:
        OrchestrionError: unreadable, or no key file.
    """
    key = _json(Path(path), _text(Path(path)))
    study, clips, options = key.get("study"), key.get("clips"), key.get("options")
    if key.get("format") != KEY_FORMAT or not isinstance(study, str) or not isinstance(clips, dict):
        raise OrchestrionError(
            f"{path} is no key file of a listening test; give the PAGE-key.json that was made with the page."
        )
    for clip in clips.values():
        if not isinstance(clip, dict) or not all(isinstance(clip.get(name), str) for name in ("system", "item")):
            raise OrchestrionError(f"The key file {path} is damaged: a clip without system or item.")
    code = options.get("completion_code") if isinstance(options, dict) else None
    return PageKey(study, clips, key.get("systems"), code if isinstance(code, str) else None)


def read_session(path: str | os.PathLike[str], key: PageKey) -> Session:
    """The answers in one file, each about clips of ``key``.

    Raises:
        OrchestrionError: unreadable, too large, not a listener's file, of another study, or a field is wrong.
    """
    source = Path(path)
    text = _text(source)
    return session_of(_json(source, text) if text.lstrip().startswith("{") else _csv(source, text), source, key)


def session_of(content: Mapping[str, object], source: Path, key: PageKey) -> Session:
    """The answers that a page wrote; ``source`` is named in errors.

    Raises:
        OrchestrionError: as `read_session`.
    """
    if content.get("format") != FORMAT:
        raise OrchestrionError(f"{source} holds no listener's answers; give files downloaded from the page.")
    if content.get("study") != key.study:
        raise OrchestrionError(f"{source} is of another listening test than the key file; leave it out.")
    answers, listener = content.get("answers"), content.get("listener")
    if not isinstance(answers, list) or len(answers) > MAX_ANSWERS or not _is_name(listener):
        raise OrchestrionError(f"{source} is damaged: it names no listener or holds no list of answers.")
    code, complete, failures = content.get("code"), content.get("complete"), content.get("check_failures")
    found = [_answer(source, number, answer, key.clips) for number, answer in enumerate(answers)]
    return Session(
        listener=str(listener),
        study=key.study,
        ratings=tuple(answer for answer in found if isinstance(answer, Rated)),
        choices=tuple(answer for answer in found if isinstance(answer, Chosen)),
        told=tuple(answer for answer in found if isinstance(answer, Told)),
        code=code if isinstance(code, str) else None,
        is_complete=complete if isinstance(complete, bool) else None,
        check_failures=failures if _is_whole(failures) else 0,
        file=os.fspath(source),
    )


def read_sessions(paths: Sequence[str | os.PathLike[str]], key: PageKey) -> tuple[list[Session], list[str]]:
    """One session a listener, and the files left out because another file of that listener holds more answers."""
    best: dict[str, Session] = {}
    dropped = []
    for session in (read_session(path, key) for path in paths):
        known = best.get(session.listener)
        if known is None or n_answers(session) > n_answers(known):
            dropped += [known.file] if known else []
            best[session.listener] = session
        else:
            dropped.append(session.file)
    return list(best.values()), dropped


def n_answers(session: Session) -> int:
    """How many trials were answered."""
    return len(session.ratings) + len(session.choices) + len(session.told)


def _answer(source: Path, number: int, answer: object, clips: Clips) -> Rated | Chosen | Told:
    if isinstance(answer, dict) and isinstance(answer.get("repeat"), bool):
        kind, value, again = answer.get("kind"), answer.get("answer"), answer["repeat"]
        clip, a, b = answer.get("clip"), answer.get("a"), answer.get("b")
        if kind == "rate" and _is_in(clip, clips) and _is_whole(value) and 1 <= value <= 5:
            return Rated(str(clip), value, again)
        if kind == "pair" and _is_in(a, clips) and _is_in(b, clips) and a != b and value in ("a", "b"):
            return Chosen(*((str(a), str(b)) if value == "a" else (str(b), str(a))), again)
        x = answer.get("x")
        if kind == "abx" and _is_in(a, clips) and _is_in(b, clips) and _is_in(x, clips) and a != b and value in ("a", "b"):
            copied = clips[x].get("copy_of")
            if copied in (a, b):
                return Told(a, b, copied == (a if value == "a" else b))
    raise OrchestrionError(f"{source}: answer {number + 1} is not one that the page writes; ask for the file again.")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 64


def _is_in(value: object, clips: Clips) -> TypeGuard[str]:
    return isinstance(value, str) and value in clips


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _text(source: Path) -> str:
    try:
        with open(source, "rb") as handle:
            data = handle.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise OrchestrionError(f"Cannot read {source}: {getattr(error, 'strerror', None) or error}.") from error
    if len(data) > MAX_BYTES:
        raise OrchestrionError(f"{source} is larger than {MAX_BYTES >> 20} MiB; no listener's file is.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise OrchestrionError(f"{source} is not text; give files downloaded from the page.") from error


def _json(source: Path, text: str) -> dict[str, object]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise OrchestrionError(f"{source} is not JSON, or is cut short; ask for the file again.") from error
    if not isinstance(content, dict):
        raise OrchestrionError(f"{source} holds no JSON object; give files downloaded from the page.")
    return content


def _csv(source: Path, text: str) -> dict[str, object]:
    try:
        rows = list(csv.reader(io.StringIO(text)))
    except csv.Error as error:
        raise OrchestrionError(f"{source} is not a table that can be read ({said_by(error)}).") from error
    if not rows or rows[0] not in (COLUMNS, COLUMNS_ABX):
        raise OrchestrionError(f"{source} holds no listener's answers; give files downloaded from the page.")
    answers = []
    for number, row in enumerate(row for row in rows[1:] if row):
        if len(row) != len(rows[0]) or row[:2] != rows[1][:2] or row[7] not in ("true", "false"):
            raise OrchestrionError(
                f"{source}: row {number + 2} is not one that the page writes; ask for the file again."
            )
        value = int(row[6]) if row[6].isascii() and row[6].isdigit() and len(row[6]) < 4 else row[6]
        about = {"clip": row[4]} if row[3] == "rate" else {"a": row[4], "b": row[5], "x": row[11] if len(row) > 11 else ""}
        answers.append({"kind": row[3], "answer": value, "repeat": row[7] == "true", **about})
    study, listener = rows[1][:2] if len(rows) > 1 else ("", "")
    failures = int(rows[1][10]) if len(rows) > 1 and rows[1][10].isdecimal() and len(rows[1][10]) < 6 else 0
    return {"format": FORMAT, "study": study, "listener": listener, "answers": answers, "check_failures": failures}
