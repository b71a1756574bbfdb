"""The register tile of every matrix product, as numba intrinsics that cover rows or panels with it.

Addresses are int64 and lengths count float32. Every output element is one chain of multiply-adds in ascending k, whatever
the number of rows, panels and lanes: so a voice's numbers do not depend on who is computed beside it.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from orchestrion.matrices.arithmetic import ROWS
from orchestrion.matrices.emitter import FLOAT, INT32, INT64, PANEL, UNROLL, Emitter
from orchestrion.matrices.whole import GREATEST, WholeArithmetic

# Rows of a tile, the tallest first: with 16 lanes there are 32 registers, with fewer perhaps 16.
HEIGHTS = {16: (12, 8, 4, 3, 2, 1), 8: (6, 4, 3, 2, 1), 4: (6, 4, 3, 2, 1)}
SIDE_BY_SIDE = (4, 2, 1)  # panels of one row's tile: 8 accumulators hide the latency of the multiply-adds


class Tile:
    """``rows`` x ``2 * panels`` accumulators in registers, through a loop over k."""

    def __init__(self, emit: Emitter, rows: int, panels: int):
        self.emit, self.rows, self.panels = emit, rows, panels
        self.whole = WholeArithmetic(emit) if emit.how.is_whole else None
        self.kind = emit.integers if self.whole else emit.vector
        self.rows_a_step = ROWS[emit.how.storage]

    @property
    def columns(self) -> list[int]:
        """Bytes from a row's start to the two vectors of each panel: columns j and j + 16."""
        return [4 * PANEL * panel + half for panel in range(self.panels) for half in (0, 64)]

    def start(self):
        """Accumulators ``[row][vector]``."""
        return [2 * self.panels * [ir.Constant(self.kind, None)] for _ in range(self.rows)]

    def chain(self, start, x, k, w, step):
        """Continue the chains ``start`` over ``k`` rows of weights; ``step`` bytes from rows at ``w`` to the next ones.

        ``x`` is (address, stride) of its rows.
        """
        b = self.emit.builder
        before = b.basic_block
        loop, done = b.append_basic_block("chain"), b.append_basic_block("chained")
        (address, stride), n_bytes = x, INT64(self.emit.how.input_bytes)
        rows = [b.add(address, b.mul(b.mul(stride, n_bytes), INT64(r))) for r in range(self.rows)]
        b.branch(loop)
        b.position_at_end(loop)
        i = b.phi(INT64)
        i.add_incoming(INT64(0), before)
        sums = [[b.phi(self.kind) for _ in row] for row in start]
        current = [list(row) for row in sums]
        for number in range(UNROLL):
            here = b.add(w, b.mul(b.add(i, INT64(number)), step))
            vectors = [v for panel in range(self.panels) for v in self._weights(here, panel * self.emit.how.step_bytes)]
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
        b, x_step = self.emit.builder, self.rows_a_step * self.emit.how.input_bytes
        for r, row in enumerate(rows):
            address = b.add(row, b.mul(i, INT64(x_step)))
            if self.whole:
                x = self.whole.inputs(address, x_step * number)
                current[r] = [self.whole.add_products(w, x, s) for w, s in zip(vectors, current[r], strict=True)]
            else:
                x = self.emit.broadcast(self.emit.load(address, x_step * number, FLOAT))
                current[r] = [self.emit.fma(x, w, s) for w, s in zip(vectors, current[r], strict=True)]

    def _weights(self, address, n_bytes):
        return self.whole.weights(address, n_bytes) if self.whole else self.emit.weights(address, n_bytes)

    def values(self, sums, bases, scale, x_facts):
        """``bases`` and what ``sums`` mean, ``[row][vector]``; the columns' steps are at ``scale``."""
        b = self.emit.builder
        if not self.whole:
            return _plus(b, bases, sums)
        values = []
        for r, row in enumerate(sums):
            x_step = self.emit.broadcast(self.emit.load(x_facts, 8 * r, FLOAT))
            correction = self.emit.broadcast(self.emit.load(x_facts, 8 * r + 4, INT32))
            steps = [b.fmul(x_step, self.emit.load(scale, n)) for n in self.columns]
            numbers = [b.sitofp(b.sub(total, correction), self.emit.vector) for total in row]
            values.append([self.emit.fma(*three) for three in zip(numbers, steps, bases[r], strict=True)])
        return values

    def product(self, x, k, w, step, scale, x_facts, out, base, bias, chain, floor) -> None:
        """Write out[r, c] = max(base[r, c] + bias[c] + (chain[r, c] + x @ w), floor).

        ``x``, ``out``, ``base`` and ``chain`` are (address, stride) of rows; ``bias`` and the chain's address may be 0 (none).
        """
        emit, b = self.emit, self.emit.builder
        chains = self._vectors(*chain)
        start = self.start() if self.whole else self._where(chain[0], self.start(), lambda: self._read(chains))
        sums = self.chain(start, x, k, w, step)
        bases = self._read(self._vectors(*base))  # not before the loop, which needs the registers
        if self.whole:
            bases = self._where(chain[0], bases, lambda: _plus(b, bases, self._read(chains)))
        bases = self._where(bias, bases, lambda: _plus(b, bases, [[emit.load(bias, n) for n in self.columns]] * self.rows))
        least = emit.broadcast(floor)
        for row, targets in zip(self.values(sums, bases, scale, x_facts), self._vectors(*out), strict=True):
            for value, (address, n_bytes) in zip(row, targets, strict=True):
                emit.store(emit.maximum(value, least), address, n_bytes)

    def _vectors(self, address, stride):
        """(address, bytes from there) of each vector ``[row][vector]``."""
        b = self.emit.builder
        n_bytes = b.mul(stride, INT64(4))
        return [[(b.add(address, b.mul(n_bytes, INT64(r))), n) for n in self.columns] for r in range(self.rows)]

    def _read(self, vectors):
        return [[self.emit.load(address, n_bytes) for address, n_bytes in row] for row in vectors]

    def _where(self, address, otherwise, compute):
        """``compute()`` where ``address`` is not 0, else ``otherwise`` (both rows of vectors)."""
        b = self.emit.builder
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
                phi = b.phi(self.emit.vector)
                phi.add_incoming(a, before)
                phi.add_incoming(z, after)
                merged[-1].append(phi)
        return merged


@intrinsic
def panel_tiles(typing, how, n, x, k, w, step, scale, x_facts, out, base, bias, chain, floor):
    """`Tile.product` of ``n`` rows and the panel at ``w``, of which its vectors of ``lanes`` columns and those 16 further on."""

    def code(context, builder, sig, args):
        emit = Emitter(builder, how.how)
        _, n_, x_, k_, w_, step_, scale_, x_facts_, out_, base_, bias_, chain_, floor_ = args
        (x_, ldx), *others = (_unpacked(builder, rows) for rows in (x_, out_, base_, chain_))

        def rows_from(r, height):
            here = b.add(x_, b.mul(b.mul(r, ldx), INT64(how.how.input_bytes)))
            out_, base_, chain_ = (_from_row(builder, *rows, r) for rows in others)
            facts = b.add(x_facts_, b.mul(r, INT64(8)))
            Tile(emit, height, 1).product((here, ldx), k_, w_, step_, scale_, facts, out_, base_, bias_, chain_, floor_)

        b = builder
        emit.in_steps(n_, HEIGHTS[emit.lanes], rows_from)
        return context.get_dummy_value()

    return types.void(how, n, x, k, w, step, scale, x_facts, out, base, bias, chain, floor), code


@intrinsic
def row_tiles(typing, how, x, x_facts, w, part, out, base, bias, chain, floor):
    """`Tile.product` of one row and all panels of ``w``, of which the vectors from column ``part``; all but ``w`` are addresses."""

    def code(context, builder, sig, args):
        emit, b, columns_a_panel = Emitter(builder, how.how), builder, INT64(PANEL)
        _, x_, x_facts_, w_, part_, out_, base_, bias_, chain_, floor_ = args
        panels_, scale_, k_, columns_ = _unpacked(builder, w_)

        def panels_from(panel, count):
            n_bytes = b.mul(b.add(b.mul(panel, columns_a_panel), part_), INT64(4))
            begin = b.add(b.mul(b.mul(panel, k_), INT64(how.how.row_bytes)), b.mul(part_, INT64(4)))
            bias_here, chain_here = (_past(builder, address, n_bytes) for address in (bias_, chain_))
            one_row = INT64(0)
            Tile(emit, 1, count).product(
                (x_, one_row), k_, b.add(panels_, begin), INT64(count * how.how.step_bytes), b.add(scale_, n_bytes), x_facts_,
                (b.add(out_, n_bytes), one_row), (b.add(base_, n_bytes), one_row), bias_here, (chain_here, one_row), floor_,
            )  # fmt: skip

        emit.in_steps(b.sdiv(columns_, columns_a_panel), SIDE_BY_SIDE, panels_from)
        return context.get_dummy_value()

    return types.void(how, x, x_facts, w, part, out, base, bias, chain, floor), code


@intrinsic
def gated_tiles(typing, how, x, x_facts, w, part, base, chain, out, out_whole):
    """out = tanh(f) * sigmoid(g) of one row, where (f | g) = base + (chain + x @ w), vectors from column ``part``.

    Columns are in the order of the renderer's ``packing.gate_order``. Of whole numbers, ``out_whole`` gets the rounded results, and
    their facts, of all columns: their sum is added to what it holds.
    """

    def code(context, builder, sig, args):
        emit, b = Emitter(builder, how.how), builder
        _, x_, x_facts_, w_, part_, base_, chain_, out_, whole_ = args
        panels_, scale_, k_, columns_ = _unpacked(builder, w_)
        numbers_, facts_ = _unpacked(builder, whole_)

        def panels_from(panel, count):
            """``count`` panels of results, from twice as many of filters and gates."""
            n_bytes = b.mul(b.add(b.mul(panel, INT64(2 * PANEL)), part_), INT64(4))
            begin = b.add(b.mul(b.mul(panel, k_), INT64(2 * how.how.row_bytes)), b.mul(part_, INT64(4)))
            channel = b.add(b.mul(panel, INT64(PANEL)), part_)
            tile = Tile(emit, 1, 2 * count)
            bases, chains = ([[emit.load(b.add(a, n_bytes), n) for n in tile.columns]] for a in (base_, chain_))
            start = tile.start() if tile.whole else chains
            sums = tile.chain(start, (x_, INT64(0)), k_, b.add(panels_, begin), INT64(2 * count * how.how.step_bytes))
            bases = _plus(b, bases, chains) if tile.whole else bases
            (values,) = tile.values(sums, bases, b.add(scale_, n_bytes), x_facts_)
            results = [emit.gate(f, g) for f, g in zip(values[: 2 * count], values[2 * count :], strict=True)]
            total = ir.Constant(emit.integers, None)
            for result, n in zip(results, tile.columns, strict=False):
                emit.store(result, b.add(out_, b.mul(channel, INT64(4))), n)
                if tile.whole:
                    rounded = tile.whole.rounded(result, emit.splat(GREATEST))
                    tile.whole.store(rounded, numbers_, b.add(channel, INT64(n // 4)))
                    total = tile.whole.sum(total, rounded)
            if tile.whole:
                builder.store(ir.Constant(FLOAT, 1 / GREATEST), emit.at(facts_, 0, FLOAT), align=4)
                so_far = emit.load(facts_, 4, INT32)
                builder.store(builder.add(so_far, tile.whole.correction(total)), emit.at(facts_, 4, INT32), align=4)

        emit.in_steps(b.sdiv(columns_, INT64(2 * PANEL)), (2, 1), panels_from)
        return context.get_dummy_value()

    return types.void(how, x, x_facts, w, part, base, chain, out, out_whole), code


def _unpacked(builder, named):
    """The values of a NamedTuple."""
    return [builder.extract_value(named, i) for i in range(named.type.count)]


def _from_row(builder, address, stride, r):
    """(address, stride) of rows from the r-th on; none stay none."""
    return _past(builder, address, builder.mul(builder.mul(r, stride), INT64(4))), stride


def _past(builder, address, n_bytes):
    """``n_bytes`` past an address; 0 stays 0."""
    none = builder.icmp_signed("==", address, INT64(0))
    return builder.select(none, address, builder.add(address, n_bytes))


def _plus(builder, a, b):
    return [[builder.fadd(x, y) for x, y in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)]
