"""The program ``fluidsynth`` as a process: its audio comes through a pipe, and its memory and time are bounded.

SoundFonts are strangers' files. One of 200 KB can ask for a hundred million zones, hundreds of voices a key, or releases of
minutes; so a process may use `SPARE_BYTES` and what the file holds, and `SPARE_S` and what that many voices need.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.files import reading

SYNTH_RATE = 48000
LONGEST_RUN_S = 600.0
SPARE_S, A_VOICE_S = 4.0, 1e-3
"""Processor time: of a run, and of a second of one voice (measured: 3e-4)."""
SPARE_BYTES, A_BYTE_BYTES = 400 << 20, 4
"""Address space: of a process, and of a byte of the SoundFont, whose samples may be compressed."""
MOST_SAID_BYTES = 1 << 20
BLOCK_FRAMES = 1 << 16
FAULT, NOT_LOADED, NO_MEMORY = "fluidsynth: error: ", "Failed to load the SoundFont", "Out of memory"
SETTINGS = (
    "synth.min-note-length=0",
    "synth.reverb.active=0",
    "synth.chorus.active=0",
    # Only the samples of the instrument played are read from the 140 MiB of a General MIDI bank.
    "synth.dynamic-sample-loading=1",
    # Samples that are written at once; notes still begin and end at blocks of 64. With 1024 and more another voice may be the first that is free,
    # and one that was never used begins a little differently.
    "audio.period-size=256",
    # Where a SoundFont cannot be loaded, the system's would play in its place.
    "synth.default-soundfont=",
)


def version() -> str:
    """The first line that ``fluidsynth --version`` prints.

    Raises:
        OrchestrionError: FluidSynth is missing or fails.
    """
    command = [_program(), "--version"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=LONGEST_RUN_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OrchestrionError(f"Cannot run {command[0]}: {error}.") from error
    if done.returncode or not done.stdout:
        raise _failed(done.returncode, done.stderr)
    return done.stdout.splitlines()[0].strip()


def played(midi: Path, soundfont: Path, n_samples: int, polyphony: int) -> Iterator[np.ndarray]:
    """What ``soundfont`` makes of a MIDI file, in blocks of float32 ``[samples, 2]`` at 48 kHz, at most ``n_samples`` of them.

    Args:
        polyphony: voices at once; of more, FluidSynth leaves some out.

    Raises:
        OrchestrionError: FluidSynth is missing, cannot load the SoundFont, fails, or passes a bound.
    """
    seconds = SPARE_S + A_VOICE_S * polyphony * n_samples / SYNTH_RATE
    with reading(f"the SoundFont {soundfont}"):
        memory = SPARE_BYTES + A_BYTE_BYTES * soundfont.stat().st_size
    receiving, sending = os.pipe()
    late, said = threading.Event(), bytearray()
    with os.fdopen(receiving, "rb") as audio:
        try:
            process = _started(midi, soundfont, sending, polyphony)
        finally:
            os.close(sending)
        listener = threading.Thread(target=_keep_first, args=(process.stderr, said))

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(LONGEST_RUN_S, stop)
        listener.start()
        timer.start()
        try:
            _bound(process, seconds, memory)
            n = 0
            while n < n_samples and (content := audio.read(8 * min(BLOCK_FRAMES, n_samples - n))):
                block = np.frombuffer(content[: len(content) // 8 * 8], dtype=np.float32).reshape(-1, 2)
                n += len(block)
                yield block
            status = process.wait() if n < n_samples else 0
        finally:
            timer.cancel()
            process.kill()
            process.wait()
            listener.join()
    text = said.decode(errors="replace")
    if late.is_set():
        raise OrchestrionError(f"FluidSynth did not finish within {LONGEST_RUN_S:g} s.")
    if status == -signal.SIGXCPU:
        raise OrchestrionError(f"FluidSynth needs more than {seconds:.0f} s of processor time for {n_samples / SYNTH_RATE:.0f} s of {soundfont}.")
    if NO_MEMORY in text:
        raise OrchestrionError(f"FluidSynth needs more than {memory >> 20} MiB for {soundfont}.")
    _check(status, text, soundfont)
    if not n:
        raise OrchestrionError("FluidSynth wrote no audio; is the SoundFont complete?")


def _check(status: int, said: str, soundfont: Path) -> None:
    if NOT_LOADED in said:  # with status 0, and silence
        reasons = [line.removeprefix(FAULT) for line in said.splitlines() if line.startswith(FAULT)]
        reason = f" ({reasons[0][:200]})" if reasons else ""
        raise OrchestrionError(f"FluidSynth cannot load the SoundFont {soundfont}{reason}; is it whole?")
    if status:
        raise _failed(status, said)


def _started(midi: Path, soundfont: Path, sending: int, polyphony: int) -> subprocess.Popen[bytes]:
    options = [part for setting in (*SETTINGS, f"synth.polyphony={polyphony}") for part in ("-o", setting)]
    output = ["-r", str(SYNTH_RATE), "-O", "float", "-T", "raw", "-F", f"/dev/fd/{sending}"]
    # Absolute, as a name that begins with a hyphen would be an option.
    command = [_program(), "-ni", "-q", "-g", "1.0", *options, *output, str(soundfont.absolute()), str(midi)]
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=(sending,))
    except OSError as error:
        raise OrchestrionError(f"Cannot run {command[0]}: {error.strerror or error}.") from error


def _keep_first(stream: IO[bytes] | None, kept: bytearray) -> None:
    """Read to the end, as the process would wait otherwise."""
    if stream is not None:
        with stream:
            while content := stream.read(1 << 16):
                kept += content[: MOST_SAID_BYTES - len(kept)]


def _bound(process: subprocess.Popen[bytes], seconds: float, memory: int) -> None:
    """On systems that can bound another process; on others the time by the clock is what bounds it."""
    if sys.platform != "linux":
        return
    import resource

    for limit, value in ((resource.RLIMIT_CPU, round(seconds)), (resource.RLIMIT_AS, memory), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.prlimit(process.pid, limit)
        resource.prlimit(process.pid, limit, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _failed(status: int, said: str) -> OrchestrionError:
    return OrchestrionError(f"FluidSynth failed with exit status {status}: {' '.join(said.split())[-200:] or 'it said nothing'}.")


def _program() -> str:
    program = shutil.which("fluidsynth")
    if program is None:
        raise OrchestrionError("FluidSynth is not installed; install Debian's packages fluidsynth and fluid-soundfont-gm.")
    return program
