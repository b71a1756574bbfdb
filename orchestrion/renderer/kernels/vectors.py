"""Vector instructions as numba intrinsics, written as LLVM vectors of as many lanes as the tag says.

Addresses are int64 and lengths count float32. Every output element is one chain of multiply-adds in ascending k, whatever
the number of rows, panels and lanes: so a voice's numbers do not depend on who is computed beside it.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

FLOAT = ir.FloatType()
INT64 = ir.IntType(64)
INT32 = ir.IntType(32)
INT8 = ir.IntType(8)

FLOAT32, BFLOAT16, INT8_STORED = 1, 2, 3  # lengths of the storage tag
PANEL = 32  # columns of a weight panel
PANEL_BYTES = {FLOAT32: 128, BFLOAT16: 64, INT8_STORED: 32}  # of one row of a panel
UNROLL = 4  # rows of weights a turn of the loop; every k is a multiple

# tanh(x) = x P(x²) / Q(x²) for |x| <= 8, fitted by reweighted least squares towards the least largest error: 1.3e-7 in exact
# arithmetic, 4.6e-7 in float32; beyond 8 the value at 8 is 2.3e-7 off.
TANH_LIMIT = 8.0
TANH_P = (0.9999993443489075, 0.12913645803928375, 0.002938831690698862, 1.1310262379993219e-05)
TANH_Q = (1.0, 0.4624674320220947, 0.02376384288072586, 0.00023702900216449052, 2.4238528339992627e-07)

# 2**r = Σ c r^i for |r| <= 1/2: the Taylor series of exp(r ln 2), error 2e-7 relative.
EXP2 = (1.0, 0.6931471805599453, 0.2402265069591007, 0.05550410866482158, 0.009618129107628477, 0.0013333558146428443)
LOG2_E = 1.4426950408889634


class Emitter:
    """Writes vector instructions of one width into one function."""

    def __init__(self, builder: ir.IRBuilder, width: types.UniTuple):
        self.builder = builder
        self.lanes = width.count
        self.fuses = isinstance(width.dtype, types.Integer)
        self.vector = ir.VectorType(FLOAT, width.count)
        self.integers = ir.VectorType(INT32, width.count)

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
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, INT32(0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(self.integers, None))

    def fma(self, a, b, c):
        if not self.fuses:
            return self.builder.fadd(self.builder.fmul(a, b), c)
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        function = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.fma.v{self.lanes}f32")
        return self.builder.call(function, [a, b, c])

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

    def weights(self, storage: int, address, n_bytes: int):
        """The two vectors of a panel's row: columns j and j + 16 of each word."""
        if storage == FLOAT32:
            return self.load(address, n_bytes), self.load(address, n_bytes + 64)
        if storage == BFLOAT16:
            word = self.load(address, n_bytes, self.integers)
            low = self.builder.shl(word, self.splat_int(16))
            # The high weight keeps the low one's bits as its last ones: packing has chosen it with those in mind.
            return self.builder.bitcast(low, self.vector), self.builder.bitcast(word, self.vector)
        return self._whole(address, n_bytes), self._whole(address, n_bytes + 16)

    def _whole(self, address, n_bytes: int):
        stored = self.builder.load(self.at(address, n_bytes, ir.VectorType(INT8, self.lanes)), align=1)
        return self.builder.sitofp(self.builder.sext(stored, self.integers), self.vector)


class _Tile:
    """``rows`` x ``2 * panels`` accumulators in registers, through one or two loops over k."""

    def __init__(self, emit: Emitter, storage: int, rows: int, panels: int):
        self.emit, self.storage, self.rows, self.panels = emit, storage, rows, panels
        self.row_bytes = PANEL_BYTES[storage]

    def zeros(self):
        return [[ir.Constant(self.emit.vector, None)] * (2 * self.panels) for _ in range(self.rows)]

    def chain(self, start, x, ldx, k, w, panel_stride):
        """Continue the chains ``start`` over ``k`` rows of weights at ``w`` (k may be 0)."""
        b = self.emit.builder
        before = b.basic_block
        loop, done = b.append_basic_block("chain"), b.append_basic_block("chained")
        row_stride = b.mul(ldx, INT64(4))
        rows = [b.add(x, b.mul(row_stride, INT64(r))) for r in range(self.rows)]
        b.cbranch(b.icmp_signed(">", k, INT64(0)), loop, done)
        b.position_at_end(loop)
        i = b.phi(INT64)
        i.add_incoming(INT64(0), before)
        sums = [[b.phi(self.emit.vector) for _ in row] for row in start]
        current = [list(row) for row in sums]
        for step in range(UNROLL):
            self._step(current, rows, i, step, w, panel_stride)
        following = b.add(i, INT64(UNROLL))
        i.add_incoming(following, loop)
        for phis, first, last in zip(sums, start, current, strict=True):
            for phi, at_start, at_end in zip(phis, first, last, strict=True):
                phi.add_incoming(at_start, before)
                phi.add_incoming(at_end, loop)
        b.cbranch(b.icmp_signed("<", following, k), loop, done)
        b.position_at_end(done)
        return [[self._merge(a, before, z, loop) for a, z in zip(first, last, strict=True)]
                for first, last in zip(start, current, strict=True)]  # fmt: skip

    def _step(self, current, rows, i, step, w, panel_stride):
        b = self.emit.builder
        base = b.add(w, b.mul(i, INT64(self.row_bytes)))
        vectors = []
        for panel in range(self.panels):
            address = b.add(base, b.mul(panel_stride, INT64(panel))) if panel else base
            vectors += self.emit.weights(self.storage, address, step * self.row_bytes)
        for r, row in enumerate(rows):
            x = self.emit.broadcast(self.emit.load(b.add(row, b.mul(i, INT64(4))), 4 * step, FLOAT))
            for c, vector in enumerate(vectors):
                current[r][c] = self.emit.fma(x, vector, current[r][c])

    def _merge(self, a, block_a, z, block_z):
        phi = self.emit.builder.phi(self.emit.vector)
        phi.add_incoming(a, block_a)
        phi.add_incoming(z, block_z)
        return phi


@intrinsic
def product_tile(
    typing, width, storage, rows, panels, x, ldx, k, x2, ldx2, k2, w, panel_stride,
    out, ldo, base, ldb, bias, scale, chain, ldc, floor,
):  # fmt: skip
    """out[r, c] = max(base[r, c] + bias[c] + scale[c] * (chain[r, c] + x @ w + x2 @ w2), floor).

    x holds the rows [r, :k] and w their weights, w2 lies after w. ``bias`` and ``chain`` may be 0 (none). ``scale`` is
    read for int8 alone. With ``base`` of zeros and ``scale`` of ones the result is a chain for another call to continue. A panel's row holds columns j (vector 0) and j + 16 (vector 1).
    """
    signature = types.void(width, storage, rows, panels, *[types.int64] * 16, types.float32)

    def code(context, builder, sig, args):
        emit = Emitter(builder, width)
        tile = _Tile(emit, storage.count, rows.count, panels.count)
        x_, ldx_, k_, x2_, ldx2_, k2_, w_, stride, out_, ldo_, base_, ldb_, bias_, scale_, chain_, ldc_, floor_ = args[4:]
        sums = _either(emit, chain_, tile.zeros(), lambda: [
            [emit.load(a, n) for a, n in row] for row in _outputs(emit, tile, chain_, ldc_)
        ])  # fmt: skip
        sums = _both(tile, sums, x_, ldx_, k_, x2_, ldx2_, k2_, w_, stride)
        bases = [[emit.load(a, n) for a, n in row] for row in _outputs(emit, tile, base_, ldb_)]
        columns = _columns(tile.panels)
        bases = _either(emit, bias_, bases, lambda: [
            [builder.fadd(value, emit.load(bias_, n)) for value, n in zip(row, columns, strict=True)] for row in bases
        ])  # fmt: skip
        least = emit.broadcast(floor_)
        for r, targets in enumerate(_outputs(emit, tile, out_, ldo_)):
            for c, (address, n_bytes) in enumerate(targets):
                if tile.storage == INT8_STORED:
                    value = emit.fma(sums[r][c], emit.load(scale_, columns[c]), bases[r][c])
                else:
                    value = builder.fadd(bases[r][c], sums[r][c])
                emit.store(emit.maximum(value, least), address, n_bytes)
        return context.get_dummy_value()

    return signature, code


def _both(tile, sums, x, ldx, k, x2, ldx2, k2, w, stride):
    b = tile.emit.builder
    sums = tile.chain(sums, x, ldx, k, w, stride)
    return tile.chain(sums, x2, ldx2, k2, b.add(w, b.mul(k, INT64(tile.row_bytes))), stride)


def _columns(panels):
    """Bytes from a row's start to the two vectors of each panel."""
    return [4 * PANEL * panel + half for panel in range(panels) for half in (0, 64)]


def _outputs(emit, tile, address, row_length):
    b = emit.builder
    stride = b.mul(row_length, INT64(4))
    rows = [b.add(address, b.mul(stride, INT64(r))) for r in range(tile.rows)]
    return [[(row, n_bytes) for n_bytes in _columns(tile.panels)] for row in rows]


def _either(emit, address, otherwise, compute):
    """``compute()`` where ``address`` is not 0, else ``otherwise`` (both rows of vectors)."""
    b = emit.builder
    before = b.basic_block
    given, done = b.append_basic_block("given"), b.append_basic_block("decided")
    b.cbranch(b.icmp_signed("!=", address, INT64(0)), given, done)
    b.position_at_end(given)
    computed = compute()
    after = b.basic_block
    b.branch(done)
    b.position_at_end(done)
    merged = []
    for plain, new in zip(otherwise, computed, strict=True):
        merged.append([])
        for a, z in zip(plain, new, strict=True):
            phi = b.phi(emit.vector)
            phi.add_incoming(a, before)
            phi.add_incoming(z, after)
            merged[-1].append(phi)
    return merged


@intrinsic
def gate(typing, width, filtered, gated, out):
    """out = tanh(filtered) * sigmoid(gated), one vector; with one division, as sigmoid(x) = (1 + tanh(x / 2)) / 2."""
    signature = types.void(width, types.int64, types.int64, types.int64)

    def code(context, builder, sig, args):
        emit = Emitter(builder, width)
        top, bottom = emit.tanh_parts(emit.load(args[1]))
        half = builder.fmul(emit.load(args[2]), emit.splat(0.5))
        numerator, denominator = emit.tanh_parts(half)
        above = builder.fmul(top, builder.fadd(denominator, numerator))
        below = builder.fmul(builder.fadd(bottom, bottom), denominator)
        emit.store(builder.fdiv(above, below), args[3])
        return context.get_dummy_value()

    return signature, code


@intrinsic
def exponentials(typing, width, logits, out, greatest, sharpness):
    """out = exp((logits - greatest) * sharpness), one vector; arguments are at most 0, below -87 gives about 1e-38."""
    signature = types.void(width, types.int64, types.int64, types.float32, types.float32)

    def code(context, builder, sig, args):
        emit = Emitter(builder, width)
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
def add(typing, width, a, b, out):
    """out = a + b, one vector."""
    signature = types.void(width, types.int64, types.int64, types.int64)

    def code(context, builder, sig, args):
        emit = Emitter(builder, width)
        emit.store(builder.fadd(emit.load(args[1]), emit.load(args[2])), args[3])
        return context.get_dummy_value()

    return signature, code


@intrinsic
def copy(typing, width, source, out):
    """out = source, one vector."""
    signature = types.void(width, types.int64, types.int64)

    def code(context, builder, sig, args):
        emit = Emitter(builder, width)
        emit.store(emit.load(args[1]), args[2])
        return context.get_dummy_value()

    return signature, code


@intrinsic
def greatest(typing, width, source, n):
    """The greatest of ``n`` floats at ``source``; n is a positive multiple of the lanes."""

    def code(context, builder, sig, args):
        emit = Emitter(builder, width)
        before = builder.basic_block
        loop, done = builder.append_basic_block("greatest"), builder.append_basic_block("found")
        first = emit.load(args[1])
        builder.branch(loop)
        builder.position_at_end(loop)
        i, best = builder.phi(INT64), builder.phi(emit.vector)
        better = emit.maximum(emit.load(builder.add(args[1], builder.mul(i, INT64(4)))), best)
        following = builder.add(i, INT64(emit.lanes))
        for phi, start, end in ((i, INT64(0), following), (best, first, better)):
            phi.add_incoming(start, before)
            phi.add_incoming(end, loop)
        builder.cbranch(builder.icmp_signed("<", following, args[2]), loop, done)
        builder.position_at_end(done)
        result = builder.extract_element(better, INT32(0))
        for lane in range(1, emit.lanes):
            other = builder.extract_element(better, INT32(lane))
            result = builder.select(builder.fcmp_ordered(">", other, result), other, result)
        return result

    return types.float32(width, types.int64, types.int64), code


@intrinsic
def read_float(typing, address):
    """The float32 at ``address``."""

    def code(context, builder, sig, args):
        return builder.load(builder.inttoptr(args[0], FLOAT.as_pointer()), align=4)

    return types.float32(types.int64), code


@intrinsic
def never_inlined(typing):
    """Keep the function this stands in as one copy: inlined into every caller it would take a minute to compile."""

    def code(context, builder, sig, args):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), code
