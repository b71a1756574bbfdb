"""Writes vector instructions of LLVM for one `Arithmetic`.

Addresses are int64 and lengths count float32. Every output element is one chain of multiply-adds in ascending k, whatever
the number of rows, panels and lanes: so a voice's numbers do not depend on who is computed beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llvmlite import ir
from numba.core import cgutils

from orchestrion.matrices.arithmetic import FLOAT32, Arithmetic

FLOAT = ir.FloatType()
INT64 = ir.IntType(64)
INT32 = ir.IntType(32)
INT16 = ir.IntType(16)

PANEL = 32  # columns of a weight panel
UNROLL = 4  # times so many rows a turn of the loop; every k is a multiple of 16

# tanh(x) = x P(x²) / Q(x²) for |x| <= 8, fitted by reweighted least squares towards the least largest error: 1.3e-7 in exact
# arithmetic, 4.6e-7 in float32; beyond 8 the value at 8 is 2.3e-7 off.
TANH_LIMIT = 8.0
TANH_P = (0.9999993443489075, 0.12913645803928375, 0.002938831690698862, 1.1310262379993219e-05)
TANH_Q = (1.0, 0.4624674320220947, 0.02376384288072586, 0.00023702900216449052, 2.4238528339992627e-07)

# 2**r = Σ c r^i for |r| <= 1/2: the Taylor series of exp(r ln 2), error 2e-7 relative.
EXP2 = (1.0, 0.6931471805599453, 0.2402265069591007, 0.05550410866482158, 0.009618129107628477, 0.0013333558146428443)
LOG2_E = 1.4426950408889634


class Emitter:
    """Writes vector instructions into one function."""

    def __init__(self, builder: ir.IRBuilder, how: Arithmetic):
        self.builder, self.how, self.lanes = builder, how, how.lanes
        self.vector = ir.VectorType(FLOAT, how.lanes)
        self.integers = ir.VectorType(INT32, how.lanes)

    def splat(self, value: float) -> ir.Constant:
        return ir.Constant(self.vector, [value] * self.lanes)

    def splat_int(self, value: int) -> ir.Constant:
        return ir.Constant(self.integers, [value] * self.lanes)

    def at(self, address, n_bytes: int, kind):
        """A pointer to ``kind``, ``n_bytes`` past ``address``."""
        if n_bytes:
            address = self.builder.add(address, INT64(n_bytes))
        return self.builder.inttoptr(address, kind.as_pointer())

    def load(self, address, n_bytes: int = 0, kind=None):
        return self.builder.load(self.at(address, n_bytes, kind or self.vector), align=4)

    def store(self, value, address, n_bytes: int = 0) -> None:
        self.builder.store(value, self.at(address, n_bytes, self.vector), align=4)

    def broadcast(self, scalar):
        undefined = ir.Constant(ir.VectorType(scalar.type, self.lanes), ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, INT32(0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(self.integers, None))

    def fma(self, a, b, c):
        if not self.how.fuses:
            return self.builder.fadd(self.builder.fmul(a, b), c)
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        function = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.fma.v{self.lanes}f32")
        return self.builder.call(function, [a, b, c])

    def in_steps(self, n, sizes: Sequence[int], body: Callable[[object, int], None]) -> None:
        """Write a loop over ``n`` things for each of ``sizes``, of so many at once as long as so many are left.

        ``body(i, size)`` writes what is done with ``size`` of them from the i-th on.
        """
        b, at = self.builder, INT64(0)
        for size in sizes:
            before = b.basic_block
            left, inside, done = (b.append_basic_block(f"{name}.{size}") for name in ("left", "inside", "done"))
            b.branch(left)
            b.position_at_end(left)
            i = b.phi(INT64)
            after = b.add(i, INT64(size))
            b.cbranch(b.icmp_signed("<=", after, n), inside, done)
            b.position_at_end(inside)
            body(i, size)
            i.add_incoming(at, before)
            i.add_incoming(after, b.basic_block)
            b.branch(left)
            b.position_at_end(done)
            at = i

    def accumulate(self, n, first, body: Callable[[object, object], object]):
        """Write a loop over ``n`` numbers, ``lanes`` at once: ``total = body(i, total)`` beginning with ``first``; the last total."""
        b = self.builder
        before = b.basic_block
        loop, done = b.append_basic_block("accumulate"), b.append_basic_block("accumulated")
        b.branch(loop)
        b.position_at_end(loop)
        i, total = b.phi(INT64), b.phi(first.type)
        after, new = b.add(i, INT64(self.lanes)), body(i, total)
        for phi, start, end in ((i, INT64(0), after), (total, first, new)):
            phi.add_incoming(start, before)
            phi.add_incoming(end, b.basic_block)
        b.cbranch(b.icmp_signed("<", after, n), loop, done)
        b.position_at_end(done)
        return new

    def polynomial(self, x, coefficients):
        value = self.splat(coefficients[-1])
        for coefficient in coefficients[-2::-1]:
            value = self.fma(value, x, self.splat(coefficient))
        return value

    def maximum(self, a, b):
        return self.builder.select(self.builder.fcmp_ordered(">", a, b), a, b)

    def minimum(self, a, b):
        return self.builder.select(self.builder.fcmp_ordered("<", a, b), a, b)

    def tanh_parts(self, x):
        """(numerator, denominator) of tanh(x)."""
        x = self.minimum(self.maximum(x, self.splat(-TANH_LIMIT)), self.splat(TANH_LIMIT))
        square = self.builder.fmul(x, x)
        return self.builder.fmul(x, self.polynomial(square, TANH_P)), self.polynomial(square, TANH_Q)

    def gate(self, filtered, gated):
        """tanh(filtered) * sigmoid(gated), with one division, as sigmoid(x) = (1 + tanh(x / 2)) / 2."""
        b = self.builder
        top, bottom = self.tanh_parts(filtered)
        numerator, denominator = self.tanh_parts(b.fmul(gated, self.splat(0.5)))
        above = b.fmul(top, b.fadd(denominator, numerator))
        return b.fdiv(above, b.fmul(b.fadd(bottom, bottom), denominator))

    def weights(self, address, n_bytes: int):
        """The two vectors of a panel's row: columns j and j + 16 of each word."""
        if self.how.storage == FLOAT32:
            return self.load(address, n_bytes), self.load(address, n_bytes + 64)
        word = self.load(address, n_bytes, self.integers)
        low = self.builder.shl(word, self.splat_int(16))
        # The high weight keeps the low one's bits as its last ones: packing has chosen it with those in mind.
        return self.builder.bitcast(low, self.vector), self.builder.bitcast(word, self.vector)
