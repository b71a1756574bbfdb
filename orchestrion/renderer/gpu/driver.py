"""CUDA C on the GPU: compiled by NVRTC, which comes with torch's CUDA builds, and launched through the driver, on torch's streams."""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import torch

from orchestrion.errors import OrchestrionError

SHARED_BYTES, ATTRIBUTE_REGISTERS, ATTRIBUTE_LOCAL = 8, 4, 3  # of CUfunction_attribute
CLUSTER_DIMENSION = 4  # of CUlaunchAttributeID


class _Attribute(ctypes.Structure):
    """A CUlaunchAttribute that holds the size of a cluster."""

    _fields_ = (("id", ctypes.c_int), ("pad", ctypes.c_int), ("size", ctypes.c_uint * 3), ("rest", ctypes.c_uint * 13))


class _Launch(ctypes.Structure):
    """A CUlaunchConfig."""

    _fields_ = (
        ("grid", ctypes.c_uint * 3), ("block", ctypes.c_uint * 3), ("shared", ctypes.c_uint), ("stream", ctypes.c_void_p),
        ("attributes", ctypes.POINTER(_Attribute)), ("n_attributes", ctypes.c_uint),
    )  # fmt: skip


def compiled(source: str, name: str, constants: Mapping[str, object], capability: tuple[int, int]) -> bytes:
    """Machine code (a cubin) of CUDA C for one kind of GPU.

    Raises:
        OrchestrionError: there is no NVRTC, or it takes offence at the source.
    """
    nvrtc, program = _nvrtc(), ctypes.c_void_p()
    _must(nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), name.encode(), 0, None, None), "nvrtcCreateProgram")
    try:
        options = [f"--gpu-architecture=sm_{capability[0]}{capability[1]}", "--std=c++17"]
        options += [f"-D{key}={value}" for key, value in constants.items()]
        given = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        if nvrtc.nvrtcCompileProgram(program, len(options), given):
            raise OrchestrionError(f"NVRTC does not compile {name}: {_text(nvrtc, program)}")
        size = ctypes.c_size_t()
        _must(nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size)), "nvrtcGetCUBINSize")
        code = ctypes.create_string_buffer(size.value)
        _must(nvrtc.nvrtcGetCUBIN(program, code), "nvrtcGetCUBIN")
        return code.raw
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def nvrtc_version() -> tuple[int, int]:
    """Of the compiler, which decides the code."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    _must(_nvrtc().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)), "nvrtcVersion")
    return major.value, minor.value


class Kernel:
    """A function of machine code on the current GPU.

    Attributes:
        registers: of a thread.
        local_bytes: of a thread, which its registers do not hold.
    """

    def __init__(self, code: bytes, name: str, shared_bytes: int):
        torch.cuda.current_stream()  # torch's context is the current one from here on
        torch.zeros(1, device="cuda")
        self._driver, self._shared = _driver(), shared_bytes
        self._module, self._function = ctypes.c_void_p(), ctypes.c_void_p()
        self._call("cuModuleLoadData", ctypes.byref(self._module), ctypes.c_char_p(code))
        self._call("cuModuleGetFunction", ctypes.byref(self._function), self._module, ctypes.c_char_p(name.encode()))
        self._call("cuFuncSetAttribute", self._function, ctypes.c_int(SHARED_BYTES), ctypes.c_int(shared_bytes))
        self.registers, self.local_bytes = self._attribute(ATTRIBUTE_REGISTERS), self._attribute(ATTRIBUTE_LOCAL)

    def most_clusters(self, size: int, threads: int) -> int:
        """How many clusters of ``size`` blocks the GPU runs at once."""
        attribute = _Attribute(CLUSTER_DIMENSION, 0, (ctypes.c_uint * 3)(size, 1, 1))
        launch = _Launch(
            (ctypes.c_uint * 3)(size, 1, 1), (ctypes.c_uint * 3)(threads, 1, 1), self._shared, None, ctypes.pointer(attribute), 1
        )
        found = ctypes.c_int()
        self._call("cuOccupancyMaxActiveClusters", ctypes.byref(found), self._function, ctypes.byref(launch))
        return found.value

    def launch(self, blocks: int, threads: int, argument: ctypes.Structure) -> None:
        """Run it on torch's current stream; returns before it is done."""
        arguments = (ctypes.c_void_p * 1)(ctypes.addressof(argument))
        one, stream = ctypes.c_uint(1), ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
        self._call(
            "cuLaunchKernel", self._function, ctypes.c_uint(blocks), one, one, ctypes.c_uint(threads), one, one,
            ctypes.c_uint(self._shared), stream, arguments, None,
        )  # fmt: skip

    def _attribute(self, which: int) -> int:
        found = ctypes.c_int()
        self._call("cuFuncGetAttribute", ctypes.byref(found), ctypes.c_int(which), self._function)
        return found.value

    def _call(self, function: str, *arguments: object) -> None:
        _must(getattr(self._driver, function)(*arguments), function)


def _must(status: int, function: str) -> None:
    if status:
        raise OrchestrionError(f"The GPU's driver has failed ({function}: error {status}).")


def _text(nvrtc: ctypes.CDLL, program: ctypes.c_void_p) -> str:
    size = ctypes.c_size_t()
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    text = ctypes.create_string_buffer(max(size.value, 1))
    nvrtc.nvrtcGetProgramLog(program, text)
    return text.value.decode(errors="replace").strip()


@lru_cache
def _driver() -> ctypes.CDLL:
    return ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")


@lru_cache
def _nvrtc() -> ctypes.CDLL:
    """The library in torch's wheels, or the system's.

    Raises:
        OrchestrionError: there is none.
    """
    for name in _places():
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise OrchestrionError("There is no NVRTC (it comes with torch's CUDA builds).")


def _places() -> Sequence[str]:
    major = (torch.version.cuda or "12").split(".")[0]
    pattern = f"libnvrtc.so.{major}*" if sys.platform != "win32" else f"nvrtc64_{major}*.dll"
    beside = Path(torch.__file__).parent
    found = [*beside.glob(f"lib/{pattern}"), *beside.parent.glob(f"nvidia/*/lib/{pattern}"), *beside.parent.glob(f"nvidia/*/bin/{pattern}")]
    found += Path("/usr/local/cuda/lib64").glob(pattern)
    return [*(str(path) for path in sorted(found) if "builtins" not in path.name), f"libnvrtc.so.{major}", ctypes.util.find_library("nvrtc") or "libnvrtc.so"]
