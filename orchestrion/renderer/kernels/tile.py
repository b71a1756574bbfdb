"""The register tile of every matrix product, as a numba intrinsic.

Addresses are int64 and lengths count float32. Every output element is one chain of multiply-adds in ascending k, whatever
the number of rows, panels and lanes: so a voice's numbers do not depend on who is computed beside it.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from orchestrion.renderer.kernels.emitter import FLOAT, INT8_STORED, INT32, INT64, PANEL, PANEL_BYTES, UNROLL, Emitter
from orchestrion.renderer.kernels.whole import WHOLE_UNIT, Whole, is_quads


class Tile:
    """``rows`` x ``2 * panels`` accumulators in registers, through one or two loops over k."""

    def __init__(self, emit: Emitter, storage, rows: int, panels: int):
        self.emit, self.storage, self.rows, self.panels = emit, storage.count, rows, panels
        self.whole = Whole(emit, is_quads(storage)) if self.storage == INT8_STORED else None
        self.kind = emit.integers if self.whole else emit.vector
        self.rows_a_step = 4 if self.whole else 1
        self.row_bytes = PANEL_BYTES[self.storage]
        self.x_bytes = 2 if self.whole else 4

    def start(self):
        """Accumulators ``[row][of each vector]``; those of whole numbers may be two a vector."""
        start = self.whole.start() if self.whole else [ir.Constant(self.kind, None)]
        return [2 * self.panels * start for _ in range(self.rows)]

    def chain(self, start, x, ldx, k, panels):
        """Continue the chains ``start`` over ``k`` rows of weights of the ``panels`` at these addresses (k may be 0)."""
        b = self.emit.builder
        before = b.basic_block
        loop, done = b.append_basic_block("chain"), b.append_basic_block("chained")
        row_stride = b.mul(ldx, INT64(self.x_bytes))
        rows = [b.add(x, b.mul(row_stride, INT64(r))) for r in range(self.rows)]
        b.cbranch(b.icmp_signed(">", k, INT64(0)), loop, done)
        b.position_at_end(loop)
        i = b.phi(INT64)
        i.add_incoming(INT64(0), before)
        sums = [[b.phi(self.kind) for _ in row] for row in start]
        current = [list(row) for row in sums]
        for step in range(UNROLL):
            self._step(current, rows, i, step, panels)
        following = b.add(i, INT64(UNROLL * self.rows_a_step))
        i.add_incoming(following, loop)
        for phis, first, last in zip(sums, start, current, strict=True):
            for phi, at_start, at_end in zip(phis, first, last, strict=True):
                phi.add_incoming(at_start, before)
                phi.add_incoming(at_end, loop)
        b.cbranch(b.icmp_signed("<", following, k), loop, done)
        b.position_at_end(done)
        return [[self._merge(a, before, z, loop) for a, z in zip(first, last, strict=True)]
                for first, last in zip(start, current, strict=True)]  # fmt: skip

    def _step(self, current, rows, i, step, panels):
        b = self.emit.builder
        passed = b.mul(i, INT64(self.row_bytes))
        vectors = []
        for panel in panels:
            vectors += self._weights(b.add(panel, passed), step * self.rows_a_step * self.row_bytes)
        for r, row in enumerate(rows):
            address = b.add(row, b.mul(i, INT64(self.x_bytes)))
            if self.whole:
                x, n = self.whole.inputs(address, step), self.whole.n_sums
                products = [self.whole.add_products(w, x, current[r][n * c : n * c + n]) for c, w in enumerate(vectors)]
                current[r] = [total for sums in products for total in sums]
            else:
                x = self.emit.broadcast(self.emit.load(address, 4 * step, FLOAT))
                current[r] = [self.emit.fma(x, w, s) for w, s in zip(vectors, current[r], strict=True)]

    def _weights(self, address, n_bytes):
        return self.whole.weights(address, n_bytes) if self.whole else self.emit.weights(self.storage, address, n_bytes)

    def values(self, sums, bases, scales, x_numbers):
        """``bases`` and what ``sums`` mean, ``[row][vector]``; ``scales`` are addresses of the vectors' columns' steps."""
        b = self.emit.builder
        if not self.whole:
            return _plus(b, bases, sums)
        n, values = self.whole.n_sums, []
        for r, row in enumerate(sums):
            x_step = self.emit.broadcast(self.emit.load(x_numbers, 8 * r, FLOAT))
            correction = self.emit.broadcast_int(self.emit.load(x_numbers, 8 * r + 4, INT32))
            totals = [self.whole.total(row[n * c : n * c + n], correction) for c in range(len(scales))]
            steps = [b.fmul(x_step, self.emit.load(*scale)) for scale in scales]
            numbers = [b.sitofp(total, self.emit.vector) for total in totals]
            values.append([self.emit.fma(*three) for three in zip(numbers, steps, bases[r], strict=True)])
        return values

    def _merge(self, a, block_a, z, block_z):
        phi = self.emit.builder.phi(self.kind)
        phi.add_incoming(a, block_a)
        phi.add_incoming(z, block_z)
        return phi


@intrinsic
def product_tile(
    typing, width, storage, rows, panels, x, ldx, k, x2, ldx2, k2, w, panel_stride,
    out, ldo, base, ldb, bias, scale, x_scale, chain, ldc, floor,
):  # fmt: skip
    """out[r, c] = max(base[r, c] + bias[c] + (chain[r, c] + x @ w + x2 @ w2), floor).

    x holds the rows [r, :k] and w their weights, w2 lies after w. ``bias`` and ``chain`` may be 0 (none); with ``base`` of
    zeros the result is a chain for another call to continue. A panel's row holds columns j (vector 0) and j + 16 (vector 1).

    For int8, x is what ``to_whole`` wrote, with its numbers in ``x_scale``; there is no x2.
    """
    signature = types.void(width, storage, rows, panels, *[types.int64] * 17, types.float32)

    def code(context, builder, sig, args):
        emit = Emitter(builder, width)
        tile = Tile(emit, storage, rows.count, panels.count)
        x_, ldx_, k_, x2_, ldx2_, k2_, w_, stride, out_, ldo_, base_, ldb_, bias_, scale_, x_scale_ = args[4:19]
        chain_, ldc_, floor_ = args[19:]
        bases = _read(emit, _outputs(emit, tile, base_, ldb_))
        columns = _columns(tile.panels)
        chains = _outputs(emit, tile, chain_, ldc_)
        weights = _panels(emit, tile.panels, w_, stride)
        if tile.whole:
            sums = tile.chain(tile.start(), x_, ldx_, k_, weights)
            bases = _either(emit, chain_, bases, lambda: _plus(builder, bases, _read(emit, chains)))
        else:
            sums = _either(emit, chain_, tile.start(), lambda: _read(emit, chains))
            sums = tile.chain(sums, x_, ldx_, k_, weights)
            second = [builder.add(panel, builder.mul(k_, INT64(tile.row_bytes))) for panel in weights]
            sums = tile.chain(sums, x2_, ldx2_, k2_, second)
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
    typing, width, storage, panels, x, k, w, panel_stride, across, base, chain, scale, x_scale, channels, out, whole, numbers,
):  # fmt: skip
    """out = tanh(f) * sigmoid(g) of ``32 * panels`` channels of one row, where f = base + (chain + x @ w), and g is the same of the
    columns ``channels`` further, whose panels lie ``across`` bytes further.

    For int8, x is as for ``product_tile``; ``whole`` gets the rounded results, and ``numbers`` what ``to_whole`` writes there, of
    all channels: their sum is added to what it holds.
    """
    signature = types.void(width, storage, panels, *[types.int64] * 13)

    def code(context, builder, sig, args):
        emit = Emitter(builder, width)
        n = panels.count
        x_, k_, w_, stride, across_, base_, chain_, scale_, x_scale_, channels_, out_, whole_, numbers_ = args[3:]
        tile = Tile(emit, storage, 1, 2 * n)
        weights = _panels(emit, n, w_, stride) + _panels(emit, n, builder.add(w_, across_), stride)
        second = builder.mul(channels_, INT64(4))

        def both(address):
            further = builder.add(address, second)
            return [(address, c) for c in _columns(n)] + [(further, c) for c in _columns(n)]

        bases, chains = ([[emit.load(*place) for place in both(address)]] for address in (base_, chain_))
        if tile.whole:
            sums, bases = tile.chain(tile.start(), x_, k_, k_, weights), _plus(builder, bases, chains)
        else:
            sums = tile.chain(chains, x_, k_, k_, weights)
        (values,) = tile.values(sums, bases, both(scale_), x_scale_)
        results = [emit.gate(f, g) for f, g in zip(values[: 2 * n], values[2 * n :], strict=True)]
        total = ir.Constant(emit.integers, None)
        for result, c in zip(results, _columns(n), strict=True):
            emit.store(result, out_, c)
            if tile.whole:
                rounded = tile.whole.rounded(result, emit.splat(WHOLE_UNIT))
                tile.whole.store(rounded, whole_, INT64(c // 4))
                total = tile.whole.sum(total, rounded)
        if tile.whole:
            builder.store(ir.Constant(FLOAT, 1 / WHOLE_UNIT), emit.at(numbers_, 0, FLOAT), align=4)
            so_far = emit.load(numbers_, 4, INT32)
            builder.store(builder.add(so_far, tile.whole.correction(total)), emit.at(numbers_, 4, INT32), align=4)
        return context.get_dummy_value()

    return signature, code


def _read(emit, addresses):
    return [[emit.load(address, n_bytes) for address, n_bytes in row] for row in addresses]


def _plus(builder, a, b):
    return [[builder.fadd(x, y) for x, y in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)]


def _panels(emit, n, w, stride):
    """Addresses of ``n`` panels."""
    return [emit.builder.add(w, emit.builder.mul(stride, INT64(panel))) for panel in range(n)]


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
