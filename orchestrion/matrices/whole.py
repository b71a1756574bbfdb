"""Sums of products in whole numbers, for weights stored in int8: exact, so any order and any width give the same.

A weight w (-127..127) is stored as the byte w + 128, four rows of a column side by side. What it multiplies is x, a whole
number of -127..127. Where the host multiplies four bytes at once and adds them up (VNNI: unsigned times signed), x travels as
a byte; elsewhere as int16, whose products are summed two by two. Either way the sum is of (w + 128) x, from which 128 times
the sum of all x is taken away in the end.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from orchestrion.matrices.arithmetic import pair_product, quad_product
from orchestrion.matrices.emitter import FLOAT, INT16, INT32, INT64, Emitter

INT8 = ir.IntType(8)
OFFSET_BITS = 7  # weights are stored 128 higher
MAGIC, MAGIC_BITS = 1.5 * 2**23, 0x4B400000  # a float32 whose last bit counts ones, and its bits
GREATEST = 127.0  # what a magnitude of 1 becomes where all x lie within -1 .. 1


class WholeArithmetic:
    """Writes the whole-number arithmetic, in bytes or in int16."""

    def __init__(self, emit: Emitter):
        self.emit, self.quads, self.x_bytes = emit, emit.how.quads, emit.how.input_bytes
        self.bytes = ir.VectorType(INT8, 4 * emit.lanes)
        self.pairs = ir.VectorType(INT16, 2 * emit.lanes)

    def weights(self, address, n_bytes: int):
        """Four rows of the panel's two vectors."""
        return [self._prepared(self.emit.load(address, n_bytes + half, self.emit.integers)) for half in (0, 64)]

    def inputs(self, address, n_bytes: int):
        """Four x for every lane: bytes, or int16 (x0, x2) and (x1, x3)."""
        kind, halves = (self.bytes, (0,)) if self.quads else (self.pairs, (0, 4))
        loaded = [self.emit.broadcast(self.emit.load(address, n_bytes + half, INT32)) for half in halves]
        return [self.emit.builder.bitcast(half, kind) for half in loaded]

    def add_products(self, weights, inputs, total):
        """``total`` and the products of four rows."""
        if self.quads:
            return self._add_quads(total, weights, *inputs)
        for w, x in zip(weights, inputs, strict=True):
            total = self._add_pairs(total, w, x)
        return total

    def rounded(self, x, inverse):
        """x over the step as whole numbers that lie in the lower bits; ``inverse`` is one over the step in every lane."""
        # Adding 1.5 * 2**23 rounds to a whole number, which stands in the low bits of the sum.
        return self.emit.builder.bitcast(self.emit.fma(x, inverse, self.emit.splat(MAGIC)), self.emit.integers)

    def store(self, rounded, out, j) -> None:
        """Store the ``lanes`` numbers from the ``j``-th at ``out``, as ``inputs`` reads them."""
        b, n = self.emit.builder, self.emit.lanes
        stored = b.trunc(rounded, ir.VectorType(INT8 if self.quads else INT16, n))
        if not self.quads:
            order = [four + place for four in range(0, n, 4) for place in (0, 2, 1, 3)]
            stored = b.shuffle_vector(stored, stored, ir.Constant(self.emit.integers, order))
        b.store(stored, self.emit.at(b.add(out, b.mul(j, INT64(self.x_bytes))), 0, stored.type), align=1)

    def sum(self, total, rounded):
        """``total`` and the whole numbers."""
        return self.emit.builder.add(total, self.emit.builder.sub(rounded, self.emit.splat_int(MAGIC_BITS)))

    def correction(self, total):
        """What is taken from sums of products in the end, of lanes that hold partial sums of x."""
        return self.emit.builder.shl(_reduced(self.emit, "add", total), INT32(OFFSET_BITS))

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
def to_whole(typing, how, x, k, out, numbers, known):
    """out = x[:k] rounded to steps so that the greatest magnitude lies in 63 .. 127; for ``WholeArithmetic.inputs``.

    The step is 128 / 127 of a power of two: no magnitude passes 127, and the power comes from a float's bits. If ``known`` is
    not 0, x lies within -1 .. 1, and the step is a 127th. numbers = the step (float32), and 128 times the sum of the whole
    numbers (int32).
    """

    def code(context, builder, sig, args):
        emit = Emitter(builder, how.how)
        whole = WholeArithmetic(emit)
        x_, k_, out_, numbers_, known_ = args[1:]
        step, inverse = _steps(emit, _exponent(emit, x_, k_, known_))

        def write(j, total):
            rounded = whole.rounded(emit.load(builder.add(x_, builder.mul(j, INT64(4)))), inverse)
            whole.store(rounded, out_, j)
            return whole.sum(total, rounded)

        summed = emit.accumulate(k_, ir.Constant(emit.integers, None), write)
        builder.store(step, emit.at(numbers_, 0, FLOAT), align=4)
        builder.store(whole.correction(summed), emit.at(numbers_, 4, INT32), align=4)
        return context.get_dummy_value()

    return types.void(how, *[types.int64] * 5), code


def _exponent(emit, x, k, known):
    """The biased exponent of the greatest magnitude among x[:k]; where ``known`` is not 0, that of what is under 1."""
    b = emit.builder
    before = b.basic_block
    search, done = b.append_basic_block("search"), b.append_basic_block("exponent")
    b.cbranch(b.icmp_signed("==", known, INT64(0)), search, done)
    b.position_at_end(search)

    def greater(i, best):
        bits = emit.load(b.add(x, b.mul(i, INT64(4))), 0, emit.integers)
        bits = b.and_(bits, emit.splat_int(0x7FFFFFFF))  # magnitudes of floats are ordered as whole numbers
        return b.select(b.icmp_signed(">", bits, best), bits, best)

    best = emit.accumulate(k, ir.Constant(emit.integers, None), greater)
    found = b.basic_block
    greatest = b.lshr(_reduced(emit, "umax", best), INT32(23))
    b.branch(done)
    b.position_at_end(done)
    exponent = b.phi(INT32)
    exponent.add_incoming(INT32(126), before)
    exponent.add_incoming(greatest, found)
    return exponent


def _steps(emit, exponent):
    """The step, and one over it in every lane, for magnitudes under 2 ** (exponent - 126)."""
    b = emit.builder
    least = INT32(40)  # so that the inverse stays finite: what is below 2**-87 counts as nothing
    exponent = b.select(b.icmp_signed("<", exponent, least), least, exponent)
    power = b.bitcast(b.shl(b.add(exponent, INT32(1)), INT32(23)), FLOAT)
    inverse = b.bitcast(b.shl(b.sub(INT32(253), exponent), INT32(23)), FLOAT)
    return b.fmul(power, FLOAT(1 / GREATEST)), emit.broadcast(b.fmul(inverse, FLOAT(GREATEST)))


def _reduced(emit, operation, vector):
    kind = ir.FunctionType(INT32, [emit.integers])
    name = f"llvm.vector.reduce.{operation}.v{emit.lanes}i32"
    return emit.builder.call(cgutils.get_or_insert_function(emit.builder.module, kind, name), [vector])
