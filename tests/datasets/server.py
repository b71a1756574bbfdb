"""A web server on this machine that misbehaves on request."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Behaviour:
    """``files`` by path; ``drop_after``: close the connection so many bytes into each of the next ``drops`` replies."""

    files: dict[str, bytes] = field(default_factory=dict)
    drop_after: int = 0
    drops: int = 0
    ignores_range: bool = False
    wrong_range: bool = False
    claims: int | None = None
    no_length: bool = False
    version: str = '"one"'
    statuses: list[int] = field(default_factory=list)
    requests: list[tuple[str, str | None]] = field(default_factory=list)


@contextmanager
def served(behaviour: Behaviour) -> Iterator[str]:
    """The address of a server that behaves so."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments) -> None:
            pass

        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            behaviour.requests.append((self.path, asked))
            if behaviour.statuses:
                self.fail(behaviour.statuses.pop(0))
                return
            content = behaviour.files.get(self.path)
            if content is None:
                self.fail(404)
                return
            condition = self.headers.get("If-Range")
            first = int(asked[6:].rstrip("-")) if asked and condition in (None, behaviour.version) else 0
            if behaviour.ignores_range:
                first = 0
            if first and first >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.reply(content, first)

        def fail(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def reply(self, content: bytes, first: int) -> None:
            body = content[first:]
            self.send_response(206 if first else 200)
            if first:
                start = first + (7 if behaviour.wrong_range else 0)
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("ETag", behaviour.version)
            if behaviour.no_length:
                self.send_header("Connection", "close")
            else:
                self.send_header("Content-Length", str(len(body) if behaviour.claims is None else behaviour.claims))
            self.end_headers()
            if behaviour.drops:
                behaviour.drops -= 1
                body = body[: behaviour.drop_after]
            self.wfile.write(body)
            self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
