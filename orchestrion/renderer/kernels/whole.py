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
MAGIC, MAGIC_BITS = 1.5 * 2**23, 0x4B400000  # a float32, and its bits
WHOLE_UNIT = 2.0**14  # what 1 becomes where all x lie within -1 .. 1


class Whole:
    """Writes the whole-number arithmetic of one width, in bytes where ``quads``, else in int16."""

    def __init__(self, emit: Emitter, quads: bool):
        self.emit, self.quads = emit, quads
        self.n_sums = 2 if quads else 1  # accumulators of an output
        self.bytes = ir.VectorType(INT8, 4 * emit.lanes)
        self.pairs = ir.VectorType(INT16, 2 * emit.lanes)

    def start(self):
        """Accumulators of an output."""
        return [ir.Constant(self.emit.integers, None)] * self.n_sums

    def weights(self, address, n_bytes: int):
        """Four rows of the panel's two vectors."""
        return [self._prepared(self.emit.load(address, n_bytes + half, self.emit.integers)) for half in (0, 64)]

    def inputs(self, address, step: int):
        """Four x for every lane, the ``step``-th four of sixteen: high and low bytes, or int16 (x0, x2) and (x1, x3)."""
        places = (4 * step, 16 + 4 * step) if self.quads else (8 * step, 8 * step + 4)
        kind = self.bytes if self.quads else self.pairs
        halves = [self.emit.broadcast_int(self.emit.load(address, place, INT32)) for place in places]
        return [self.emit.builder.bitcast(half, kind) for half in halves]

    def add_products(self, weights, inputs, sums):
        """``sums`` and the products of four rows."""
        if self.quads:
            return [self._add_quads(total, weights, x) for total, x in zip(sums, inputs, strict=True)]
        (total,) = sums
        for w, x in zip(weights, inputs, strict=True):
            total = self._add_pairs(total, w, x)
        return [total]

    def total(self, sums, correction):
        """The sum of w x; ``correction`` is 128 times the sum of x."""
        b = self.emit.builder
        if not self.quads:
            return b.sub(sums[0], correction)
        high, low = sums
        return b.add(b.shl(high, self.emit.splat_int(8)), b.sub(low, correction))

    def rounded(self, x, inverse):
        """x over the step as whole numbers that lie in the lower 16 bits; ``inverse`` is one over the step in every lane."""
        # Adding 1.5 * 2**23 rounds to a whole number, which stands in the low bits of the sum.
        return self.emit.builder.bitcast(self.emit.fma(x, inverse, self.emit.splat(MAGIC)), self.emit.integers)

    def store(self, rounded, out, j) -> None:
        """Store the ``lanes`` numbers from the ``j``-th (a multiple of them) at ``out``, as ``inputs`` reads them."""
        b = self.emit.builder
        if not self.quads:
            stored, place = _pairs(self.emit, rounded), b.mul(j, INT64(2))
            b.store(stored, self.emit.at(b.add(out, place), 0, stored.type), align=1)
            return
        stored = _bytes(self.emit, rounded)
        within = b.and_(j, INT64(15))
        place = b.add(out, b.add(b.mul(b.sub(j, within), INT64(2)), within))
        lanes = self.emit.lanes
        if lanes == 16:
            b.store(stored, self.emit.at(place, 0, stored.type), align=1)
            return
        for half in (0, 1):
            order = ir.Constant(ir.VectorType(INT32, lanes), [half * lanes + i for i in range(lanes)])
            part = b.shuffle_vector(stored, stored, order)
            b.store(part, self.emit.at(place, 16 * half, part.type), align=1)

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
def to_whole(typing, width, storage, x, k, out, numbers, exponent):
    """out = x[:k] rounded to steps of a power of two, so that the greatest lies in 8192 .. 16384; for ``Whole.inputs``.

    ``exponent`` is that of a bound of x, or 0 to find the greatest; see ``product``.
    numbers = the step (float32), and 128 times the sum of the whole numbers (int32).
    """
    quads = is_quads(storage)

    def code(context, builder, sig, args):
        emit = Emitter(builder, width)
        whole = Whole(emit, quads)
        x_, k_, out_, numbers_, exponent_ = args[2:]
        step, inverse = _steps(emit, _exponent(emit, x_, k_, exponent_))
        before = builder.basic_block
        write, done = builder.append_basic_block("write"), builder.append_basic_block("written")
        builder.branch(write)
        builder.position_at_end(write)
        j, total = builder.phi(INT64), builder.phi(emit.integers)
        numbers = whole.rounded(emit.load(builder.add(x_, builder.mul(j, INT64(4)))), inverse)
        whole.store(numbers, out_, j)
        summed = whole.sum(total, numbers)
        after = builder.add(j, INT64(emit.lanes))
        for phi, start, end in ((j, INT64(0), after), (total, ir.Constant(emit.integers, None), summed)):
            phi.add_incoming(start, before)
            phi.add_incoming(end, write)
        builder.cbranch(builder.icmp_signed("<", after, k_), write, done)
        builder.position_at_end(done)
        builder.store(step, emit.at(numbers_, 0, FLOAT), align=4)
        builder.store(whole.correction(summed), emit.at(numbers_, 4, INT32), align=4)
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


def _bytes(emit, rounded):
    """The high bytes of all, and then the low ones."""
    b, n = emit.builder, emit.lanes
    kind = ir.VectorType(INT8, 4 * n)
    # With 128 more, the second byte is that of x / 256 rounded to the nearest, and the first is 128 more than what is left.
    more = b.bitcast(b.add(rounded, emit.splat_int(128)), kind)
    order = [4 * i + 1 for i in range(n)] + [4 * i for i in range(n)]
    chosen = b.shuffle_vector(more, more, ir.Constant(ir.VectorType(INT32, 2 * n), order))
    return b.xor(chosen, ir.Constant(ir.VectorType(INT8, 2 * n), [0] * n + [-128] * n))
