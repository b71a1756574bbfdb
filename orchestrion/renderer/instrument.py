"""An instrument: a trained WaveNet with what its weights file says of it, ready to play scores."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from orchestrion import shipped, weights
from orchestrion.audio import Waveform
from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.source import MOST_ATTACK_S, SILENT_DB, HarmonicSource
from orchestrion.errors import OrchestrionError, said_by
from orchestrion.progress import Advance
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.parameters import Parameters, shapes
from orchestrion.renderer.sourcefile import SOURCE, tables_of
from orchestrion.score import Score
from orchestrion.version import VERSION

if TYPE_CHECKING:
    from orchestrion.renderer.network import WaveNet

ARCHITECTURE = "wavenet"
GAIN = "gain_db"  # in the header: by how much it is louder than the notes that it was made of
TRUST = "trust"  # in the header: the share that is played of what the network adds to its source
NETWORK = "network"  # in the header of an instrument that is tables alone: the shared network's name and checksum
DEEPEST_VIBRATO = 4.0
LONGEST_ATTACK = round(MOST_ATTACK_S * 192_000)  # samples, at the highest rate
LOUDEST_NOISE = 4.0
TAIL_S = 1.0  # the last note's ring
LARGEST_TABLE = 1 << 24  # numbers; the largest that ships has half a million


@dataclass(frozen=True, eq=False)
class Instrument:
    """A WaveNet and its provenance.

    Attributes:
        name: of the shipped instrument, or the file's stem.
        parameters: what plays.
        metadata: the header of the weights file: config, data, licence, metrics, ``pitch_range``, ``temperature``, …
        path: of that file; None of one that was never in a file.
    """

    name: str
    parameters: Parameters
    metadata: Mapping[str, object]
    path: Path | None = None

    @classmethod
    def load(cls, name_or_path: str | os.PathLike[str] | Instrument) -> Instrument:
        """A shipped instrument by name, or any weights file that ``orchestrion train renderer`` wrote.

        Raises:
            OrchestrionError: no such model, or a file that is damaged or not a renderer's; see ``orchestrion.weights``.
        """
        if isinstance(name_or_path, Instrument):
            return name_or_path
        path = shipped.find(name_or_path, "instrument", shipped.instruments())
        arrays, metadata = weights.load_arrays(path, architecture=ARCHITECTURE)
        config = metadata.get("config")
        if not isinstance(config, dict):
            raise OrchestrionError(f"{path} carries no WaveNet config; train it again.")
        try:
            sized = WaveNetConfig.from_dict(config)
        except OrchestrionError as error:
            raise OrchestrionError(f"{path} carries a config that cannot be used. {said_by(error, 300)}") from error
        tables = {name.removeprefix(SOURCE): table for name, table in arrays.items() if name.startswith(SOURCE)}
        network = {name: array for name, array in arrays.items() if not name.startswith(SOURCE)}
        if not network and NETWORK in metadata:
            network = _shared_network(metadata, sized, path)
        weights.check_shapes(shapes(sized), network, path)
        source = _source(tables, path, float(str(metadata.get(GAIN, 0.0)))) if sized.source_window else None
        parameters = Parameters(sized, {name: array.astype(np.float32) for name, array in network.items()}, source)
        return cls(Path(path).stem, parameters, metadata, Path(path))._trusted(float(str(metadata.get(TRUST, 1.0))))

    def _trusted(self, share: float) -> Instrument:
        """The same with means that lie so many times as far from the source.

        A network is trained on true pasts and plays on its own: what it adds there is right in part at most, and the nearest guess is a share of it.
        """
        mixtures = self.config.mixtures
        if share == 1.0 or not mixtures:
            return self
        means = slice(mixtures, 2 * mixtures)  # of a mixture's weights, means and scales
        arrays = {name: self.parameters.arrays[name].copy() for name in ("w_out", "b_out")}
        for array in arrays.values():
            array[..., means] *= np.float32(share)
        return dataclasses.replace(self, parameters=dataclasses.replace(self.parameters, arrays={**self.parameters.arrays, **arrays}))

    @property
    def trust(self) -> float:
        """The share that is played of what the network adds to its source, above 0 and up to 1."""
        return float(str(self.metadata.get(TRUST, 1.0)))

    @cached_property
    def model(self) -> WaveNet:
        """The network, on the CPU and in evaluation mode; for what needs torch."""
        return self.parameters.network()

    @property
    def source(self) -> HarmonicSource | None:
        """The tables that a driven network plays; None of other networks."""
        return self.parameters.source

    def adjusted(self, *, vibrato: float = 1.0, noise: float = 1.0) -> Instrument:
        """The same instrument with its vibrato so many times as deep and its noise so many times as loud, as far as it has them.

        Args:
            noise: of bow, breath, hammer (with a struck note's recorded attack) and room, as amplitude.

        Raises:
            OrchestrionError: ``vibrato`` or ``noise`` outside 0 to 4.
        """
        if not 0.0 <= vibrato <= DEEPEST_VIBRATO:
            raise OrchestrionError(f"A vibrato of {vibrato} is impossible; give 0 (none) to {DEEPEST_VIBRATO:g}.")
        if not 0.0 <= noise <= LOUDEST_NOISE:
            raise OrchestrionError(f"Noise of {noise} is impossible; give 0 (none) to {LOUDEST_NOISE:g}.")
        if vibrato == noise == 1.0 or self.source is None:
            return self
        own, db = self.source, 20 * math.log10(noise) if noise else -math.inf
        moves = np.float32(1.0 if own.is_struck else min(vibrato, 1.0))
        source = dataclasses.replace(
            own,
            vibrato=dataclasses.replace(own.vibrato, cents=own.vibrato.cents * vibrato),
            contour_cents=None if own.contour_cents is None else own.contour_cents * np.float32(vibrato),
            modulation_db=None if own.modulation_db is None else own.modulation_db * moves,
            noise_modulation_db=None if own.noise_modulation_db is None else own.noise_modulation_db * moves,
            attack=None if own.attack is None or noise == 0 else own.attack * np.float32(noise),
            noise_db=np.maximum(own.noise_db + np.float32(db), SILENT_DB),
        )
        return dataclasses.replace(self, parameters=dataclasses.replace(self.parameters, source=source))

    def unsourced(self) -> Instrument:
        """The network without its source, trusted in full: it is told the notes as ever, and hears a source that is silent. What it cannot play, the
        source brings."""
        if self.source is None:
            return self
        whole = self._trusted(1.0 / self.trust)
        silent = dataclasses.replace(
            self.source, attack=None, level_db=np.full_like(self.source.level_db, SILENT_DB), noise_db=np.full_like(self.source.noise_db, SILENT_DB)
        )
        return dataclasses.replace(whole, parameters=dataclasses.replace(whole.parameters, source=silent), metadata={**self.metadata, TRUST: 1.0})

    @property
    def config(self) -> WaveNetConfig:
        return self.parameters.config

    @property
    def checksum(self) -> str:
        """SHA-256 of the tensors."""
        return str(self.metadata.get("sha256", ""))

    @property
    def pitch_range(self) -> tuple[int, int]:
        """Lowest and highest MIDI pitch it was trained on."""
        stated = self.metadata.get("pitch_range")
        low, high = stated if isinstance(stated, list) else (self.config.pitch_low, self.config.pitch_high)
        return int(low), int(high)

    @property
    def notice(self) -> str | None:
        """What a user must be told on first use, a non-commercial licence for one."""
        notice = self.metadata.get("notice")
        return str(notice) if notice else None

    @property
    def gain_db(self) -> float:
        """By how much it is louder than the notes that it was made of."""
        return float(str(self.metadata.get(GAIN, 0.0)))

    @property
    def temperature(self) -> float:
        """The sampling temperature its makers found best."""
        return float(str(self.metadata.get("temperature", 1.0)))

    def outside_range(self, score: Score) -> tuple[int, ...]:
        """Pitches of ``score`` that the instrument has never heard; it plays them as well as it can."""
        low, high = self.pitch_range
        return tuple(sorted({note.pitch for note in score.notes if not low <= note.pitch <= high}))

    def series(self, score: Score, *, duration_s: float | None = None, tail_s: float = TAIL_S) -> ConditioningSeries:
        """``score`` on this instrument's clock."""
        c = self.config
        return ConditioningSeries.from_score(score, sample_rate=c.sample_rate, hop=c.hop, duration_s=duration_s, tail_s=tail_s)

    def render(
        self,
        score: Score,
        *,
        seed: int = 0,
        voice: int = 0,
        temperature: float | None = None,
        duration_s: float | None = None,
        tail_s: float = TAIL_S,
        threads: int | None = None,
        progress: Advance | None = None,
    ) -> Waveform:
        """Play ``score`` free-running; the same seed gives the same audio.

        Args:
            voice: which stream of random numbers; give the parts of an ensemble different ones.
            temperature: divides the logits; None for the instrument's own.
            duration_s: length of the score on the clock; None for where its last note ends.
            tail_s: seconds after that.
            threads: processor threads; None for all.
            progress: called with the samples done since its last call.
        """
        from orchestrion.renderer.sampler import generate

        series = self.series(score, duration_s=duration_s, tail_s=tail_s)
        heat = self.temperature if temperature is None else temperature
        (samples,) = generate(
            self.parameters, [series], seed=seed, temperature=heat, voices=[voice], threads=threads, progress=progress
        )
        return self.waveform(samples, title=score.title, seed=seed)

    def waveform(self, samples: np.ndarray, *, title: str = "", seed: int = 0) -> Waveform:
        """``samples`` as audio that says what made it."""
        tags = {
            "title": title or "untitled",
            "software": f"Orchestrion {VERSION}",
            "model": f"{self.name} {self.checksum[:12]}",
            "seed": str(seed),
            "comment": "machine-generated",
        }
        return Waveform(samples, self.config.sample_rate, tags)


def _check_sizes(tables: Mapping[str, np.ndarray]) -> None:
    """Refuse what `HarmonicSource.from_tensors` would only refuse after long work or a warning of numpy's.

    Raises:
        OrchestrionError: a table larger than any, or fractions and huge numbers for whole ones.
    """
    for name, table in tables.items():
        if table.size > LARGEST_TABLE:
            raise OrchestrionError(f"Its table {name!r} of {table.size:,} numbers is larger than any.")
    for name in ("sample_rate", "pitch", "n_partials"):
        if name in tables and tables[name].dtype.kind not in "iu":
            raise OrchestrionError(f"Its table {name!r} holds no whole numbers.")


def _check_attack(attack: np.ndarray | None) -> None:
    if attack is not None and attack.ndim == 3 and attack.shape[2] > LONGEST_ATTACK:
        raise OrchestrionError(f"An attack of {attack.shape[2]:,} samples is longer than any.")


def _source(tables: Mapping[str, np.ndarray], path: Path, gain_db: float) -> HarmonicSource:
    try:
        _check_sizes(tables)
        tables = tables_of(tables)
        _check_attack(tables.get("attack"))
        source = HarmonicSource.from_tensors(tables)
        if "louder_db" not in tables:  # of an older version, which raised the partials alone
            source = dataclasses.replace(source, noise_db=source.noise_db + np.float32(gain_db), louder_db=gain_db)
        return source
    except OrchestrionError as error:
        raise OrchestrionError(f"{path} cannot play by itself: {said_by(error, 300)}") from error


def _shared_network(metadata: Mapping[str, object], config: WaveNetConfig, path: Path) -> dict[str, np.ndarray]:
    """The weights of the network that an instrument's tables were made for."""
    named = metadata[NETWORK]
    if not isinstance(named, dict) or not isinstance(named.get("name"), str):
        raise OrchestrionError(f"{path} does not say which network plays it; make it again with `orchestrion learn`.")
    arrays, facts = weights.load_arrays(shipped.network(named["name"]), architecture=ARCHITECTURE)
    stated = facts.get("config")
    same = isinstance(stated, dict) and stated == config.to_dict() | {"gain": stated["gain"]}
    if facts.get("sha256") != named.get("sha256") or not same:
        raise OrchestrionError(f"{path} was made for another version of the network {named['name']!r}; make it again with `orchestrion learn`.")
    return arrays
