"""Training a WaveNet that is driven by a harmonic source: crops mixed from banks of notes or of recordings, likelihood of a mixture."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from orchestrion import weights
from orchestrion.bridge.noise import noise_feature
from orchestrion.bridge.source import HarmonicSource
from orchestrion.errors import OrchestrionError
from orchestrion.renderer.coding import GRID
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.features import score_groups
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.output import HALF_BIN, bits_of_levels, draw, log_probability, values
from orchestrion.renderer.sourcefile import source_tensors
from orchestrion.training.trial_playing import TEMPERATURE, Piece, play_held_out, summary

# The network's history is empty at the start of a crop, so these first frames of it are not learnt from.
SETTLE_FRAMES = 16
VALIDATION_CROPS = 16
MOST_BURSTS = 6  # of a crop
BURST_SAMPLES, BURST_LEVELS = (24, 720), (2.0, 60.0)
OTHER_SCORE = 997  # by how many frames another stretch of the score stands elsewhere


@dataclass(frozen=True)
class DrivenSettings:
    """What a batch is made of.

    Attributes:
        batch_size: crops a step, for each process.
        crop_frames: conditioning frames of a crop.
        noise_levels: each crop's input history is jittered by a normal of 0 to this many µ-law levels (of 256); the
            targets stay clean, so the network learns to come back from its own errors.
        gain_db: each crop is made louder or softer by up to this much, source and all.
        burst_share: of the crops, those whose input history has bursts of noise in it, as a draw from a mixture's tails
            leaves them: the network learns to fall silent again. Measured with 12 dB of gain beside it, at temperature .7: the shared
            network came from 2.53 to 2.47 dB on average over 20 banks (not on each), rings on less after loud notes, and hisses
            more in rests (-103 dB against -109).
        own_share: of the crops, those whose input history is the network's own draws, given the true past.
        polarity: whether half of the crops are turned upside down, source and all.
    """

    batch_size: int = 1
    crop_frames: int = 96
    noise_levels: float = 2.0
    gain_db: float = 12.0
    polarity: bool = True
    burst_share: float = 0.5
    own_share: float = 0.0


class DrivenTask:
    """The training loop's task for one driven WaveNet on pieces mixed from banks, or recorded."""

    def __init__(
        self,
        config: WaveNetConfig,
        train: Sequence[Piece],
        validation: Sequence[Piece],
        settings: DrivenSettings,
        *,
        seed: int = 0,
        sources: Mapping[str, HarmonicSource],
        provenance: dict[str, object] | None = None,
    ):
        """``sources``: the tables of every bank, by its name."""
        if not config.source_window or not config.mixtures:
            raise OrchestrionError("A driven network needs a source and a mixture; take the preset small or medium.")
        if not train or not validation:
            raise OrchestrionError("The set needs pieces both for training and for validation.")
        torch.manual_seed(seed)
        self.config, self.settings, self.seed = config, settings, seed
        self.model = WaveNet(config)
        self.provenance, self._sources = provenance or {}, sources
        self._train, self.validation = train, validation
        lengths = np.array([piece.n_frames for piece in train], dtype=np.float64)
        self._ends = np.cumsum(lengths)

    def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """Crops: codes before (noisy) and at (clean) each sample ``[b, t]``, the source, and what the score says a frame."""
        rng = np.random.default_rng((self.seed, step, rank))
        return _stacked([self._crop(rng) for _ in range(self.settings.batch_size)])

    def loss(self, model: WaveNet, batch: dict[str, Tensor]) -> Tensor:
        """Mean negative log-likelihood of the samples' narrow intervals, nats a sample."""
        if self.settings.own_share:
            batch = batch | {"before": self._own_past(model, batch)}
        raw, centre, targets = self._predictions(model, batch)
        value = values(targets)
        return -log_probability(raw, centre, value - HALF_BIN, value + HALF_BIN).mean()

    @torch.no_grad()
    def validate(self, model: WaveNet) -> dict[str, float]:
        """Free-running playing of held-out pieces; bits a sample (of 256 µ-law levels) with their own score and with another's."""
        rng = np.random.default_rng(self.seed)
        clean = dataclasses.replace(self.settings, noise_levels=0.0, gain_db=0.0, polarity=False, burst_share=0.0)
        own, other = [], []
        for i in range(VALIDATION_CROPS):
            piece = self.validation[i % len(self.validation)]
            start = int(rng.integers(0, max(1, piece.n_frames - clean.crop_frames)))
            batch = _stacked([self._cut(piece, start, clean, rng)])
            own.append(self._bits(model, batch))
            elsewhere = (start + OTHER_SCORE) % max(1, piece.n_frames - clean.crop_frames)
            wrong = _stacked([self._cut(piece, elsewhere, clean, rng)])
            other.append(self._bits(model, batch | {"frames": wrong["frames"], "signal": wrong["signal"]}))
        played = summary(play_held_out(model, self.validation, self._sources, seed=self.seed))
        bits = {"bits_per_sample": float(np.mean(own)), "bits_per_sample_other_score": float(np.mean(other))}
        # Better likelihood is not better playing: what is kept is what plays nearest to the instrument, its notes heard.
        return {"loss": played["cost"]} | bits | played

    def save(self, path: Path, model: WaveNet, metrics: dict[str, float]) -> None:
        """Write the network, and with it the source's tables where there is one instrument."""
        metadata = {"architecture": "wavenet", "config": self.config.to_dict(), "metrics": metrics, "temperature": TEMPERATURE}
        metadata |= self.provenance
        tables = source_tensors(next(iter(self._sources.values()))) if len(self._sources) == 1 else {}
        weights.save(path, model.state_dict() | tables, metadata)

    @torch.no_grad()
    def _own_past(self, model: WaveNet, batch: dict[str, Tensor]) -> Tensor:
        """``before`` with the network's own draws in it where the crop asks for them."""
        past, future = self.config.context_frames
        rows = model.conditioning_rows(batch["frames"])[:, past : batch["frames"].shape[1] - future]
        raw = model(batch["before"], rows, model.drive(batch["signal"]))
        drawn = draw(raw, model.centre(batch["signal"], batch["before"].shape), batch["uniform"], TEMPERATURE)
        own = torch.cat([batch["before"][:, :1], drawn[:, :-1]], 1)
        return torch.where(batch["own"][:, None], own, batch["before"])

    def _bits(self, model: WaveNet, batch: dict[str, Tensor]) -> float:
        device = next(model.parameters()).device
        raw, centre, targets = self._predictions(model, {name: value.to(device) for name, value in batch.items()})
        return float(bits_of_levels(raw, centre, targets).mean())

    def _predictions(self, model: WaveNet, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """The mixture's parameters, its centre, and the codes that came, of all but the first frames."""
        past, future = self.config.context_frames
        rows = model.conditioning_rows(batch["frames"])[:, past : batch["frames"].shape[1] - future]
        raw = model(batch["before"], rows, model.drive(batch["signal"]))
        centre = model.centre(batch["signal"], batch["before"].shape)
        settled = SETTLE_FRAMES * self.config.hop
        return raw[:, settled:], centre[:, settled:], batch["codes"][:, settled:]

    def _crop(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        piece = self._train[int(np.searchsorted(self._ends, rng.uniform(0, self._ends[-1]), side="right"))]
        start = int(rng.integers(0, max(1, piece.n_frames - self.settings.crop_frames)))
        return self._cut(piece, start, self.settings, rng)

    def _cut(self, piece: Piece, start: int, s: DrivenSettings, rng: np.random.Generator) -> dict[str, np.ndarray]:
        c = self.config
        past, future = c.context_frames
        stop, w = start + s.crop_frames, c.source_window
        gain = 10 ** (rng.uniform(-s.gain_db, s.gain_db) / 20) * (rng.choice((-1.0, 1.0)) if s.polarity else 1.0)
        # Two samples more than the window before: one for the emphasis, one before the first that is predicted.
        # The source has its noise along the recording's own phases, as it has its partials. Without noise, or with one that has nothing to
        # do with what sounds, the network draws a noise of its own beside the one that it is played: held-out pieces of nine banks at
        # temperature .2, 2.05 dB without and 1.99 with it (the source alone 1.96). A history of the source's own past in six of ten crops
        # was tried for 707 steps: 2.63 dB over 20 banks where 2.09 stood before. Going on in float32 (bfloat16 rounds what the network adds at
        # about -55 dB) brought the clarinet from 1.20 to .83 dB in 605 steps, and made the network less sure of itself elsewhere: harmonica 1.54
        # to 1.96 (2.79 after 1,197), pan flute to 1.84, and by 1,823 steps bursts on the oboe (1.1 to 4.8 dB). Dropped.
        mixed = piece.mix(start, stop, w + 2, noise_margin=(past, future), gain=gain)
        codes = c.coding.encode(mixed.samples[w + 1 : len(mixed.samples) - w - 2], float(mixed.samples[w]))
        jitter = rng.standard_normal(len(codes)) * rng.uniform(0, s.noise_levels) * (GRID - 1) / 255
        if rng.random() < s.burst_share:
            jitter += _bursts(len(codes), rng) * (GRID - 1) / 255
        signal = c.coding.emphasise(mixed.source)[2 : len(mixed.source) - 2].astype(np.float32)
        frames = score_groups(piece.series, c, start - past, stop + future)
        heard = np.clip(codes + np.rint(jitter).astype(np.int64), 0, GRID - 1)[:-1]
        own = {"own": np.array(rng.random() < s.own_share), "uniform": rng.random(len(heard), np.float32)} if s.own_share else {}
        return own | {
            "before": heard,
            "codes": codes[1:],
            "signal": signal,
            "frames": np.concatenate([frames, noise_feature(mixed.noise)], 1),
        }


def _bursts(n: int, rng: np.random.Generator) -> np.ndarray:
    """µ-law levels (of 256) that stand wrong, ``[n]``: some stretches of 1 to 30 ms, a level or a hundred high, hissing or humming."""
    wrong = np.zeros(n)
    for _ in range(rng.integers(1, MOST_BURSTS + 1)):
        length = int(np.exp(rng.uniform(*np.log(BURST_SAMPLES))))
        start = int(rng.integers(0, n))
        noise = np.convolve(rng.standard_normal(length + 32), np.hanning(rng.integers(3, 33)), "same")[:length]
        height = np.exp(rng.uniform(*np.log(BURST_LEVELS)))
        wrong[start : start + length] += (height * noise / max(float(noise.std()), 1e-9))[: n - start]
    return wrong


def _stacked(crops: Sequence[dict[str, np.ndarray]]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.stack([crop[name] for crop in crops])) for name in crops[0]}
