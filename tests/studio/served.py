"""The studio on a real socket, for what a test client cannot do: raw headers, many connections, tabs that close."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from orchestrion.studio.app import create_app
from orchestrion.studio.guard import Guard
from orchestrion.studio.server import listening


@dataclass
class Served:
    """A running studio, and the cookie of a browser that is in."""

    port: int
    app: Guard
    cookie: str = ""

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def raw(self, request: bytes) -> bytes:
        """What a request of these very bytes is answered."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(request)
            answer = b""
            while part := connection.recv(1 << 16):
                answer += part
            return answer

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, str]:
        connection = self.connect()
        try:
            connection.request(method, path, None if body is None else json.dumps(body), self.headers(**headers))
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def headers(self, **more: str) -> dict[str, str]:
        own = {"Cookie": self.cookie, "Origin": self.base, "Content-Type": "application/json"}
        return {**own, **{name.replace("_", "-"): value for name, value in more.items()}}

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def state(self) -> dict[str, int]:
        status, text = self.ask("GET", "/api/takes")
        assert status == 200, text
        return {name: json.loads(text)[name] for name in ("running", "waiting")}


@contextmanager
def serving(create: Callable[[int], Guard] = create_app) -> Iterator[Served]:
    """A running server of what ``create`` makes for its port."""
    own = listening(0)
    port = own.getsockname()[1]
    app = create(port)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", http="h11", ws="none", proxy_headers=False, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [own]})
    thread.start()
    try:
        wait_for(lambda: server.started)
        found = Served(port, app)
        connection = found.connect()
        connection.request("GET", app.link.removeprefix(found.base))
        cookie = connection.getresponse().getheader("set-cookie")
        assert cookie
        found.cookie = cookie.partition(";")[0]
        connection.close()
        yield found
    finally:
        server.should_exit = True
        thread.join(20)
        own.close()


def wait_for(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
