"""Whether this GPU draws what it should: tried on random weights before anything is played on it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.noise import AFTER, BEFORE, N_FINE, N_SHAPE
from orchestrion.bridge.source import HarmonicSource, plain_source
from orchestrion.errors import OrchestrionError
from orchestrion.randomness import stream_key
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.features import Features
from orchestrion.renderer.gpu import weights
from orchestrion.renderer.gpu.batch import PROGRAMS, WAITED, GpuBatch, GpuBlock, Layout
from orchestrion.renderer.gpu.cluster import TILE, has_clusters, unfit
from orchestrion.renderer.gpu.kernel import PROGRAM_VOICES
from orchestrion.renderer.gpu.source import GpuSource, overlapped
from orchestrion.renderer.gpu.weights import GpuWeights, turns
from orchestrion.renderer.kernels.batch import VoiceState
from orchestrion.renderer.network import WaveNet
from orchestrion.score import Note

# Of a logit, in standard deviations of all of them. What float16 rounds makes errors of about a thousandth.
TOLERANCE = 0.02
SOURCE_TOLERANCE = 1e-3  # of the loudest sample


def check(config: WaveNetConfig) -> None:
    """Play a random network of that size on the GPU.

    Its logits are held against ``WaveNet.forward`` in float32 after enough samples to go round the longest ring twice, and
    what a voice draws alone, in two runs, against what it draws among others.

    Raises:
        OrchestrionError: it does not play as it should.
    """
    if config.source_window:
        _check_source(config)
    if not clusters_play(config):
        _compare(_trial(config, PROGRAM_VOICES + 1), [PROGRAMS])


@lru_cache
def clusters_play(config: WaveNetConfig) -> bool:
    """Whether clusters take networks of this size here, and have passed the check; said in a warning if they have not."""
    if unfit(config) or not has_clusters(config):
        return False
    try:
        _compare(_trial(config, PROGRAM_VOICES + 1), [Layout(TILE, True), Layout(2 * TILE, True)])
    except Exception as error:  # noqa: BLE001 - whatever NVRTC or the driver has against them, there is the other kernel
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        warnings.warn(f"The GPU's quickest player has failed its check ({reason}). Taking the slower one.", stacklevel=2)
        return False
    return True


def _compare(trial: Trial, layouts: Sequence[Layout]) -> None:
    """Raise `OrchestrionError` where a layout's logits are not the network's, or one voice is not the same in all."""
    last = trial.rows.shape[1] - 1
    for layout in layouts:
        error = trial.logit_error([0, last], layout)
        if not error <= TOLERANCE:
            raise OrchestrionError(f"its logits are {error:.3g} standard deviations off")
    together = trial.drawn(range(last + 1), layout=layouts[-1])
    for layout in layouts:
        alone = trial.drawn([last], cut=trial.model.config.hop + 1, layout=layout)
        if not np.array_equal(together[:, last], alone[:, 0]):
            raise OrchestrionError("a voice alone draws other levels than among others")


def _check_source(config: WaveNetConfig) -> None:
    """Hold a harmonic source that the GPU has made against the processor's."""
    notes = [Note(0.0, 0.03, 60, 90), Note(0.01, 0.05, 67, 40)]
    series = ConditioningSeries.from_notes(notes, tail_s=0.0, sample_rate=config.sample_rate, hop=config.hop)
    features = Features(series, config, _noisy_source(config.sample_rate))
    assert features.source is not None
    source, n = GpuSource(features.source, config, weights.DEVICE), 8
    values, spectra = source.frames(-BEFORE, n + AFTER)
    made = source.partials(0, n).flatten() + overlapped(spectra[None], config.hop)[0]
    pairs = (values[BEFORE:-AFTER], features.frames(0, n)), (made, features.source.samples(0, n))
    error = max(float(np.abs(found.cpu().numpy() - expected).max() / np.abs(expected).max()) for found, expected in pairs)
    if not error <= SOURCE_TOLERANCE:
        raise OrchestrionError(f"its harmonic source is off by {error:.3g}")


def _noisy_source(sample_rate: int) -> HarmonicSource:
    """With all that sources can have: noise and its shape, a contour, attacks, and what moves partials and noise."""
    plain, waves = plain_source(sample_rate), np.sin(np.arange(128 * 200)).reshape(1, 128, 200).astype(np.float32)
    contour = np.tile(np.linspace(0, 30, 20, dtype=np.float32), (128, 1))
    courses = np.tile(np.array([[0, 6, -3, 2]], np.float32), (128, 1, 1))
    return replace(
        plain, noise_db=np.full_like(plain.noise_db, -60.0), contour_cents=contour, attack=0.01 * waves, noise_shape_db=10 * waves[:, :, :N_SHAPE],
        modulation_db=courses, modulation_share=np.linspace(-1, 1, int(plain.n_partials.sum()), dtype=np.float32)[:, None],
        noise_modulation_db=courses, noise_modulation_share=np.full((128, N_FINE, 1), 0.5, np.float32), modulation_s=0.008,
    )  # fmt: skip


def _trial(config: WaveNetConfig, n_voices: int) -> Trial:
    """Of a random network, for long enough to go round the longest ring."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = WaveNet(config).eval().requires_grad_(False)
    return Trial.of(model, n_voices, -(-2 * max(config.dilations) // config.hop) + 1)


@dataclass(frozen=True, eq=False)
class Trial:
    """Random conditioning, and levels, for some voices of a network.

    Attributes:
        rows: ``[f, v, layers, 2 * residual]`` float32, columns as the network has them.
        drive: ``[f * hop, v, residual]`` float32.
        centre: ``[f * hop, v]`` float32.
        levels: ``[f * hop, v]`` int32 codes, to be forced.
    """

    model: WaveNet
    weights: GpuWeights
    rows: Tensor
    drive: Tensor
    centre: Tensor
    levels: Tensor

    @classmethod
    def of(cls, model: WaveNet, n_voices: int, n_frames: int, seed: int = 0) -> Trial:
        c, numbers = model.config, torch.Generator().manual_seed(seed)
        rows = torch.randn(n_frames, n_voices, c.layers, 2 * c.residual, generator=numbers)
        drive = torch.randn(n_frames * c.hop, n_voices, c.residual, generator=numbers)
        centre = torch.rand(n_frames * c.hop, n_voices, generator=numbers) - 0.5
        levels = torch.randint(c.coding.levels, (n_frames * c.hop, n_voices), generator=numbers, dtype=torch.int32)
        return cls(model, GpuWeights.of(model), rows, drive, centre, levels)

    def logit_error(self, voices: list[int], layout: Layout = PROGRAMS) -> float:
        """Greatest difference from the network's own logits after the last sample drawn, in their standard deviations."""
        batch, block = self.batch(voices, layout), self.block(voices, layout=layout)
        out = self.run(batch, block)
        c, drawn = self.model.config, torch.from_numpy(out[:, : len(voices)].T).long()
        previous = torch.cat([torch.full((len(voices), 1), c.coding.silence), drawn[:, :-1]], dim=1)
        drive = self.drive[:, voices].transpose(0, 1) if c.drive_channels else None
        exact = self.model(previous, self.rows[:, voices].transpose(0, 1), drive)[:, -1]
        return float((batch.logits[: len(voices)].cpu() - exact).abs().max() / exact.std())

    def drawn(self, voices: range | list[int], cut: int = 0, forced: bool = False, layout: Layout = PROGRAMS) -> np.ndarray:
        """Levels ``[f * hop, v]`` int32 that the GPU draws, in two runs where a ``cut`` is given."""
        return self.run(self.batch(voices, layout), self.block(voices, forced, layout), cut)[:, : len(voices)]

    def run(self, batch: GpuBatch, block: GpuBlock, cut: int = 0) -> np.ndarray:
        """What ``batch`` draws, ``[f * hop, places]`` int32."""
        out = torch.empty(len(self.levels), batch.n, dtype=torch.int32, device=self.weights.device)
        for start, stop in ((0, cut), (cut, len(out))):
            if stop > start:
                batch.run(block, start, stop - start, out)
        if batch.failed.item():
            raise OrchestrionError(WAITED)
        return out.cpu().numpy()

    def batch(self, voices: range | list[int], layout: Layout = PROGRAMS) -> GpuBatch:
        """Those ``voices`` before their first sample, each with its own random numbers."""
        batch = GpuBatch(self.weights, len(voices), layout)
        batch.put(range(len(voices)), [VoiceState.silent(self.weights, int(stream_key(0, voice))) for voice in voices])
        return batch

    def block(self, voices: range | list[int], forced: bool = False, layout: Layout = PROGRAMS) -> GpuBlock:
        """What ``voices`` hear."""
        rows = layout.rows
        c, w, device = self.model.config, self.weights, self.weights.device
        n_frames, n_voices = self.rows.shape[:2]
        n = -(-len(voices) // rows) * rows
        pool = turns(self.rows, c.residual, w.width).flatten(0, 1)
        drive, centre = (x.unflatten(0, (n_frames, c.hop)).transpose(1, 2).flatten(0, 2) for x in (self.drive, self.centre))
        drive = torch.nn.functional.pad(drive, (0, w.width - c.residual))
        heard = torch.tensor([*voices, *[0] * (n - len(voices))])
        places = torch.arange(n_frames)[:, None] * n_voices + heard
        levels = self.levels[:, heard].contiguous().to(device) if forced else None
        sharpness = torch.ones(n_frames, n, device=device)
        pool, drive, centre, places = (x.contiguous().to(device) for x in (pool, drive, centre, places))
        return GpuBlock(pool, drive, centre, places, sharpness, levels)
