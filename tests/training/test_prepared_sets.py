"""The trainer takes a prepared set, and its shards, as it takes a folder of FLAC: the same batches."""

from __future__ import annotations

import torch

from orchestrion.audio import Waveform
from orchestrion.datasets.catalogue import open_recordings
from orchestrion.datasets.recordings.aligned import AlignedSet
from orchestrion.datasets.recordings.notesfile import write_notes
from orchestrion.datasets.recordings.prepare import prepare_aligned, shard
from orchestrion.options import Crops
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.training.renderer_task import RendererTask
from tests.datasets.recordings.test_prepare import made_track

TINY = WaveNetConfig(
    layers=2, cycle=2, residual=8, skip=8, head=16, levels=64, context_channels=8, conditioning_channels=4,
    pitch_low=60, pitch_high=83,
)  # fmt: skip


def batches(recordings: AlignedSet) -> list[dict[str, torch.Tensor]]:
    task = RendererTask(
        TINY, recordings.split("train"), recordings.split("validation"), Crops(crop_frames=16)
    )
    return [task.batch(step, rank, 2) for step in range(3) for rank in range(2)]


def test_folder_set_and_shards_give_the_same_batches(tmp_path):
    tracks = [made_track(tmp_path / "source", name) for name in "abcd"]
    made = prepare_aligned(tracks, tmp_path / "set")
    shard(tmp_path / "set", tmp_path / "shards", 1)
    plain = tmp_path / "plain"
    plain.mkdir()
    for piece in made.pieces:
        Waveform(piece.samples(), 16000).write(plain / f"{piece.name}.flac")
        write_notes(plain / f"{piece.name}.tsv", piece.notes)
    (plain / "splits.json").write_bytes((tmp_path / "set" / "splits.json").read_bytes())
    expected = batches(made)
    # FLAC is written on a scale of 32,767, so that its samples may differ by one level of 16 bits.
    for other, within in (
        (open_recordings(tmp_path / "shards"), 0),
        (AlignedSet.open(plain, cache_dir=tmp_path / "cache"), 1),
    ):
        for one, two in zip(expected, batches(other), strict=True):
            for name in one:
                assert (one[name].double() - two[name].double()).abs().max() <= within, name
