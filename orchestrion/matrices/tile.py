"""The register tile of every matrix product, as a numba intrinsic.

Addresses are int64 and lengths count float32. Every output element is one chain of multiply-adds in ascending k, whatever
the number of rows, panels and lanes: so a voice's numbers do not depend on who is computed beside it.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from orchestrion.matrices.emitter import FLOAT, INT32, INT64, PANEL, PANEL_BYTES, ROWS, UNROLL, Emitter
from orchestrion.matrices.whole import GREATEST, Whole, is_whole


class Tile:
    """``rows`` x ``2 * panels`` accumulators in registers, through a loop over k."""

    def __init__(self, emit: Emitter, storage, rows: int, panels: int):
        self.emit, self.storage, self.rows, self.panels = emit, storage.count, rows, panels
        self.whole = Whole(emit, storage) if is_whole(storage) else None
        self.kind = emit.integers if self.whole else emit.vector
        self.rows_a_step = ROWS[self.storage]
        self.step_bytes = self.rows_a_step * PANEL_BYTES[self.storage]
        self.x_bytes = self.whole.x_bytes if self.whole else 4

    def start(self):
        """Accumulators ``[row][vector]``."""
        return [2 * self.panels * [ir.Constant(self.kind, None)] for _ in range(self.rows)]

    def chain(self, start, x, ldx, k, w, step):
        """Continue the chains ``start`` over ``k`` rows of weights; ``step`` bytes from rows at ``w`` to the next ones."""
        b = self.emit.builder
        before = b.basic_block
        loop, done = b.append_basic_block("chain"), b.append_basic_block("chained")
        row_stride = b.mul(ldx, INT64(self.x_bytes))
        rows = [b.add(x, b.mul(row_stride, INT64(r))) for r in range(self.rows)]
        b.branch(loop)
        b.position_at_end(loop)
        i = b.phi(INT64)
        i.add_incoming(INT64(0), before)
        sums = [[b.phi(self.kind) for _ in row] for row in start]
        current = [list(row) for row in sums]
        for number in range(UNROLL):
            here = b.add(w, b.mul(b.add(i, INT64(number)), step))
            vectors = [v for panel in range(self.panels) for v in self._weights(here, panel * self.step_bytes)]
            self._step(current, rows, i, number, vectors)
        following = b.add(i, INT64(UNROLL))
        i.add_incoming(following, loop)
        for phis, first, last in zip(sums, start, current, strict=True):
            for phi, at_start, at_end in zip(phis, first, last, strict=True):
                phi.add_incoming(at_start, before)
                phi.add_incoming(at_end, loop)
        b.cbranch(b.icmp_signed("<", b.mul(following, INT64(self.rows_a_step)), k), loop, done)
        b.position_at_end(done)
        return current

    def _step(self, current, rows, i, number, vectors):
        b, x_step = self.emit.builder, self.rows_a_step * self.x_bytes
        for r, row in enumerate(rows):
            address = b.add(row, b.mul(i, INT64(x_step)))
            if self.whole:
                x = self.whole.inputs(address, x_step * number)
                current[r] = [self.whole.add_products(w, x, s) for w, s in zip(vectors, current[r], strict=True)]
            else:
                x = self.emit.broadcast(self.emit.load(address, x_step * number, FLOAT))
                current[r] = [self.emit.fma(x, w, s) for w, s in zip(vectors, current[r], strict=True)]

    def _weights(self, address, n_bytes):
        return self.whole.weights(address, n_bytes) if self.whole else self.emit.weights(self.storage, address, n_bytes)

    def values(self, sums, bases, scales, x_numbers):
        """``bases`` and what ``sums`` mean, ``[row][vector]``; ``scales`` are addresses of the vectors' columns' steps."""
        b = self.emit.builder
        if not self.whole:
            return _plus(b, bases, sums)
        values = []
        for r, row in enumerate(sums):
            x_step = self.emit.broadcast(self.emit.load(x_numbers, 8 * r, FLOAT))
            correction = self.emit.broadcast_int(self.emit.load(x_numbers, 8 * r + 4, INT32))
            steps = [b.fmul(x_step, self.emit.load(*scale)) for scale in scales]
            numbers = [b.sitofp(b.sub(total, correction), self.emit.vector) for total in row]
            values.append([self.emit.fma(*three) for three in zip(numbers, steps, bases[r], strict=True)])
        return values


@intrinsic
def product_tile(
    typing, width, storage, rows, panels, x, ldx, k, w, step, out, ldo, base, ldb, bias, scale, x_scale, chain, ldc, floor,
):  # fmt: skip
    """out[r, c] = max(base[r, c] + bias[c] + (chain[r, c] + x @ w), floor).

    x holds the rows [r, :k] and w their weights: those of the panels side by side, ``step`` bytes from one row's to the next
    one's (of whole numbers, from four rows'). ``bias`` and ``chain`` may be 0 (none); with ``base`` of zeros the result is a chain
    for another call to continue. A panel's row holds columns j (vector 0) and j + 16 (vector 1).

    For whole numbers, x is what ``to_whole`` wrote, with its numbers in ``x_scale``.
    """
    signature = types.void(width, storage, rows, panels, *[types.int64] * 14, types.float32)

    def code(context, builder, sig, args):
        emit = Emitter(builder, width)
        tile = Tile(emit, storage, rows.count, panels.count)
        x_, ldx_, k_, w_, step_, out_, ldo_, base_, ldb_, bias_, scale_, x_scale_, chain_, ldc_, floor_ = args[4:]
        columns = _columns(tile.panels)
        chains = _outputs(emit, tile, chain_, ldc_)
        start = tile.start() if tile.whole else _either(emit, chain_, tile.start(), lambda: _read(emit, chains))
        sums = tile.chain(start, x_, ldx_, k_, w_, step_)
        # Not before the loop, which needs the registers.
        bases = _read(emit, _outputs(emit, tile, base_, ldb_))
        if tile.whole:
            bases = _either(emit, chain_, bases, lambda: _plus(builder, bases, _read(emit, chains)))
        bases = _either(emit, bias_, bases, lambda: _plus(builder, bases, [[emit.load(bias_, n) for n in columns]] * tile.rows))
        values = tile.values(sums, bases, [(scale_, n) for n in columns], x_scale_)
        least = emit.broadcast(floor_)
        for row, targets in zip(values, _outputs(emit, tile, out_, ldo_), strict=True):
            for value, (address, n_bytes) in zip(row, targets, strict=True):
                emit.store(emit.maximum(value, least), address, n_bytes)
        return context.get_dummy_value()

    return signature, code


@intrinsic
def gated_tile(
    typing, width, storage, panels, x, k, w, step, base, chain, scale, x_scale, out, whole, numbers,
):  # fmt: skip
    """out = tanh(f) * sigmoid(g) of ``16 * panels`` channels of one row, where (f | g) = base + (chain + x @ w).

    For whole numbers, x is as for ``product_tile``; ``whole`` gets the rounded results, and ``numbers`` what ``to_whole`` writes there, of
    all channels: their sum is added to what it holds.
    """
    signature = types.void(width, storage, panels, *[types.int64] * 11)

    def code(context, builder, sig, args):
        emit = Emitter(builder, width)
        tile = Tile(emit, storage, 1, panels.count)
        x_, k_, w_, step_, base_, chain_, scale_, x_scale_, out_, whole_, numbers_ = args[3:]
        columns = _columns(tile.panels)
        bases, chains = ([[emit.load(address, n) for n in columns]] for address in (base_, chain_))
        if tile.whole:
            sums, bases = tile.chain(tile.start(), x_, k_, k_, w_, step_), _plus(builder, bases, chains)
        else:
            sums = tile.chain(chains, x_, k_, k_, w_, step_)
        (values,) = tile.values(sums, bases, [(scale_, n) for n in columns], x_scale_)
        results = [emit.gate(f, g) for f, g in zip(values[: tile.panels], values[tile.panels :], strict=True)]
        total = ir.Constant(emit.integers, None)
        for result, n in zip(results, columns, strict=False):
            emit.store(result, out_, n)
            if tile.whole:
                rounded = tile.whole.rounded(result, emit.splat(GREATEST))
                tile.whole.store(rounded, whole_, INT64(n // 4))
                total = tile.whole.sum(total, rounded)
        if tile.whole:
            builder.store(ir.Constant(FLOAT, 1 / GREATEST), emit.at(numbers_, 0, FLOAT), align=4)
            so_far = emit.load(numbers_, 4, INT32)
            builder.store(builder.add(so_far, tile.whole.correction(total)), emit.at(numbers_, 4, INT32), align=4)
        return context.get_dummy_value()

    return signature, code


@intrinsic
def row_bytes(typing, storage):
    """Of one row of a panel."""

    def code(context, builder, sig, args):
        return INT64(PANEL_BYTES[storage.count])

    return types.int64(storage), code


@intrinsic
def step_bytes(typing, storage):
    """Of the rows of a panel that lie side by side."""

    def code(context, builder, sig, args):
        return INT64(ROWS[storage.count] * PANEL_BYTES[storage.count])

    return types.int64(storage), code


def _read(emit, addresses):
    return [[emit.load(address, n_bytes) for address, n_bytes in row] for row in addresses]


def _plus(builder, a, b):
    return [[builder.fadd(x, y) for x, y in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)]


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
