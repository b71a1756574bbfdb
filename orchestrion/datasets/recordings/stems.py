"""Separates one stem of a song (drums, bass, vocals, the rest; guitar, piano) with the program Demucs.

Demucs (Rouard, Massa, Défossez 2023; MIT) may keep its weights in pickles, so it runs in its own process and nothing of
it is loaded here. It would download missing weights by itself; so the weights are looked for first, and Demucs runs
without a way to the network. Version 4.1 keeps its weights in the cache of the Hugging Face hub, earlier ones in
torch's.
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

from orchestrion.errors import OrchestrionError
from orchestrion.files import sha256

_FOUR, _SIX = "htdemucs", "htdemucs_6s"
MODELS = {"drums": _FOUR, "bass": _FOUR, "vocals": _FOUR, "other": _FOUR, "guitar": _SIX, "piano": _SIX}
"""The model that separates each stem. That of six stems is a little worse at the four, whose ``other`` has guitar and piano in it."""
STEMS = tuple(MODELS)
# The one network of each model. In torch's cache the file is SIGNATURE-CHECKSUM.th, by its SHA-256's first digits.
SIGNATURES = {_FOUR: "955717e8", _SIX: "5c90dfd2"}
HUB_FOLDERS = "models--adefossez--*"
# No server listens on the port "discard" of this machine: whoever would fetch something fails at once.
NO_NETWORK = {"HF_HUB_OFFLINE": "1"} | dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")


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
        model = MODELS[stem]
        return cls(stem, program, f"{model} {_checksum(_weights_file(model))}")

    @contextmanager
    def separated(self, audio: Path, scratch: Path) -> Iterator[Path]:
        """Yield a WAV file of the stem, which is removed afterwards. Deterministic: without random shifts.

        Raises:
            OrchestrionError: Demucs fails.
        """
        with tempfile.TemporaryDirectory(prefix="stems-", dir=scratch) as folder:
            model = MODELS[self.stem]
            command = [self.program, "-n", model, "--shifts", "0", "-d", "cpu", "-o", folder, str(audio.resolve())]
            environment = dict(os.environ) | NO_NETWORK
            result = subprocess.run(
                command, check=False, capture_output=True, text=True, errors="replace", env=environment
            )
            found = sorted(Path(folder, model).glob(f"*/{self.stem}.wav"))
            if result.returncode or len(found) != 1:
                reason = (result.stderr.strip().splitlines() or ["it gave no reason"])[-1]
                raise OrchestrionError(f"Demucs could not separate {audio} ({reason[:300]}).")
            yield found[0]


def weights_folders() -> tuple[Path, Path]:
    """Where Demucs' weights may lie: in the hub's cache (below ``$HF_HOME``), and in torch's (``$TORCH_HOME``)."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    hub = Path(os.environ.get("HF_HUB_CACHE") or Path(os.environ.get("HF_HOME") or cache / "huggingface") / "hub")
    return hub, Path(os.environ.get("TORCH_HOME") or cache / "torch") / "hub" / "checkpoints"


def _weights_file(model: str) -> Path:
    hub, torch = weights_folders()
    signature = SIGNATURES[model]
    found = [*sorted(hub.glob(f"{HUB_FOLDERS}/snapshots/*/{signature}.safetensors")), *sorted(torch.glob(f"{signature}-*.th"))]
    if not found:
        raise OrchestrionError(
            f"Demucs has no weights of {model} here (neither in {hub} nor in {torch}), and nothing is downloaded unasked; let "
            f"Demucs fetch them once with any file: demucs -n {model} SONG. Stems that are separated already need none: prepare their folder."
        )
    return found[0]


def _checksum(weights: Path) -> str:
    """The first digits of the file's SHA-256, which torch's cache has in its name."""
    named, seen = weights.stem.partition("-")[2], sha256(weights)
    if not seen.startswith(named):
        raise OrchestrionError(f"{weights} is damaged (its checksum is not {named}); delete it and fetch it again.")
    return named or seen[:8]
