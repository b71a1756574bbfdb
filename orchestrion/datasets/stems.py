"""One stem of a song (drums, bass, vocals, the rest) by Demucs, which is a program of its own.

Demucs (Rouard, Massa, Défossez 2023; MIT) keeps its weights in pickles, so it runs in its own process and nothing of it
is loaded here. It would fetch missing weights by itself; whether they are there is checked first.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrion.datasets.preparing import sha256
from orchestrion.errors import OrchestrionError

STEMS = ("drums", "bass", "vocals", "other")
MODEL = "htdemucs"
# Demucs names a file SIGNATURE-CHECKSUM.th by the first digits of its SHA-256; 955717e8 is the model htdemucs.
SIGNATURE = "955717e8"


@dataclass(frozen=True)
class Separator:
    """Demucs as it is installed here, for one ``stem``; ``model`` names its weights with their checksum."""

    stem: str
    program: str
    model: str

    @classmethod
    def find(cls, stem: str) -> Separator:
        """Look for Demucs and its weights.

        Raises:
            OrchestrionError: no such stem, Demucs is not installed, or its weights are missing or damaged.
        """
        if stem not in STEMS:
            raise OrchestrionError(f"There is no stem {stem!r}; choose one of {', '.join(STEMS)}.")
        program = shutil.which("demucs")
        if program is None:
            raise OrchestrionError(
                "Separating stems needs the program demucs, which is not on the PATH; install it with: "
                'pip install "orchestrion[stems]".'
            )
        return cls(stem, program, f"{MODEL} {_checked(_weights_file())}")

    @contextmanager
    def separated(self, audio: Path, scratch: Path) -> Iterator[Path]:
        """Yield a WAV file of the stem, which is removed afterwards. Deterministic: without random shifts.

        Raises:
            OrchestrionError: Demucs fails.
        """
        with tempfile.TemporaryDirectory(prefix="stems-", dir=scratch) as folder:
            command = [self.program, "-n", MODEL, "--shifts", "0", "-d", "cpu", "-o", folder, str(audio.resolve())]
            result = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")
            found = sorted(Path(folder, MODEL).glob(f"*/{self.stem}.wav"))
            if result.returncode or len(found) != 1:
                reason = (result.stderr.strip().splitlines() or ["it gave no reason"])[-1]
                raise OrchestrionError(f"Demucs could not separate {audio} ({reason[:300]}).")
            yield found[0]


def weights_folder() -> Path:
    """Where torch keeps what Demucs once fetched: ``$TORCH_HOME/hub/checkpoints``, by default in ``~/.cache/torch``."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("TORCH_HOME") or cache / "torch") / "hub" / "checkpoints"


def _weights_file() -> Path:
    found = sorted(weights_folder().glob(f"{SIGNATURE}-*.th"))
    if not found:
        raise OrchestrionError(
            f"Demucs has no weights here ({SIGNATURE}-….th in {weights_folder()}), and nothing is downloaded unasked; "
            "let Demucs fetch them once with any file: demucs SONG."
        )
    return found[0]


def _checked(weights: Path) -> str:
    named = weights.stem.partition("-")[2]
    if not sha256(weights).startswith(named):
        raise OrchestrionError(f"{weights} is damaged (its checksum is not {named}); delete it and fetch it again.")
    return named
