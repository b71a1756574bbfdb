"""The studio's web application: its page, and what the page asks for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import PurePath
from typing import NoReturn, TypeVar

import anyio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from orchestrion import casting, shipped
from orchestrion.errors import OrchestrionError
from orchestrion.options import Composing, Playing
from orchestrion.reading.scorefiles import READERS
from orchestrion.score import BUILTIN_TUNES
from orchestrion.studio import controls
from orchestrion.studio.asking import ComposingRequest, PlayingRequest
from orchestrion.studio.guard import TOO_LARGE, BodyTooLargeError, Guard
from orchestrion.studio.hearing import LONGEST_HEARD_S, HearingRequest
from orchestrion.studio.jobs import Jobs, QueueFullError, StudioJob
from orchestrion.studio.live import Keyboards, LiveRequest
from orchestrion.studio.scorejson import LONGEST_S, MidiScore, check_length, from_json, to_json
from orchestrion.studio.sounding import HEARD_RATE, heard
from orchestrion.studio.takes import SessionTake, Takes
from orchestrion.suffixes import AUDIO
from orchestrion.version import VERSION

T = TypeVar("T")
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
MIDI, MUSICXML, WAV, BYTES = "audio/midi", "application/vnd.recordare.musicxml+xml", "audio/wav", "application/octet-stream"
MOST_JSON_BYTES = 8 << 20
MOST_READERS = 2  # files parsed at a time


def create_app(port: int, tell: Callable[[str], None] = lambda link: None) -> Guard:
    """The application, guarded, for ``port`` of 127.0.0.1; ``tell`` gets the next link when one has been used."""
    studio = _Studio()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(studio.jobs.close)

    routes = [
        *_page_routes(),
        Route("/api/about", studio.about),
        Route("/api/open", studio.open, methods=["POST"]),
        Route("/api/tune", studio.tune, methods=["POST"]),
        Route("/api/export", studio.export, methods=["POST"]),
        Route("/api/players", studio.players, methods=["POST"]),
        Route("/api/compose", studio.compose, methods=["POST"]),
        Route("/api/hear", studio.hear, methods=["POST"]),
        Route("/api/live", studio.live, methods=["POST"]),
        Route("/api/keys", studio.keys, methods=["POST"]),
        Route("/api/render", studio.render, methods=["POST"]),
        Route("/api/cancel", studio.cancel, methods=["POST"]),
        Route("/api/takes", studio.takes_list),
        Route("/api/takes/{number:int}", studio.forget, methods=["DELETE"]),
        Route("/api/takes/{number:int}/score", studio.take_score),
        Route("/api/takes/{number:int}/audio", studio.take_audio),
        Route("/api/takes/{number:int}/mid", studio.take_mid),
        Route("/api/takes/{number:int}/musicxml", studio.take_musicxml),
        Route("/api/takes/{number:int}/wav", studio.take_wav),
        Route("/api/takes/{number:int}/given", studio.take_given),
    ]
    handlers = {OrchestrionError: _refuse, QueueFullError: _refuse_job, BodyTooLargeError: _refuse_size}
    return Guard(Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers), port, tell)


def _page_routes() -> list[Route]:
    """A route for each file of the page, read once: no request names a path."""
    folder = resources.files("orchestrion.studio") / "page"
    routes = []
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        kind = KINDS.get(PurePath(file.name).suffix)
        if kind is not None:
            routes.append(Route("/" if file.name == "index.html" else f"/{file.name}", _File(file.read_bytes(), kind)))
            if file.name == "icon.svg":  # what browsers ask for on pages that name no icon, such as a download's
                routes.append(Route("/favicon.ico", _File(file.read_bytes(), kind)))
    return routes


class _File:
    """An endpoint that answers with fixed bytes."""

    def __init__(self, content: bytes, kind: str):
        self._content, self._kind = content, kind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Response(self._content, media_type=self._kind)(scope, receive, send)


class _Studio:
    """What one session holds: jobs and takes."""

    def __init__(self) -> None:
        self.jobs, self.takes, self.keyboards = Jobs(), Takes(), Keyboards()
        self._reading: anyio.CapacityLimiter | None = None

    async def about(self, request: Request) -> Response:
        """Everything that the page is built of."""
        ranges = casting.instrument_ranges()
        return JSONResponse({
            "version": VERSION,
            "instruments": [{"name": name, "range": ranges[name]} for name in ranges],
            "instrument": shipped.DEFAULT_INSTRUMENT,
            "composers": shipped.composers(), "composer": shipped.DEFAULT_COMPOSER,
            "tunes": [{"name": name, "title": tune.title} for name, tune in BUILTIN_TUNES.items()],
            "formats": list(READERS), "recordings": list(AUDIO), "longest_recording": LONGEST_HEARD_S, "longest": LONGEST_S, "rate": HEARD_RATE,
            "composing": controls.form(Composing), "playing": controls.form(Playing),
        })  # fmt: skip

    async def open(self, request: Request) -> Response:
        """A file's bytes → a score; its ending, not its path, says how it is read."""
        suffix = request.query_params.get("kind", "").lower()
        if suffix not in READERS:
            raise OrchestrionError(f"The studio opens {', '.join(READERS)}.")
        reader, limit = READERS[suffix]
        data = await request.body()
        if not data:
            raise OrchestrionError("The file is empty.")
        if len(data) > limit:
            raise OrchestrionError(f"The file has more than {limit >> 20} MiB, too much for a score of its kind.")

        def read() -> dict[str, object]:
            score, ignored = reader(data, "the file")
            if not any(part.notes for part in score.parts):
                raise OrchestrionError("The file holds no notes.")
            check_length(score)
            return {"score": to_json(score), "ignored": ignored}

        return JSONResponse(await self._in_turn(read))

    async def tune(self, request: Request) -> Response:
        name = (await _body(request)).get("name")
        if not isinstance(name, str) or name not in BUILTIN_TUNES:
            raise OrchestrionError(f"There is no such tune; choose one of {', '.join(BUILTIN_TUNES)}.")
        return JSONResponse({"score": to_json(BUILTIN_TUNES[name]), "ignored": []})

    async def export(self, request: Request) -> Response:
        """The score that is drawn, as a file."""
        asked = await _body(request)
        midi = MidiScore.of(from_json(asked.get("score")))
        if asked.get("kind") == "musicxml":
            return _download(await self._in_turn(midi.musicxml), MUSICXML, "score.musicxml")
        return _download(midi.data, MIDI, "score.mid")

    async def players(self, request: Request) -> Response:
        """The instruments that parts ask for by their programs and names; None for drums and empty parts."""
        score = from_json((await _body(request)).get("score"))
        cast = iter(casting.cast(score, casting.instrument_ranges(), shipped.DEFAULT_INSTRUMENT))
        return JSONResponse([next(cast) if part.notes and not part.is_drum else None for part in score.parts])

    async def compose(self, request: Request) -> Response:
        asked = ComposingRequest.of(await _body(request), self.takes)
        return self._job(lambda job: asked.run(job, self.takes))

    async def render(self, request: Request) -> Response:
        body = await _body(request)
        asked = await run_in_threadpool(PlayingRequest.of, body)
        return self._job(lambda job: asked.run(job, self.takes))

    async def hear(self, request: Request) -> Response:
        """A recording's bytes → a take with its tune; its ending says how it is read."""
        asked = HearingRequest.of(await request.body(), request.query_params.get("kind", "").lower(), request.query_params.get("meter", ""))
        return self._job(lambda job: asked.run(job, self.takes))

    async def live(self, request: Request) -> Response:
        """An instrument that keys play, for as long as the page listens."""
        asked = LiveRequest.of(await _body(request))
        return self._job(lambda job: asked.run(job, self.keyboards))

    async def keys(self, request: Request) -> Response:
        return JSONResponse({"played": self.keyboards.press(await _body(request))})

    async def cancel(self, request: Request) -> Response:
        number = (await _body(request)).get("job")
        return JSONResponse({"cancelled": isinstance(number, int) and self.jobs.cancel(number)})

    async def takes_list(self, request: Request) -> Response:
        return JSONResponse({"takes": self.takes.facts(), **self.jobs.state()})

    async def forget(self, request: Request) -> Response:
        return JSONResponse({"removed": self.takes.remove(request.path_params["number"])})

    async def take_score(self, request: Request) -> Response:
        return JSONResponse({"score": to_json(self._take(request).midi.score)})

    async def take_audio(self, request: Request) -> Response:
        """float32 at the rate of the page, little-endian, channels interleaved."""
        take = self._take(request)
        return Response(await self._in_turn(lambda: heard(take).astype("<f4").tobytes()), media_type="application/octet-stream")

    async def take_mid(self, request: Request) -> Response:
        take = self._take(request)
        return _download(take.midi.data, MIDI, f"{take.name}.mid")

    async def take_musicxml(self, request: Request) -> Response:
        take = self._take(request)
        return _download(await self._in_turn(take.midi.musicxml), MUSICXML, f"{take.name}.musicxml")

    async def take_wav(self, request: Request) -> Response:
        take = self._take(request)
        if take.audio is None:
            return _sentence(404, "This take has not been played yet.")
        return _download(await self._in_turn(take.wav), WAV, f"{take.name}.wav")

    async def take_given(self, request: Request) -> Response:
        """The score or the recording that its command reads."""
        for name, data in self._take(request).inputs.items():
            return _download(data, MIDI if name.endswith(".mid") else BYTES, name)
        return _sentence(404, "This take was given nothing.")

    def _take(self, request: Request) -> SessionTake:
        take = self.takes.get(request.path_params["number"])
        if take is None:
            raise OrchestrionError("That take is not kept any more; the history holds the newest ones.")
        return take

    def _job(self, work: Callable[[StudioJob], None]) -> Response:
        return _JobResponse(self.jobs.submit(work), self.jobs)

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._reading is None:
            self._reading = anyio.CapacityLimiter(MOST_READERS)
        return await anyio.to_thread.run_sync(work, limiter=self._reading)


class _JobResponse(Response):
    """A job's frames as they come. The job lives as long as its response: a page that has gone cancels it."""

    def __init__(self, job: StudioJob, jobs: Jobs):
        super().__init__(media_type="application/octet-stream")
        del self.headers["content-length"]
        self._job, self._jobs = job, jobs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._until_gone, receive, group.cancel_scope)
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                async for frame in self._job.frames():
                    await send({"type": "http.response.body", "body": frame, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
                group.cancel_scope.cancel()
        finally:
            self._jobs.cancel(self._job.number)

    async def _until_gone(self, receive: Receive, scope: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        scope.cancel()


async def _body(request: Request) -> dict[str, object]:
    """An object of JSON.

    Raises:
        OrchestrionError: none, or too large a one.
    """
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise OrchestrionError("The studio's page sends JSON.")
    data = await request.body()
    if len(data) > MOST_JSON_BYTES:
        raise OrchestrionError(f"A request has at most {MOST_JSON_BYTES >> 20} MiB.")
    try:
        found = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise OrchestrionError("This is no JSON.") from error
    if not isinstance(found, dict):
        raise OrchestrionError("An object of JSON was expected.")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _sentence(status: int, text: str) -> Response:
    return PlainTextResponse(text + "\n", status)


def _refuse(request: Request, error: Exception) -> Response:
    return _sentence(422, " ".join(str(error).split()))


def _refuse_size(request: Request, error: Exception) -> Response:
    return _sentence(413, TOO_LARGE)


def _refuse_job(request: Request, error: Exception) -> Response:
    answer = _sentence(429, "As much is waiting as may wait; let something end, or cancel it.")
    answer.headers["retry-after"] = "5"
    return answer


def _download(content: bytes, kind: str, name: str) -> Response:
    return Response(content, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})
