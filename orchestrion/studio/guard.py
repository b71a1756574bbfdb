"""Who may speak to the studio: the person at this machine, from the page that the studio itself opened.

Every request passes here before anything else sees it. A foreign page cannot name our host (DNS rebinding is refused by the raw
Host header), cannot send the cookie (SameSite=Strict), cannot change anything (Origin), cannot run in our page (Content Security
Policy) nor show it in a frame. Another user of this machine has no token.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY_BYTES = 36 << 20  # the largest file that a reader of scores takes, and what JSON adds
MOST_REQUESTS = 32
TOO_LARGE = f"This is more than {MOST_BODY_BYTES >> 20} MiB, which the studio does not take."
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(self), geolocation=(), usb=(), midi=(self)",
    "cache-control": "no-store",
}
# The next page is asked for by this one, and not by whatever opened the link: only then does a strict cookie travel with it.
ENTRANCE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=/">
<title>Orchestrion studio</title><p><a href="/">Open the studio</a></p></html>"""
REFUSAL = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Orchestrion studio</title>
<h1>This link has been used</h1><p>Open the newest link that the terminal shows; each one works once, in one browser.</p></html>"""
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Guard:
    """ASGI middleware that lets through what passes every check.

    Args:
        app: what answers then.
        port: of 127.0.0.1.
        tell: called with the next link whenever one has been used.
        policy: Content Security Policy of every answer.
    """

    def __init__(self, app: ASGIApp, port: int, tell: Callable[[str], None] = lambda link: None, policy: str = POLICY):
        self._app, self._port, self._tell = app, port, tell
        self._headers = {**SECURITY_HEADERS, "content-security-policy": policy}
        names = ("127.0.0.1", "localhost")
        self._hosts = {f"{name}:{port}".encode() for name in names} | ({name.encode() for name in names} if port == 80 else set())
        self._cookie = f"orchestrion-studio-{port}"
        self._session = secrets.token_urlsafe(32)
        self._token = secrets.token_urlsafe(32)
        self._n_requests = 0

    @property
    def link(self) -> str:
        """The address that opens the studio, once."""
        return f"http://127.0.0.1:{self._port}/?token={self._token}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        send = _secured(send, self._headers)
        answer = self._refusal(scope) if scope["type"] == "http" else _sentence(400, "Only HTTP is spoken here.")
        if answer is not None:
            await answer(scope, receive, send)
            return
        self._n_requests += 1
        try:
            await self._app(scope, _capped(receive), send)
        finally:
            self._n_requests -= 1

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that may not pass; None for one that may."""
        headers = scope["headers"]
        hosts = _all(headers, b"host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return _sentence(421, "The studio answers under 127.0.0.1 and localhost only.")
        if any(site not in (b"same-origin", b"none") for site in _all(headers, b"sec-fetch-site")):
            return _sentence(403, "Another site sent this request; the studio answers its own page only.")
        if scope["method"] in CHANGING and _all(headers, b"origin") != [b"http://" + hosts[0].lower()]:
            return _sentence(403, "Only the studio's own page may change anything here.")
        if not self._knows(headers):
            return self._entrance(scope)
        lengths = _all(headers, b"content-length")
        if any(not length.isdigit() or len(length) > 12 or int(length) > MOST_BODY_BYTES for length in lengths):
            return _sentence(413, TOO_LARGE)
        if self._n_requests >= MOST_REQUESTS:
            return _sentence(503, "Too many requests at once; wait for some of them to end.", {"retry-after": "2"})
        if scope["path"] == "/" and scope["query_string"]:
            return HTMLResponse(ENTRANCE)  # an old link in a browser that is in already
        return None

    def _knows(self, headers: Sequence[tuple[bytes, bytes]]) -> bool:
        for raw in _all(headers, b"cookie"):
            try:
                jar = SimpleCookie(raw.decode("latin-1"))
            except CookieError:
                continue
            if self._cookie in jar and hmac.compare_digest(jar[self._cookie].value.encode(), self._session.encode()):
                return True
        return False

    def _entrance(self, scope: Scope) -> Response:
        """The cookie for whoever brings the token, which is then used up."""
        if scope["method"] != "GET" or scope["path"] != "/":
            return _sentence(403, "Open the link that the terminal shows first.")
        given = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=4).get("token", [""]) if scope["query_string"] else [""]
        if not hmac.compare_digest(given[0].encode("latin-1", "replace"), self._token.encode()):
            return HTMLResponse(REFUSAL, 403)
        self._token = secrets.token_urlsafe(32)
        self._tell(self.link)
        answer = HTMLResponse(ENTRANCE)
        answer.set_cookie(self._cookie, self._session, path="/", httponly=True, samesite="strict")
        return answer


class BodyTooLargeError(Exception):
    """More came than may, whatever its length was said to be; the application answers `TOO_LARGE`."""


def _all(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in headers if key.lower() == name]


def _sentence(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(text + "\n", status, headers)


def _secured(send: Send, headers: Mapping[str, str]) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name.encode(): value.encode() for name, value in headers.items()}
            kept = [(key, value) for key, value in message.get("headers", []) if key.lower() not in own]
            message = {**message, "headers": [*kept, *own.items()]}
        await send(message)

    return sending


def _capped(receive: Receive) -> Receive:
    n_bytes = 0

    async def receiving() -> Message:
        nonlocal n_bytes
        message = await receive()
        n_bytes += len(message.get("body", b""))
        if n_bytes > MOST_BODY_BYTES:
            raise BodyTooLargeError
        return message

    return receiving
