"""Sums of products in whole numbers, for weights stored in int8: exact, so any order and any width give the same.

A weight w (-127..127) is stored as the byte w + 128, four rows of a column side by side. What it multiplies is x, a whole
number of at most 15 bits. Where the host multiplies four bytes at once and adds them up (VNNI: unsigned times signed), x
travels as two signed bytes, x = 256 high + low; elsewhere as int16, whose products are summed two by two. Either way the
sum is of (w + 128) x, from which 128 times the sum of all x is taken away in the end; it may overflow on its way, since
what remains fits an int32.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from orchestrion.renderer.kernels.emitter import FLOAT, INT16, INT32, INT64, Emitter
from orchestrion.renderer.kernels.width import pair_product, quad_product

INT8 = ir.IntType(8)
OFFSET_BITS = 7  # weights are stored 128 higher


class Whole:
    """Writes the whole-number arithmetic of one width, in bytes where ``quads``, else in int16."""

    def __init__(self, emit: Emitter, quads: bool):
        self.emit, self.quads = emit, quads
        self.n_sums = 2 if quads else 1  # accumulators of an output
        self.bytes = ir.VectorType(INT8, 4 * emit.lanes)
        self.pairs = ir.VectorType(INT16, 2 * emit.lanes)

    def start(self, correction):
        """Accumulators of an output, less ``correction``, 128 times the sum of x."""
        zero = ir.Constant(self.emit.integers, None)
        return [zero] * (self.n_sums - 1) + [self.emit.builder.sub(zero, correction)]

    def weights(self, address, n_bytes: int):
        """Four rows of the panel's two vectors."""
        return [self._prepared(self.emit.load(address, n_bytes + half, self.emit.integers)) for half in (0, 64)]

    def inputs(self, address, n_bytes: int):
        """Four x for every lane: (high, low) bytes, or int16 (x0, x2) and (x1, x3)."""
        kind = self.bytes if self.quads else self.pairs
        halves = [self.emit.broadcast_int(self.emit.load(address, n_bytes + half, INT32)) for half in (0, 4)]
        return [self.emit.builder.bitcast(half, kind) for half in halves]

    def add_products(self, weights, inputs, sums):
        """``sums`` and the products of four rows."""
        if self.quads:
            return [self._add_quads(total, weights, x) for total, x in zip(sums, inputs, strict=True)]
        (total,) = sums
        for w, x in zip(weights, inputs, strict=True):
            total = self._add_pairs(total, w, x)
        return [total]

    def total(self, sums):
        """The sum of w x."""
        if not self.quads:
            return sums[0]
        high, low = sums
        return self.emit.builder.add(self.emit.builder.shl(high, self.emit.splat_int(8)), low)

    def _prepared(self, words):
        b = self.emit.builder
        if self.quads:
            return b.bitcast(words, self.bytes)
        pairs = b.bitcast(words, self.pairs)
        constants = [ir.Constant(self.pairs, [value] * (2 * self.emit.lanes)) for value in (0xFF, 8)]
        return b.and_(pairs, constants[0]), b.lshr(pairs, constants[1])

    def _add_quads(self, total, weights, x):
        # LLVM's newer versions take vectors of bytes and bring these older types to them.
        b, kind = self.emit.builder, self.emit.integers
        signature = ir.FunctionType(kind, [kind] * 3)
        function = cgutils.get_or_insert_function(b.module, signature, quad_product(self.emit.lanes))
        return b.call(function, [total, b.bitcast(weights, kind), b.bitcast(x, kind)])

    def _add_pairs(self, total, w, x):
        b, name = self.emit.builder, pair_product(self.emit.lanes)
        if name is not None:
            kind = ir.FunctionType(self.emit.integers, [self.pairs] * 2)
            return b.add(total, b.call(cgutils.get_or_insert_function(b.module, kind, name), [w, x]))
        for half in (0, 1):
            chosen = ir.Constant(self.emit.integers, [2 * lane + half for lane in range(self.emit.lanes)])
            a, z = (b.sext(b.shuffle_vector(v, v, chosen), self.emit.integers) for v in (w, x))
            total = b.add(total, b.mul(a, z))
        return total


@intrinsic
def to_whole(typing, width, storage, x, k, out, numbers, exponent):
    """out = x[:k] rounded to steps of a power of two, so that the greatest lies in 8192 .. 16384; for ``Whole.inputs``.

    ``exponent`` is that of a bound of x, or 0 to find the greatest; see ``product``.
    numbers = the step (float32), and 128 times the sum of the whole numbers (int32).
    """
    quads = is_quads(storage)

    def code(context, builder, sig, args):
        emit = Emitter(builder, width)
        x_, k_, out_, numbers_, exponent_ = args[2:]
        step, inverse = _steps(emit, _exponent(emit, x_, k_, exponent_))
        before = builder.basic_block
        write, done = builder.append_basic_block("write"), builder.append_basic_block("written")
        builder.branch(write)
        builder.position_at_end(write)
        j, total = builder.phi(INT64), builder.phi(emit.integers)
        scaled = builder.fmul(emit.load(builder.add(x_, builder.mul(j, INT64(4)))), inverse)
        # Adding 1.5 * 2**23 rounds to a whole number, which stands in the low bits of the sum.
        magic = emit.splat(12582912.0)
        shifted = builder.bitcast(builder.fadd(scaled, magic), emit.integers)
        whole = builder.sub(shifted, builder.bitcast(magic, emit.integers))
        stored = (_bytes if quads else _pairs)(emit, whole)
        builder.store(stored, emit.at(builder.add(out_, builder.mul(j, INT64(2))), 0, stored.type), align=1)
        summed = builder.add(total, whole)
        after = builder.add(j, INT64(emit.lanes))
        for phi, start, end in ((j, INT64(0), after), (total, ir.Constant(emit.integers, None), summed)):
            phi.add_incoming(start, before)
            phi.add_incoming(end, write)
        builder.cbranch(builder.icmp_signed("<", after, k_), write, done)
        builder.position_at_end(done)
        correction = builder.shl(_reduced(emit, "add", summed), INT32(OFFSET_BITS))
        builder.store(step, emit.at(numbers_, 0, FLOAT), align=4)
        builder.store(correction, emit.at(numbers_, 4, INT32), align=4)
        return context.get_dummy_value()

    return types.void(width, storage, *[types.int64] * 5), code


def is_quads(storage: types.UniTuple) -> bool:
    """Whether a storage tag asks for products of bytes; see ``width.storage_tag``."""
    return isinstance(storage.dtype, types.Integer)


def _exponent(emit, x, k, known):
    """The biased exponent of the greatest magnitude among x[:k], or ``known`` where that is not 0."""
    b = emit.builder
    before = b.basic_block
    search, found, done = (b.append_basic_block(name) for name in ("search", "found", "exponent"))
    given = b.trunc(known, INT32)
    b.cbranch(b.icmp_signed("==", given, INT32(0)), search, done)
    b.position_at_end(search)
    i, best = b.phi(INT64), b.phi(emit.integers)
    bits = emit.load(b.add(x, b.mul(i, INT64(4))), 0, emit.integers)
    bits = b.and_(bits, emit.splat_int(0x7FFFFFFF))  # magnitudes of floats are ordered as whole numbers
    better = b.select(b.icmp_signed(">", bits, best), bits, best)
    following = b.add(i, INT64(emit.lanes))
    for phi, start, end in ((i, INT64(0), following), (best, ir.Constant(emit.integers, None), better)):
        phi.add_incoming(start, before)
        phi.add_incoming(end, search)
    b.cbranch(b.icmp_signed("<", following, k), search, found)
    b.position_at_end(found)
    greatest = b.lshr(_reduced(emit, "umax", better), INT32(23))
    b.branch(done)
    b.position_at_end(done)
    exponent = b.phi(INT32)
    exponent.add_incoming(given, before)
    exponent.add_incoming(greatest, found)
    return exponent


def _steps(emit, exponent):
    """The step, and one over it in every lane."""
    b = emit.builder
    least = INT32(40)  # so that the inverse stays finite: what is below 2**-87 counts as nothing
    exponent = b.select(b.icmp_signed("<", exponent, least), least, exponent)
    step = b.bitcast(b.shl(b.sub(exponent, INT32(13)), INT32(23)), FLOAT)
    return step, emit.broadcast(b.bitcast(b.shl(b.sub(INT32(267), exponent), INT32(23)), FLOAT))


def _reduced(emit, operation, vector):
    kind = ir.FunctionType(INT32, [emit.integers])
    name = f"llvm.vector.reduce.{operation}.v{emit.lanes}i32"
    return emit.builder.call(cgutils.get_or_insert_function(emit.builder.module, kind, name), [vector])


def _pairs(emit, whole):
    """int16 x0 x2 x1 x3 of every four."""
    narrow = emit.builder.trunc(whole, ir.VectorType(INT16, emit.lanes))
    order = [four + place for four in range(0, emit.lanes, 4) for place in (0, 2, 1, 3)]
    return emit.builder.shuffle_vector(narrow, narrow, ir.Constant(emit.integers, order))


def _bytes(emit, whole):
    """Of every four, the high bytes and then the low ones."""
    b, kind = emit.builder, ir.VectorType(INT8, emit.lanes)
    rounded = b.ashr(b.add(whole, emit.splat_int(128)), emit.splat_int(8))
    high, low = b.trunc(rounded, kind), b.trunc(whole, kind)
    starts = [start + four for four in range(0, emit.lanes, 4) for start in (0, emit.lanes)]
    order = [start + place for start in starts for place in range(4)]
    return b.shuffle_vector(high, low, ir.Constant(ir.VectorType(INT32, 2 * emit.lanes), order))
