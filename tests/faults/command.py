"""The `orchestrion` command as a process of its own: faults of the system show only there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

COMMAND = (sys.executable, "-m", "orchestrion")
TIMEOUT_S = 300


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    def refused(self, *words: str) -> str:
        """The one sentence that it failed with, which holds ``words``."""
        sentences = [line for line in self.err.splitlines() if line.startswith("Error: ")]
        assert self.status == 1 and len(sentences) == 1 and "Traceback" not in self.err, (self.status, self.err)
        for word in words:
            assert word in sentences[0], (word, sentences[0])
        return sentences[0]


def orchestrion(*arguments: object, shell: str = "", cwd: Path | None = None, more: Mapping[str, str] | None = None) -> Ended:
    """Run the command; ``shell`` comes before it on the line, or after where it redirects (``>&-``)."""
    words = [*COMMAND, *(os.fspath(a) if isinstance(a, os.PathLike) else str(a) for a in arguments)]
    line: Sequence[str] = words
    if shell:
        before, after = ("", shell) if shell[0] in "<>0123456789" else (f"{shell}; ", "")
        line = ["sh", "-c", f'{before}"$@" {after}', "sh", *words]
    done = subprocess.run(line, check=False, capture_output=True, cwd=cwd, timeout=TIMEOUT_S, env={**os.environ, **(more or {})})
    return Ended(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
