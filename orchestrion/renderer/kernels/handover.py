"""Progress counters shared by two threads: acquire/release loads and stores, as numba intrinsics.

Once ``heard`` returns a value, everything that was written before ``announce`` stored it can be read.
"""

from __future__ import annotations

import platform

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from orchestrion.matrices.emitter import INT32, INT64


@intrinsic
def announce(typing, address, value):
    """Store ``value`` (int64) at ``address``, after all that was stored before."""

    def code(context, builder, sig, args):
        pointer = builder.inttoptr(args[0], INT64.as_pointer())
        builder.store_atomic(args[1], pointer, ordering="release", align=8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), code


@intrinsic
def heard(typing, address):
    """The int64 at ``address``; nothing after it is read before it."""

    def code(context, builder, sig, args):
        pointer = builder.inttoptr(args[0], INT64.as_pointer())
        return builder.load_atomic(pointer, ordering="acquire", align=8)

    return types.int64(types.int64), code


@intrinsic
def breathe(typing):
    """Tell the processor that a loop only waits; does nothing where no such instruction is known."""

    def code(context, builder, sig, args):
        _pause(builder)
        return context.get_dummy_value()

    return types.void(), code


@intrinsic
def wait_for(typing, address, value):
    """Wait until what is ``heard`` at ``address`` is at least ``value``; how often it had to be looked at again."""

    def code(context, builder, sig, args):
        before = builder.basic_block
        look, again, done = (builder.append_basic_block(name) for name in ("look", "again", "waited"))
        pointer = builder.inttoptr(args[0], INT64.as_pointer())
        builder.branch(look)
        builder.position_at_end(look)
        looks = builder.phi(INT64)
        there = builder.load_atomic(pointer, ordering="acquire", align=8)
        builder.cbranch(builder.icmp_signed("<", there, args[1]), again, done)
        builder.position_at_end(again)
        _pause(builder)
        looks.add_incoming(INT64(0), before)
        looks.add_incoming(builder.add(looks, INT64(1)), again)
        builder.branch(look)
        builder.position_at_end(done)
        return looks

    return types.int64(types.int64, types.int64), code


def _pause(builder):
    machine = platform.machine().lower()
    if machine in ("x86_64", "amd64"):
        kind = ir.FunctionType(ir.VoidType(), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause"), [])
    elif machine in ("arm64", "aarch64"):
        kind = ir.FunctionType(ir.VoidType(), [INT32])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.aarch64.hint"), [INT32(1)])  # yield
