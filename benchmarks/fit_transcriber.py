"""Fit the network of the transcriber to audio made with FluidSynth, and write its weights.

    OMP_NUM_THREADS=1 python benchmarks/fit_transcriber.py [OUT.safetensors]

Needs FluidSynth and the General MIDI SoundFont (Debian: fluidsynth, fluid-soundfont-gm; MIT licence). About half an hour
on one core. Every tenth score is held out. Prints how many of the notes are among the candidates, the loss, and onset F1
of the held-out recordings by threshold.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from torch import nn
from transcriber_data import RECORDINGS_A_SCORE, Recording, recordings

from orchestrion import weights
from orchestrion.audio import Waveform
from orchestrion.evaluation.judge import onset_candidates
from orchestrion.evaluation.judge.following import onset_scores
from orchestrion.evaluation.judge.salience import LOWEST, SalienceConfig, salience
from orchestrion.evaluation.judge.transcription import (
    FRAMES_PER_UNIT,
    WEIGHTS,
    OnsetClassifier,
    TranscriberConfig,
    transcribe,
)
from orchestrion.score import Note

SEED = 20
HIDDEN = 128
EPOCHS = 30
BATCH = 4096
THRESHOLDS = (0.3, 0.4, 0.5, 0.6)
SHARE_OF_NEGATIVES = 0.4  # of the candidates that are no notes, this share is kept, with the inverse weight
TIMING_WEIGHT = 0.5
# A candidate belongs to a note that begins 4 frames after it to 15 before it: slow bows rise late.
EARLIEST, LATEST = -4, 15


def main() -> None:
    """Collect, fit, check, write."""
    rng = np.random.default_rng(1)
    parts, held_out, n_notes = [], [], 0
    for number, recording in enumerate(recordings(np.random.default_rng(SEED))):
        if number // RECORDINGS_A_SCORE % 10 == 9:
            held_out.append(recording)
            continue
        features, targets = labelled(recording)
        n_notes += len(recording.notes)
        kept = (targets[:, 0] > 0) | (rng.random(len(targets)) < SHARE_OF_NEGATIVES)
        parts.append((features[kept], targets[kept]))
    features = np.concatenate([part[0] for part in parts])
    targets = np.concatenate([part[1] for part in parts])
    n_found = int(targets[:, 0].sum())
    print(f"{len(features):,} candidates; {n_found:,} of {n_notes:,} notes are among them", flush=True)
    tensors = fit(features, targets)
    check(OnsetClassifier(**{name: tensor.numpy().astype(np.float64) for name, tensor in tensors.items()}), held_out)
    metadata = {
        "architecture": "onset-classifier",
        "config": {"hidden": HIDDEN, "features": features.shape[1]},
        "licence": "Apache-2.0",
        "data": "random notes played by FluidSynth from FluidR3 GM (MIT)",
        "command": "python benchmarks/fit_transcriber.py",
    }
    weights.save(sys.argv[1] if len(sys.argv) > 1 else WEIGHTS, tensors, metadata)


def check(classifier: OnsetClassifier, held_out: list[Recording]) -> None:
    """Print the mean onset F1 within 50 ms by threshold."""
    scores: dict[float, list[float]] = {threshold: [] for threshold in THRESHOLDS}
    for recording in held_out:
        audio = Waveform(np.clip(recording.samples, -1, 1), SalienceConfig().sample_rate)
        notes = [Note(onset_s, onset_s + 0.1, int(pitch), 64) for onset_s, pitch in recording.notes]
        for threshold, found in scores.items():
            heard = transcribe(audio, TranscriberConfig(threshold=threshold), classifier)
            found.append(onset_scores(notes, heard)["note_f1_50ms"])
    print({threshold: round(float(np.mean(found)), 3) for threshold, found in scores.items()}, flush=True)


def labelled(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """Features [c, i] and targets [c, 3] of a recording's candidates: is it a note, its shift in frames, its weight."""
    found = salience(recording.samples)
    candidates = onset_candidates.find_candidates(found)
    targets = np.zeros((len(candidates.frame), 3), dtype=np.float32)
    targets[:, 2] = 1.0
    strength = found.beginning[candidates.frame, candidates.pitch]
    for onset_s, pitch in recording.notes:
        frame = onset_s / SalienceConfig().frame_s
        late = candidates.frame - frame
        of_pitch = candidates.pitch == int(pitch) - LOWEST
        # Another candidate near a note is neither right nor quite wrong.
        targets[of_pitch & (np.abs(late) < 20) & (targets[:, 0] == 0), 2] = 0.5
        eligible = np.flatnonzero(of_pitch & (late >= EARLIEST) & (late <= LATEST) & (targets[:, 0] == 0))
        if len(eligible):
            best = eligible[strength[eligible].argmax()]
            targets[best] = 1.0, -late[best], 1.0
    return candidates.features, targets


def fit(features: np.ndarray, targets: np.ndarray) -> dict[str, torch.Tensor]:
    """Cross-entropy for the notes plus a Huber loss for their times; AdamW, one cycle."""
    torch.manual_seed(SEED)
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-3
    x = torch.from_numpy((features - mean) / deviation)
    y = torch.from_numpy(targets)
    balance = torch.where(y[:, 0] > 0, y[:, 2], y[:, 2] / SHARE_OF_NEGATIVES)
    net = nn.Sequential(nn.Linear(x.shape[1], HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 2))
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=1e-3)
    batches = -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=EPOCHS * batches)
    for epoch in range(EPOCHS):
        total = 0.0
        for rows in torch.randperm(len(x)).split(BATCH):
            loss = _loss(net(x[rows]), y[rows], balance[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) / batches
        print(f"epoch {epoch + 1}: {total:.4f}", flush=True)
    first, last = net[0], net[2]
    named = {"w_in": first.weight, "b_in": first.bias, "w_out": last.weight, "b_out": last.bias}
    scale = {"mean": torch.from_numpy(mean), "deviation": torch.from_numpy(deviation)}
    return scale | {name: tensor.detach() for name, tensor in named.items()}


def _loss(output: torch.Tensor, target: torch.Tensor, balance: torch.Tensor) -> torch.Tensor:
    is_note, shift = target[:, 0], target[:, 1] / FRAMES_PER_UNIT
    judged = nn.functional.binary_cross_entropy_with_logits(output[:, 0], is_note, weight=balance)
    timed = nn.functional.huber_loss(output[:, 1], shift, reduction="none", delta=0.4) * is_note
    return judged + TIMING_WEIGHT * timed.sum() / (is_note.sum() + 1)


if __name__ == "__main__":
    main()
