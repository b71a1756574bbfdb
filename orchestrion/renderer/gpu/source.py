"""Conditioning inputs of driven instruments, made on the GPU: twin of `renderer.features` and `bridge.sourcesignal`.

A processor needs some seconds for three minutes of a harmonic source, longer than a GPU plays them. Here a frame is a program
that goes through the notes that sound in it, in order. So a frame's numbers depend neither on who else is computed nor on the block.
What depends on a shape (Fourier transforms) is always computed in the same one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
import triton
from torch import Tensor

from orchestrion.bridge.groups import DECAY_S
from orchestrion.bridge.noise import (
    AFTER,
    BEFORE,
    FINE_IN_BAND,
    FLOOR_DB,
    N_BANDS,
    OVERLAP,
    SPAN_DB,
    band_of_bins,
    place_of_bins,
)
from orchestrion.bridge.reach import Reach
from orchestrion.bridge.source import AGES_S, ATTACK_S, CONTOUR_S, HarmonicSource
from orchestrion.bridge.sourcesignal import RELEASED_DB, SourceSignal, rows_of, shares_of
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.gpu import sourcekernel

PARTIALS = 16  # at a time


class GpuSource:
    """The conditioning inputs of one series, by runs of frames, on the GPU.

    Args:
        signal: the series' source on the processor, whose notes, contours and attacks are taken.
    """

    def __init__(self, signal: SourceSignal, config: WaveNetConfig, device: torch.device):
        self._config, self._device, series = config, device, signal.series
        self._move_s = signal.source.modulation_s
        self._tables = _tables_on(signal.source, (series.sample_rate, series.hop), device)
        notes, s = series.notes, signal.source
        row = rows_of(s, notes.pitch)
        frame_s = series.hop / series.sample_rate
        self._end = notes.offset_frame + np.ceil(RELEASED_DB / s.release_db_s / frame_s).astype(np.int64)[row]
        self._onset, self._reach = notes.onset_frame, Reach(notes.onset_frame, self._end)
        shares = np.array([shares_of(velocity, s.velocity) for velocity in range(128)])[notes.velocity]
        law = 20 * s.exponent * np.log10(s.velocity)
        layer = np.abs(s.velocity - np.arange(128)[:, None]).argmin(1)[notes.velocity]
        recorded = np.zeros(len(row), bool) if s.attack is None else notes.pitch == s.pitch[row]
        whole = np.stack([notes.onset_frame, notes.offset_frame, self._end, notes.pitch, row, np.where(recorded, layer, -1)], 1)
        real = np.stack(
            [20 * s.exponent * np.log10(notes.velocity) - shares @ law, s.release_db_s[row], (notes.velocity / s.velocity[layer]) ** s.exponent,
             notes.velocity / 127], 1,
        )  # fmt: skip
        self._whole, self._real = self._up(whole.astype(np.int32)), self._up(real.astype(np.float32))
        self._shares = self._up(shares.astype(np.float32))
        self._f1 = self._up(s.f1_hz[row] * 2.0 ** ((notes.pitch - s.pitch[row]) / 12))
        self._ratio, self._turned = self._contours(signal, row)
        self._moves, self._noise_moves = (self._courses(signal, row, of_noise) for of_noise in (False, True))

    def _contours(self, signal: SourceSignal, row: np.ndarray) -> tuple[Tensor, Tensor]:
        """``[rows, knots]`` float64 for all rows and the longest note, empty where pitches are steady."""
        longest = int((self._end - self._onset).max(initial=1))
        found = {int(r): signal.contour(int(r), longest) for r in np.unique(row)}
        knots = max((len(ratio) for ratio, _ in found.values()), default=0)
        both = np.zeros((2, len(signal.source.pitch), knots))
        for r, (ratio, turned) in found.items():
            both[0, r, : len(ratio)], both[1, r, : len(turned)] = ratio[:knots], turned[:knots]
        return self._up(both[0]), self._up(both[1])

    def _courses(self, signal: SourceSignal, row: np.ndarray, of_noise: bool) -> Tensor:
        """``[rows, knots, courses]`` float32 of what moves partials or noise, for all rows and the longest note."""
        longest = int((self._end - self._onset).max(initial=1))
        found = {int(r): signal.modulation(int(r), longest, of_noise=of_noise) for r in np.unique(row)}
        knots, courses = (max((each.shape[axis] for each in found.values()), default=least) for axis, least in ((0, 2), (1, 0)))
        moves = np.zeros((len(signal.source.pitch), knots, courses), np.float32)
        for r, each in found.items():
            moves[r, : len(each)] = each
        return self._up(moves)

    def _up(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device, non_blocking=True)

    def frames(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Frames [start, stop): features ``[f, input_channels]`` float32 as `Features.frames`, and noise spectra ``[f, bins, 2]`` float32."""
        c, t = self._config, self._tables
        first_pair, note = self._pairs(start, stop)
        n, bins = stop - start, c.hop * OVERLAP // 2 + 1
        n_pitches = c.pitch_high - c.pitch_low + 1
        features = torch.empty(n, c.input_channels, device=self._device)
        spectra = torch.empty(n, bins, 2, device=self._device)
        sourcekernel.noise[(n,)](
            features, spectra, first_pair, note, self._whole, self._real, self._shares, t["noise"], t["ages"], t["band"], t["scale"],
            t["coarse"], t["shape"], t["place"], self._noise_moves, t["noise_shares"], t["clock"], start, c.hop / c.sample_rate / DECAY_S,
            t["louder"], t["rows"], self._noise_moves.shape[1],
            N_LAYERS=t["layers"], N_COURSES=self._noise_moves.shape[2], SHAPED=t["shaped"], KNOT_S=CONTOUR_S, BINS=bins, LANES=triton.next_power_of_2(bins), CHANNELS=c.input_channels,
            LOW=c.pitch_low, PITCHES=n_pitches, VELOCITY=_place(c, "velocity"), ONSET=_place(c, "onset"), DECAY=_place(c, "decay"),
            SOUNDING=_place(c, "sounding"), RECORDED=t["recorded"], WHOLE=ATTACK_S[0], GONE=ATTACK_S[1], FLOOR=FLOOR_DB, SPAN=SPAN_DB,
        )  # fmt: skip
        return features, spectra

    def partials(self, start: int, stop: int) -> Tensor:
        """Audio of frames [start, stop) without noise, ``[(stop - start), hop]`` float32."""
        c, t = self._config, self._tables
        first_pair, note = self._pairs(start, stop)
        out = torch.empty(stop - start, c.hop, device=self._device)
        sourcekernel.partials[(stop - start,)](
            out, first_pair, note, self._whole, self._real, self._shares, self._f1, self._ratio, self._turned, t["level"], t["phase"],
            t["ages"], t["first_partial"], t["n_partials"], t["partial_ratio"], t["attack"], self._moves, t["shares"], t["clock"], start,
            t["rows"], t["total"], self._ratio.shape[1], t["attack"].shape[-1], self._moves.shape[1],
            N_LAYERS=t["layers"], N_COURSES=self._moves.shape[2], CONTOURED=int(self._ratio.shape[1] > 0), HOP=c.hop, LANES=triton.next_power_of_2(c.hop), CHUNK=PARTIALS, KNOT_S=CONTOUR_S,
            MOVE_S=self._move_s, RATE=c.sample_rate,
        )  # fmt: skip
        return out

    def _pairs(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Which notes sound in each frame, ascending: where a frame's begin ``[f + 1]``, and the notes; int32."""
        chosen = self._reach.between(start, stop)
        first, last = np.maximum(self._onset[chosen], start), np.minimum(self._end[chosen], stop)
        count = np.maximum(last - first, 0)
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        frame = np.repeat(first, count) + within - start
        order = np.argsort(frame, kind="stable")
        begins = np.concatenate([[0], np.cumsum(np.bincount(frame, minlength=stop - start))])
        return self._up(begins.astype(np.int32)), self._up(np.repeat(chosen, count)[order].astype(np.int32))


def overlapped(spectra: Tensor, hop: int) -> Tensor:
    """``[blocks, f + 3, bins, 2]`` spectra as audio ``[blocks, f * hop]`` float32: frames overlap as in `NoiseSpectra.samples`."""
    window = torch.hann_window(OVERLAP * hop, device=spectra.device)
    pieces = torch.fft.irfft(torch.view_as_complex(spectra), OVERLAP * hop) * window
    n = spectra.shape[1] - BEFORE - AFTER
    # Hop h of the block is a part of frames h - 2 .. h + 1, which begin a hop early.
    parts = pieces.unflatten(-1, (OVERLAP, hop))
    out: Tensor = parts[:, BEFORE + AFTER : BEFORE + AFTER + n, 0]
    for late in range(1, OVERLAP):
        out = out + parts[:, BEFORE + AFTER - late : BEFORE + AFTER - late + n, late]
    return out.flatten(1)


def _place(config: WaveNetConfig, group: str) -> int:
    """Where a group's channels begin; -1 where the network has it not."""
    pitches = config.pitch_high - config.pitch_low + 1
    return config.groups.index(group) * pitches if group in config.groups else -1


@lru_cache(maxsize=4)
def _tables_on(source: HarmonicSource, clock: tuple[int, int], device: torch.device) -> dict[str, Any]:
    """The source's tables on the GPU for one clock (sample rate, hop)."""
    rate, hop = clock
    band, scale = band_of_bins(hop, rate)
    s, n_bins = source, hop * OVERLAP // 2 + 1
    attack = np.zeros((1, 1, 1), np.float32) if s.attack is None else s.attack
    if s.attack is not None and rate != s.sample_rate:
        import soxr

        flat = attack.astype(np.float64).reshape(-1, attack.shape[-1])
        attack = np.stack([soxr.resample(one, s.sample_rate, rate, quality="HQ") for one in flat]).reshape(*attack.shape[:2], -1)
    arrays = {
        "level": s.level_db.astype(np.float32), "noise": s.noise_db.astype(np.float32), "phase": s.phase.astype(np.float32),
        "ages": AGES_S.astype(np.float64), "first_partial": s.first_partial.astype(np.int32), "n_partials": s.n_partials.astype(np.int32),
        "partial_ratio": np.concatenate([s.ratios(row) for row in range(len(s.pitch))]), "attack": attack.astype(np.float32), "band": band[:n_bins].astype(np.int32),
        "clock": np.array([hop / rate, 0.48 * rate]), "scale": scale[:n_bins].astype(np.float32), "coarse": np.repeat(np.arange(N_BANDS), FINE_IN_BAND).astype(np.int32),
    }  # fmt: skip
    nothing = np.zeros(1, np.float32)
    moving = {"shape": s.noise_shape_db, "shares": s.modulation_share, "noise_shares": s.noise_modulation_share}
    arrays |= {name: nothing if table is None else table.astype(np.float32) for name, table in moving.items()}
    arrays["place"] = place_of_bins(hop, rate)[:n_bins].astype(np.int32)
    tensors = {name: torch.from_numpy(np.ascontiguousarray(array)).to(device) for name, array in arrays.items()}
    return tensors | {
        "layers": len(s.velocity), "rows": len(s.pitch), "total": s.level_db.shape[1], "louder": s.louder_db,
        "recorded": int(s.attack is not None), "shaped": int(s.noise_shape_db is not None),
    }  # fmt: skip
