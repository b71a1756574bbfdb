"""The sound card by PortAudio, MIDI keyboards by RtMidi: both in the extra ``live``."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from types import ModuleType, TracebackType
from typing import Any, Self

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.realtime.session import KeyMessage

INSTALL = 'pip install "orchestrion[live]"'


class SoundCard:
    """A mono output of the system's sound card; a context manager.

    Args:
        sample_rate: samples a second.
        device: its number or part of its name, as `outputs` gives them; None for the system's choice.
        block: samples that are written at once; None for no haste.

    Raises:
        OrchestrionError: the extra is not installed, or there is no such device.
    """

    def __init__(self, sample_rate: int, device: str | None = None, block: int | None = None):
        sounddevice = _sounddevice()
        chosen = int(device) if device and device.isdecimal() else device
        try:
            self._stream: Any = sounddevice.OutputStream(
                samplerate=sample_rate, channels=1, dtype="float32", device=chosen, blocksize=block or 0, latency="low" if block else "high"
            )
        except (sounddevice.PortAudioError, ValueError) as error:
            raise OrchestrionError(f"There is no sound card to play on ({error}); `orchestrion live --list` names what there is.") from error

    @property
    def latency_s(self) -> float:
        """What the card says that it holds."""
        return float(self._stream.latency)

    def write(self, samples: np.ndarray) -> bool:
        """As `session.Output`."""
        return bool(self._stream.write(np.ascontiguousarray(samples, np.float32)))

    def __enter__(self) -> Self:
        self._stream.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # What is still held is played, unless something went wrong.
        (self._stream.abort if kind else self._stream.stop)()
        self._stream.close()


class MidiKeyboard:
    """A MIDI input.

    Args:
        name: part of its name; None for the first there is.

    Raises:
        OrchestrionError: the extra is not installed, or there is no such keyboard.
    """

    def __init__(self, name: str | None = None):
        rtmidi = _rtmidi()
        ports = keyboards()
        wanted = [i for i, port in enumerate(ports) if name is None or name.lower() in port.lower()]
        if not wanted:
            there = f"there are {', '.join(ports)}" if ports else "none is connected"
            raise OrchestrionError(f"There is no MIDI keyboard{f' {name!r}' if name else ''}: {there}.")
        self.name = ports[wanted[0]]
        self._keys: deque[KeyMessage] = deque()
        self._input = rtmidi.MidiIn()
        self._input.callback = self._came
        self._input.open_port(wanted[0])

    def pending(self) -> Iterable[KeyMessage]:
        """As `session.Keyboard`."""
        return [self._keys.popleft() for _ in range(len(self._keys))]

    def close(self) -> None:
        """Let go of the port."""
        self._input.close_port()

    def _came(self, message: Iterable[int], _since: float) -> None:
        self._keys.append(KeyMessage(time.monotonic(), tuple(message)))


def keyboards() -> list[str]:
    """Names of the MIDI inputs; none where the system has no MIDI.

    Raises:
        OrchestrionError: the extra is not installed.
    """
    try:
        return [str(name) for name in _rtmidi().get_in_ports()]
    except RuntimeError:  # no sequencer
        return []


def outputs() -> list[str]:
    """Number and name of the sound card's outputs.

    Raises:
        OrchestrionError: the extra is not installed.
    """
    found = _sounddevice().query_devices()
    return [f"{i}  {device['name']}" for i, device in enumerate(found) if device["max_output_channels"]]


def _sounddevice() -> ModuleType:
    try:
        import sounddevice
    except ImportError as error:
        raise OrchestrionError(f"Playing aloud needs the package sounddevice: {INSTALL}.") from error
    except OSError as error:  # its wheel has no PortAudio for Linux
        raise OrchestrionError("Playing aloud needs PortAudio: on Debian and Ubuntu, apt install libportaudio2.") from error
    module: ModuleType = sounddevice
    return module


def _rtmidi() -> ModuleType:
    try:
        import rtmidi2
    except ImportError as error:
        raise OrchestrionError(f"A MIDI keyboard needs the package rtmidi2: {INSTALL}.") from error
    module: ModuleType = rtmidi2
    return module
