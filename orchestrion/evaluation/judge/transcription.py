"""Audio to notes without the score: the transcriber by which audio is judged.

1. Harmonic templates explain the spectrum and its rise (`salience`).
2. Every place where a pitch may begin is described by 54 log ratios (`onset_candidates`).
3. A network of one hidden layer (`OnsetClassifier`) gives the probability that a note begins there, and when exactly: the
   onset is where the rise begins, not where it is steepest, which for slow bows and soft hammers is not the same.

The network is fitted by ``benchmarks/fit_transcriber.py`` to audio from the MIT-licensed General MIDI SoundFont alone: no
real recording, no built-in tune, no output of our renderers. ``benchmarks/judge.py`` compares it with another transcriber and
with the notes that were really played. Reports name it ``harmonic-nmf-2``. There is no randomness. Pitches 21 to 108.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.evaluation.judge import onset_candidates
from orchestrion.evaluation.judge.salience import DEFAULT as DEFAULT_SALIENCE
from orchestrion.evaluation.judge.salience import LOWEST, Salience, SalienceConfig, salience
from orchestrion.score import Note

NAME = "harmonic-nmf-2"
WEIGHTS = Path(__file__).with_name("transcriber.safetensors")
FRAMES_PER_UNIT = 5.0  # the network's second output, in units of five frames
MIN_AUDIBLE = 1e-4  # peak of full scale (-80 dB) below which a recording counts as silence


@dataclass(frozen=True, slots=True)
class TranscriberConfig:
    """Settings of the transcriber.

    Args:
        threshold: probability from which a candidate is a note.
        repeat_s: two notes of one pitch begin at least this far apart.
        release: a note ends where its salience falls below this share of its maximum.
        onset_bias_s: constant subtracted from all onsets, as measured against FluidSynth's note-on times.
        salience: the spectral front end; the fitted network belongs to its defaults.
    """

    threshold: float = 0.4
    repeat_s: float = 0.06
    release: float = 0.15
    onset_bias_s: float = 0.0
    salience: SalienceConfig = field(default_factory=SalienceConfig)


DEFAULT = TranscriberConfig()


@dataclass(frozen=True, slots=True, eq=False)
class OnsetClassifier:
    """``sigmoid(w_out[0] . tanh(w_in x + b_in) + b_out[0])`` for features x brought to mean 0 and deviation 1.

    Args:
        mean, deviation: [i] of the features in the fitting data.
        w_in, b_in: [h, i], [h].
        w_out, b_out: [2, h], [2]: logit that a note begins, and when (from the candidate, in units of five frames).
    """

    mean: np.ndarray
    deviation: np.ndarray
    w_in: np.ndarray
    b_in: np.ndarray
    w_out: np.ndarray
    b_out: np.ndarray

    def __call__(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities [c] and shifts [c] in frames for ``features`` [c, i]."""
        hidden = np.tanh((features - self.mean) / self.deviation @ self.w_in.T + self.b_in)
        logit, shift = (hidden @ self.w_out.T + self.b_out).T
        return 1 / (1 + np.exp(-np.clip(logit, -50, 50))), FRAMES_PER_UNIT * shift


@lru_cache(maxsize=1)
def shipped_classifier() -> OnsetClassifier:
    """The network that comes with the package."""
    from orchestrion import weights

    tensors, _ = weights.load(WEIGHTS, architecture="onset-classifier")
    return OnsetClassifier(**{name: tensor.numpy().astype(np.float64) for name, tensor in tensors.items()})


@lru_cache(maxsize=2)
def salience_of(audio: Waveform, config: SalienceConfig = DEFAULT_SALIENCE) -> Salience:
    """The salience of ``audio``; kept for the last two recordings, since several measures ask for the same one."""
    return salience(audio.resample(config.sample_rate).samples, config)


def transcribe(
    audio: Waveform, config: TranscriberConfig = DEFAULT, judge: OnsetClassifier | None = None
) -> tuple[Note, ...]:
    """The notes of ``audio``, sorted by onset; none for silence.

    Velocities tell loudness within the recording: 127 for the loudest beginning, 40 dB lower is 1.
    """
    if np.abs(audio.samples).max() < MIN_AUDIBLE:
        return ()
    found = salience_of(audio, config.salience)
    candidates = onset_candidates.find_candidates(found)
    if not len(candidates.frame):
        return ()
    probability, shift = (judge or shipped_classifier())(candidates.features)
    onset_s = (candidates.frame + shift) * config.salience.frame_s - config.onset_bias_s
    kept = _without_repeats(onset_s, candidates.pitch, probability, config)
    return _notes(found, candidates, np.maximum(onset_s, 0.0), kept, config)


def _without_repeats(
    onset_s: np.ndarray, pitch: np.ndarray, probability: np.ndarray, config: TranscriberConfig
) -> list[int]:
    """Indices of candidates above the threshold, the most probable first, none too near an earlier one of its pitch."""
    taken: dict[int, list[float]] = {}
    kept = []
    for index in np.argsort(-probability, kind="stable"):
        if probability[index] < config.threshold:
            break
        others = taken.setdefault(int(pitch[index]), [])
        if all(abs(onset_s[index] - other) >= config.repeat_s for other in others):
            others.append(onset_s[index])
            kept.append(int(index))
    return kept


def _notes(
    found: Salience,
    candidates: onset_candidates.Candidates,
    onset_s: np.ndarray,
    kept: list[int],
    config: TranscriberConfig,
) -> tuple[Note, ...]:
    frame_s = config.salience.frame_s
    loudest = max((found.beginning[candidates.frame[i], candidates.pitch[i]] for i in kept), default=1.0)
    notes = []
    following: dict[int, float] = {}
    for i in sorted(kept, key=lambda i: -onset_s[i]):
        pitch = int(candidates.pitch[i])
        end_s = _release_frame(found.sounding[:, pitch], int(candidates.frame[i]), config.release) * frame_s
        offset_s = max(min(end_s, following.get(pitch, np.inf)), onset_s[i] + 0.02)
        following[pitch] = onset_s[i]
        level_db = 20 * np.log10(found.beginning[candidates.frame[i], pitch] / loudest + 1e-9)
        velocity = int(np.clip(round(127 + level_db * 126 / 40), 1, 127))
        notes.append(Note(float(onset_s[i]), float(offset_s), pitch + LOWEST, velocity))
    return tuple(sorted(notes, key=lambda note: (note.onset_s, note.pitch)))


def _release_frame(curve: np.ndarray, frame: int, release: float) -> int:
    """First frame after the maximum of the next 100 ms where ``curve`` [n] is below ``release`` of that maximum."""
    top = frame + int(curve[frame : frame + 10].argmax())
    is_quiet = curve[top:] < release * curve[top]
    return top + int(is_quiet.argmax()) if is_quiet.any() else len(curve)
