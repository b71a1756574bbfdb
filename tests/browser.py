"""Chromium without a window, driven over a pipe by the DevTools protocol, enough to use a page as a person would."""

from __future__ import annotations

import base64
import json
import os
import select
import shlex
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Self

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio", "--no-first-run", "--remote-debugging-pipe",
           "--autoplay-policy=no-user-gesture-required", "--disable-dev-shm-usage")  # fmt: skip


class NavigatedError(Exception):
    """The page was left before it could answer."""


class Browser:
    """One page in a browser of its own, whose profile and downloads lie in ``folder``; ``options`` are more words of its command line."""

    def __init__(self, folder: Path, *options: str):
        self.downloads = folder / "downloads"
        self.downloads.mkdir(parents=True, exist_ok=True)
        self.errors: list[str] = []
        self.requests: list[str] = []
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        words = [str(CHROMIUM), *OPTIONS, *options, f"--user-data-dir={folder / 'profile'}", "about:blank"]
        # The protocol's pipes are descriptors 3 and 4.
        command = f"exec {shlex.join(words)} 3<&{to_read} 4>&{to_write}"
        self._process = subprocess.Popen(
            ["bash", "-c", command], pass_fds=(to_read, to_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_read)
        os.close(to_write)
        self._buffer, self._number, self._session = b"", 0, None
        page = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)
        os.close(self._read)
        os.close(self._write)

    def call(self, method: str, timeout_s: float = 60, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and wait for its result; errors of the page are gathered on the way."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session and not method.startswith(("Target.", "Browser.")):
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + timeout_s
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._number:
                error = answer.get("error", {})
                if "navigated" in error.get("message", ""):
                    raise NavigatedError(error["message"])
                assert not error, answer
                return answer["result"]

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def reload(self) -> None:
        self.evaluate("window.isOld = true")
        self.call("Page.reload")
        self.wait("!window.isOld && document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; promises are waited for."""
        result = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, expression: str, timeout_s: float = 60) -> None:
        """Until the expression holds."""
        deadline = time.monotonic() + timeout_s
        while not self._holds(expression):
            assert time.monotonic() < deadline, f"never came true: {expression}"
            time.sleep(0.03)

    def _holds(self, expression: str) -> bool:
        try:
            return bool(self.evaluate(expression))
        except NavigatedError:
            return False  # asked of a page that was just being left

    def press(self, key: str, held_s: float = 0.0) -> None:
        """A key as from a keyboard."""
        text = {"Enter": "\r", "Tab": ""}.get(key, key)
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, text=text if kind == "keyDown" else "",
                      code=f"Key{key.upper()}" if len(key) == 1 and key.isalpha() else key, windowsVirtualKeyCode=ord(text[:1].upper() or "\t"))  # fmt: skip
            time.sleep(held_s if kind == "keyDown" else 0.0)

    def drag(self, start: tuple[float, float], end: tuple[float, float] | None = None, button: str = "left") -> None:
        """The mouse pressed at one place of the window and let go at another; a click without ``end``."""
        x, y = start
        common = {"button": button, "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.call("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, **common)
        if end is not None:
            for part in (0.5, 1.0):
                x, y = start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part
                self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, button=button, buttons=1)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y, **common)

    def tap(self, x: float, y: float) -> None:
        """A finger put down and lifted."""
        self.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def key(self, key: str, *, ctrl: bool = False, shift: bool = False) -> None:
        """A key that types nothing: an arrow, Delete, or one with Ctrl."""
        codes = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Delete": 46, "Escape": 27, "Home": 36}
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, modifiers=2 * ctrl + 8 * shift,
                      windowsVirtualKeyCode=codes.get(key, ord(key[0].upper())))  # fmt: skip

    def resize(self, width: int, height: int, phone: bool = False) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)

    def screenshot(self, path: Path) -> None:
        """The page as it is on the screen, PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def accept_dialogs(self) -> None:
        self.evaluate("window.confirm = () => true")

    def _receive(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            assert select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))[0], (
                "the browser is silent"
            )
            part = os.read(self._read, 1 << 20)
            assert part, "the browser has gone"
            self._buffer += part
        text, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(text)
        self._note(message.get("method"), message.get("params", {}))
        return message

    def _note(self, method: str | None, parameters: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            entry = parameters["entry"]
            self.errors.append(f"{entry['text']} {entry.get('url', '')}".strip())
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
            self.errors.append(json.dumps(parameters["args"]))
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
