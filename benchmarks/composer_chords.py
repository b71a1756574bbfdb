"""How many of the chords that a composer draws on beats, without any rule, are consonant with the bass: after the true past, after its own.

    python benchmarks/composer_chords.py chorales chorales
    python benchmarks/composer_chords.py quartets quartets

Of the first twenty test pieces of fewer than 700 steps, on beats where two notes and more begin. Chorales: 0.79 of the true ones, 0.72 and 0.61.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from orchestrion.composer.compose import Composer
from orchestrion.composer.config import STEPS_PER_BEAT
from orchestrion.composer.features import clock_rows, memories
from orchestrion.composer.form import untold
from orchestrion.composer.partwriting import is_consonant
from orchestrion.composer.sampler import Around, Choices, Sampler
from orchestrion.datasets.corpora.loading import load_corpus
from orchestrion.datasets.corpora.piece import prepared

N_PIECES, MOST_STEPS, MOST_NOTES = 20, 700, 4


def main(model: str, data: str) -> None:
    composer = Composer.load(model)
    config, sampler = composer.config, Sampler(composer.model, "float32")
    found: dict[str, list[bool]] = {"true": [], "after the true past": [], "after its own": []}

    def note(what: str, row: np.ndarray) -> None:
        chord = np.flatnonzero(row[:, 0]).tolist()
        if len(chord) > 2:
            found[what].append(is_consonant(chord))

    every = [Choices(np.ones(config.n_pitches, dtype=np.uint8), polyphony=MOST_NOTES)]
    pieces = prepared(load_corpus(data, "test"), config.pitch_low, config.pitch_high, plain_key=config.normalises_key)
    for seed, piece in enumerate([piece for piece in pieces if piece.n_steps < MOST_STEPS][:N_PIECES]):
        n = piece.n_whole_steps
        truth = piece.grid_in(config.pitch_low, config.pitch_high, n).astype(np.uint8)
        clock, plan = clock_rows(config, piece.meter, 0, n, n, pickup=piece.has_pickup), untold(n // piece.steps_per_bar)
        for what, free in (("after the true past", False), ("after its own", True)):
            state, rows = sampler.initial_state(), np.zeros_like(truth)
            for step in range(n):
                earlier = memories(rows, config, piece.steps_per_bar, plan, step, 1).astype(np.uint8)
                drawn, state, _ = sampler.draw_around(state, clock[step], every, seed, [step], Around(earlier))
                rows[step] = drawn[0] if free else truth[step]
                state = replace(state, previous=rows[step][None])
                if step % STEPS_PER_BEAT == 0 and (drawn[0] if free else truth[step])[:, 1].sum() >= 2:
                    note(what, drawn[0])
                    if not free:
                        note("true", truth[step])
    for what, consonant in found.items():
        print(f"{what}: {np.mean(consonant):.3f} of {len(consonant)}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
