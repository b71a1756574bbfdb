"""``cluster.cu`` on the CPU: compiled as C++ with `emulator.h` in the place of CUDA."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.gpu import cluster

HERE = Path(__file__).parent
OPTIONS = ("-O2", "-std=c++17", "-shared", "-fPIC", "-w")


class EmulatedKernel:
    """In the place of a `driver.Kernel`."""

    def __init__(self, library: Path):
        self._library = ctypes.CDLL(str(library))
        self._library.emulate.restype = ctypes.c_bool

    def launch(self, blocks: int, threads: int, argument: cluster.Run) -> None:
        """Returns when it is done."""
        assert self._library.emulate(ctypes.byref(argument), blocks // cluster.BLOCKS), "something was sent to nobody"


def load(config: WaveNetConfig, tiles: int, n_clusters: int, folder: Path) -> cluster.Loaded:
    """The kernel for groups of ``8 * tiles`` voices, on a GPU with room for ``n_clusters``."""
    library = folder / f"{abs(hash(config))}-{tiles}.so"
    if not library.exists():
        constants = cluster.constants_of(config, tiles, cluster.MOST_GROUPS)
        given = [f"-D{name}={value}" for name, value in constants.items()]
        subprocess.run(["g++", *OPTIONS, *given, f'-DCLUSTER="{cluster.SOURCE}"', "-o", library, HERE / "emulated.cpp"], check=True)
    return cluster.Loaded(EmulatedKernel(library), 4 * cluster.padded(config.residual), n_clusters)
