"""Install torch's build for the processor where there is no NVIDIA GPU: ``make`` runs this before it installs the package.

On Linux the plain wheel of the package index brings some 4 GB of CUDA libraries. uv knows where the builds without them lie (its option
``--torch-backend``). Where that fails, or where the index in use offers such a build by itself, nothing is done, and pip takes what it finds.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
PATIENCE_S = 900


def has_gpu() -> bool:
    """Whether there is an NVIDIA GPU, or a driver for one."""
    return shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia").exists()


def wanted() -> str:
    """``torch==VERSION`` of constraints.txt."""
    found = re.search(r"^torch==\S+$", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE)
    return found[0] if found else "torch"


def brings_cuda(report: str) -> bool:
    """Whether pip's report of a dry run (JSON) has a torch that asks for NVIDIA's libraries."""
    for item in json.loads(report)["install"]:
        needs = item["metadata"].get("requires_dist", [])
        if item["metadata"]["name"] == "torch":
            return any(re.match(r"(nvidia|cuda)[-_]", need) for need in needs)
    return False


def main() -> None:
    """See the module's docstring."""
    if platform.system() != "Linux" or has_gpu() or find_spec("torch"):
        return
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    dry = subprocess.run([*pip, "install", "--dry-run", "--quiet", "--no-deps", "--report", "-", wanted()], capture_output=True, text=True, check=False)
    if dry.returncode or not brings_cuda(dry.stdout):
        return
    print("There is no NVIDIA GPU: taking torch's build for the processor, some 4 GB less.", flush=True)
    subprocess.run([*pip, "install", "--quiet", "uv"], check=False)
    uv = [sys.executable, "-m", "uv", "pip", "install", "--python", sys.executable, "--torch-backend", "cpu", wanted()]
    try:
        done = subprocess.run(uv, timeout=PATIENCE_S, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        done = False
    if not done:
        print("That build cannot be had from here; pip takes the one with CUDA.", flush=True)


if __name__ == "__main__":
    main()
