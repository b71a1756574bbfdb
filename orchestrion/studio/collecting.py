"""A server for the page of a listening test, which collects what its listeners answer; guarded as the studio is."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.listening.answers import PageKey, n_answers, read_key, read_session, session_of
from orchestrion.files import write_json
from orchestrion.studio.guard import TOO_LARGE, BodyTooLargeError, Guard

MOST_ANSWER_BYTES = 1 << 20
MOST_LISTENERS = 10_000
CLIP = re.compile(r"[0-9a-f]{10}\.wav")
KEPT = ("format", "version", "study", "listener", "complete", "code", "check_failures", "answers")


def create_collector(
    page: Path,
    key_file: Path,
    answers: Path,
    port: int,
    tell: Callable[[str], None] = lambda link: None,
    received: Callable[[str, int], None] = lambda listener, n: None,
) -> Guard:
    """The application for the page in the folder ``page``.

    Args:
        answers: an existing folder; each listener's answers become one file there.
        received: called with a listener's name and the number of answers that have been kept.

    Raises:
        OrchestrionError: no page that `build_page` made, one that sends no answers, no key file of it, or no such folder.
    """
    html = _read(page / "index.html")
    clips = {path.name: path for path in (page / "clips").glob("*.wav") if CLIP.fullmatch(path.name)}
    key = read_key(key_file)
    if f'"id": "{key.study}"' not in html:
        raise OrchestrionError(f"{key_file} is the key of another page than {page}.")
    if '"collect": true' not in html:
        raise OrchestrionError(f"The page in {page} sends no answers: it was built without --collect. Build it anew with that, or evaluate the files that listeners download from it.")
    if not answers.is_dir():
        raise OrchestrionError(f"There is no folder {answers} for the answers; make it first.")
    collector = _Collector(html, clips, key, answers, received)
    routes = [
        Route("/", collector.page),
        Route("/clips/{name}", collector.clip),
        Route("/answers", collector.answer, methods=["POST"]),
    ]
    handlers = {OrchestrionError: _refuse, BodyTooLargeError: _refuse_size}
    return Guard(Starlette(routes=routes, exception_handlers=handlers), port, tell, policy_of(html))


def policy_of(html: str) -> str:
    """A policy under which the scripts and styles that stand in ``html`` run, and no others."""
    hashes = {
        tag: " ".join(f"'sha256-{_digest(text)}'" for text in re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL))
        for tag in ("script", "style")
    }
    return (
        f"default-src 'none'; script-src {hashes['script']}; style-src {hashes['style']}; media-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


class _Collector:
    def __init__(self, html: str, clips: dict[str, Path], key: PageKey, answers: Path, received: Callable[[str, int], None]):
        self._html, self._clips, self._key, self._answers, self._received = html, clips, key, answers, received

    async def page(self, request: Request) -> Response:
        return Response(self._html, media_type="text/html")

    async def clip(self, request: Request) -> Response:
        path = self._clips.get(request.path_params["name"])
        return PlainTextResponse("There is no such clip.\n", 404) if path is None else FileResponse(path, media_type="audio/wav")

    async def answer(self, request: Request) -> Response:
        """Keep a listener's answers; fewer than are there already do not replace them."""
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise OrchestrionError("The page sends JSON.")
        data = await request.body()
        if len(data) > MOST_ANSWER_BYTES:
            raise OrchestrionError("These are more answers than any page asks for.")
        try:
            content = json.loads(data)
            json.dumps(content, ensure_ascii=False).encode()  # half a surrogate pair is no text that could be kept
        except (ValueError, RecursionError) as error:
            raise OrchestrionError("This is no JSON.") from error
        if not isinstance(content, dict):
            raise OrchestrionError("An object of JSON was expected.")
        session = session_of(content, Path("what was sent"), self._key)
        # A name that a listener cannot choose.
        digest = hashlib.sha256(session.listener.encode("utf-8", "replace")).hexdigest()
        target = self._answers / f"answers-{digest[:16]}.json"
        if not target.exists() and sum(1 for _ in os.scandir(self._answers)) >= MOST_LISTENERS:
            raise OrchestrionError("The folder for the answers is full.")
        n = n_answers(session)
        if not target.exists() or n_answers(read_session(target, self._key)) <= n:
            write_json(target, {name: content[name] for name in KEPT if name in content})
            self._received(session.listener, n)
        return JSONResponse({"received": n})


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OrchestrionError(f"There is no page of a listening test in {path.parent}; make one: orchestrion listen build.") from error


def _refuse(request: Request, error: Exception) -> Response:
    return PlainTextResponse(" ".join(str(error).split()) + "\n", 422)


def _refuse_size(request: Request, error: Exception) -> Response:
    return PlainTextResponse(TOO_LARGE + "\n", 413)
