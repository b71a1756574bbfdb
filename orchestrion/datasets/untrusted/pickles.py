"""Reads what a pickle describes without loading it: nothing is imported, called or executed.

Some data sets were published as NumPy archives of objects, which NumPy can only load by running whatever the file says.
Here the opcodes (as `pickletools` disassembles them) are followed as data. A call that the pickle asks for becomes a
`Call`, a name becomes a `Name`, and both stay inert. `array_of` reads arrays of numbers from their parts.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO

import numpy as np

from orchestrion.errors import OrchestrionError, said_by

MAX_OPCODES = 20_000_000
NUMBER_TYPES = ("f4", "f8", "i2", "i4", "i8")


@dataclass(frozen=True, slots=True)
class Name:
    """Something that the pickle would import."""

    name: str


@dataclass(slots=True)
class Call:
    """Something that the pickle would call, with what it would set on the result."""

    function: object
    arguments: tuple[object, ...]
    state: object = None
    items: list[object] = field(default_factory=list)


class _Mark:
    """Where a tuple, list or dict begins on the stack."""


def describe(handle: IO[bytes], source: str) -> object:
    """The object that the pickle in ``handle`` describes.

    Raises:
        OrchestrionError: not a pickle, cut off, or an opcode that data does not need.
    """
    machine = _Machine()
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(handle)):
            if number > MAX_OPCODES:
                raise OrchestrionError(f"{source} is too large to be a recording with its labels.")
            if opcode.name == "STOP":
                return machine.stack[-1]
            machine.step(opcode.name, argument)
    except OrchestrionError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, MemoryError) as error:
        raise OrchestrionError(
            f"{source} is damaged, or does not hold plain data ({type(error).__name__}: {said_by(error)})."
        ) from error
    raise OrchestrionError(f"{source} is cut off.")


def array_of(described: object) -> np.ndarray | list[object]:
    """The array of numbers that a description stands for, or the list of an array of objects.

    Raises:
        OrchestrionError: it is neither.
    """
    if isinstance(described, Call) and isinstance(described.state, tuple) and len(described.state) == 5:
        _, shape, kind, _, content = described.state
        if isinstance(content, list):
            return content
        if isinstance(kind, Call) and kind.arguments and isinstance(shape, tuple):
            name, order = str(kind.arguments[0]), "<"
            if isinstance(kind.state, tuple) and len(kind.state) > 1:
                order = str(kind.state[1])
            data = content.encode("latin-1") if isinstance(content, str) else content
            if name in NUMBER_TYPES and order in "<>=" and isinstance(data, bytes):
                return np.frombuffer(data, dtype=("<" if order == "=" else order) + name)
    raise OrchestrionError("The file does not hold an array of numbers where one should be.")


def integer_of(described: object) -> int:
    """The whole number that a description stands for: Python's or a NumPy scalar.

    Raises:
        OrchestrionError: it is neither.
    """
    if isinstance(described, int):
        return described
    if isinstance(described, Call) and len(described.arguments) == 2 and isinstance(described.arguments[0], Call):
        kind, content = described.arguments
        name = str(kind.arguments[0]) if isinstance(kind, Call) and kind.arguments else ""
        data = content.encode("latin-1") if isinstance(content, str) else content
        if name in ("i4", "i8") and isinstance(data, bytes) and len(data) == int(name[1]):
            return int.from_bytes(data, "little", signed=True)
    raise OrchestrionError("The file does not hold a whole number where one should be.")


class _Machine:
    def __init__(self) -> None:
        self.stack: list[object] = []
        self.memo: dict[int, object] = {}

    def step(self, name: str, argument: object) -> None:
        if name in VALUES:
            self.stack.append(argument)
        elif name in CONSTANTS:
            self.stack.append(CONSTANTS[name]())
        elif name in STEPS:
            STEPS[name](self, argument)
        elif name not in IGNORED:
            raise ValueError(f"opcode {name}")

    def above_mark(self) -> list[object]:
        """Pop everything above the last mark."""
        at = max(index for index, item in enumerate(self.stack) if isinstance(item, _Mark))
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    def put(self, argument: object) -> None:
        key = argument if isinstance(argument, int) else len(self.memo)
        self.memo[key] = self.stack[-1]

    def get(self, argument: object) -> None:
        self.stack.append(self.memo[int(str(argument))])

    def drop(self) -> None:
        self.stack.pop()

    def gather(self, n_items: int) -> None:
        items = tuple(self.stack[len(self.stack) - n_items :])
        del self.stack[len(self.stack) - n_items :]
        self.stack.append(items)

    def named(self, argument: object) -> None:
        self.stack.append(Name(str(argument).replace(" ", ".")))

    def named_by_stack(self, argument: object) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.stack.append(Name(f"{module}.{name}"))

    def call(self, argument: object) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(arguments, tuple):
            raise TypeError("a call without arguments")
        # How protocol 2 writes bytes: as text with one character a byte.
        if isinstance(function, Name) and function.name == "_codecs.encode":
            self.stack.append(str(arguments[0]).encode("latin-1"))
        else:
            self.stack.append(Call(function, arguments))

    def build(self, argument: object) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if not isinstance(target, Call):
            raise TypeError("state for something that is no object")
        target.state = state

    def append(self, argument: object) -> None:
        self._extend([self.stack.pop()])

    def appends(self, argument: object) -> None:
        self._extend(self.above_mark())

    def _extend(self, items: list[object]) -> None:
        target = self.stack[-1]
        (target.items if isinstance(target, Call) else _as_list(target)).extend(items)

    def set_items(self, argument: object) -> None:
        items = self.above_mark()
        self._set(items)

    def set_item(self, argument: object) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set([key, value])

    def _set(self, items: list[object]) -> None:
        target = self.stack[-1]
        if isinstance(target, dict):
            target.update((str(key), value) for key, value in zip(items[::2], items[1::2], strict=True))


def _as_list(target: object) -> list[object]:
    if not isinstance(target, list):
        raise TypeError("items for something that is no list")
    return target


VALUES = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
CONSTANTS: dict[str, Callable[[], object]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": list,
    "MARK": _Mark,
}
IGNORED = {"PROTO", "FRAME"}
STEPS: dict[str, Callable[[_Machine, object], None]] = {
    "PUT": lambda machine, argument: machine.put(int(str(argument))),
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": lambda machine, argument: machine.put(None),
    "GET": _Machine.get,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "GLOBAL": _Machine.named,
    "STACK_GLOBAL": _Machine.named_by_stack,
    "REDUCE": _Machine.call,
    "NEWOBJ": _Machine.call,
    "BUILD": _Machine.build,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "ADDITEMS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "TUPLE": lambda machine, argument: machine.stack.append(tuple(machine.above_mark())),
    "LIST": lambda machine, argument: machine.stack.append(machine.above_mark()),
    "FROZENSET": lambda machine, argument: machine.stack.append(machine.above_mark()),
    "TUPLE1": lambda machine, argument: machine.gather(1),
    "TUPLE2": lambda machine, argument: machine.gather(2),
    "TUPLE3": lambda machine, argument: machine.gather(3),
    "POP": lambda machine, argument: machine.drop(),
}
