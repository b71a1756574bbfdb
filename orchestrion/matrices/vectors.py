"""Vector operations on one row, as numba intrinsics: gates, exponentials, maxima, copies."""

from __future__ import annotations

from numba import types
from numba.extending import intrinsic

from orchestrion.matrices.emitter import EXP2, FLOAT, INT32, INT64, LOG2_E, Emitter


@intrinsic
def gate(typing, how, filtered, gated, out):
    """out = tanh(filtered) * sigmoid(gated), one vector."""
    signature = types.void(how, types.int64, types.int64, types.int64)

    def code(context, builder, sig, args):
        emit = Emitter(builder, how.how)
        emit.store(emit.gate(emit.load(args[1]), emit.load(args[2])), args[3])
        return context.get_dummy_value()

    return signature, code


@intrinsic
def exponentials(typing, how, logits, out, greatest, sharpness):
    """out = exp((logits - greatest) * sharpness), one vector; arguments are at most 0, below -87 gives about 1e-38."""
    signature = types.void(how, types.int64, types.int64, types.float32, types.float32)

    def code(context, builder, sig, args):
        emit = Emitter(builder, how.how)
        x = builder.fsub(emit.load(args[1]), emit.broadcast(args[3]))
        x = builder.fmul(builder.fmul(x, emit.broadcast(args[4])), emit.splat(LOG2_E))
        x = emit.maximum(x, emit.splat(-126.0))
        # Adding 1.5 * 2**23 rounds to a whole number, which stands in the low bits of the sum.
        magic = emit.splat(12582912.0)
        shifted = builder.fadd(x, magic)
        fraction = builder.fsub(x, builder.fsub(shifted, magic))
        bits = builder.shl(builder.bitcast(shifted, emit.integers), emit.splat_int(23))
        value = builder.bitcast(emit.polynomial(fraction, EXP2), emit.integers)
        emit.store(builder.bitcast(builder.add(value, bits), emit.vector), args[2])
        return context.get_dummy_value()

    return signature, code


@intrinsic
def add(typing, how, a, b, out):
    """out = a + b, one vector."""
    signature = types.void(how, types.int64, types.int64, types.int64)

    def code(context, builder, sig, args):
        emit = Emitter(builder, how.how)
        emit.store(builder.fadd(emit.load(args[1]), emit.load(args[2])), args[3])
        return context.get_dummy_value()

    return signature, code


@intrinsic
def copy(typing, how, source, out):
    """out = source, one vector."""
    signature = types.void(how, types.int64, types.int64)

    def code(context, builder, sig, args):
        emit = Emitter(builder, how.how)
        emit.store(emit.load(args[1]), args[2])
        return context.get_dummy_value()

    return signature, code


@intrinsic
def greatest(typing, how, source, n):
    """The greatest of ``n`` floats at ``source``; n is a positive multiple of the lanes."""

    def code(context, builder, sig, args):
        emit = Emitter(builder, how.how)

        def greater(i, best):
            return emit.maximum(emit.load(builder.add(args[1], builder.mul(i, INT64(4)))), best)

        better = emit.accumulate(args[2], emit.load(args[1]), greater)
        result = builder.extract_element(better, INT32(0))
        for lane in range(1, emit.lanes):
            other = builder.extract_element(better, INT32(lane))
            result = builder.select(builder.fcmp_ordered(">", other, result), other, result)
        return result

    return types.float32(how, types.int64, types.int64), code


@intrinsic
def read_float(typing, address):
    """The float32 at ``address``."""

    def code(context, builder, sig, args):
        return builder.load(builder.inttoptr(args[0], FLOAT.as_pointer()), align=4)

    return types.float32(types.int64), code


@intrinsic
def set_float(typing, address, value):
    """Store the float32 ``value``."""

    def code(context, builder, sig, args):
        builder.store(args[1], builder.inttoptr(args[0], FLOAT.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(types.int64, types.float32), code


@intrinsic
def never_inlined(typing):
    """Keep the function this stands in as one copy: inlined into every caller it would take a minute to compile."""

    def code(context, builder, sig, args):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), code
