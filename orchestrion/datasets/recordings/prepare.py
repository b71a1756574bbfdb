"""Prepares recordings with notes: tracks of any known layout become one set that training maps into memory.

A prepared set holds NAME.npy (`rawaudio`: mono, 16 bits, one rate) and NAME.tsv (`notesfile`) of every piece,
``splits.json`` and ``dataset.json`` with provenance, licence, checksums of the sources, and what was left out and why.
One piece is in memory at a time, as blocks: a set of 300 hours is made in as little memory as one of three minutes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrion.audio.audiostream import length, read_blocks
from orchestrion.audio.rates import check_rate
from orchestrion.cluster import Cluster, spread
from orchestrion.datasets.recordings.aligned import KIND, AlignedSet
from orchestrion.datasets.recordings.dividing import divide
from orchestrion.datasets.recordings.notesfile import END_SLACK_S, past_the_end, write_notes
from orchestrion.datasets.recordings.preparation import Preparation, as_kept, preparation
from orchestrion.datasets.recordings.rawaudio import write_raw
from orchestrion.datasets.recordings.shards import write_shards
from orchestrion.datasets.recordings.splits import ALL_SPLITS
from orchestrion.datasets.recordings.tracks import Track
from orchestrion.datasets.recordings.unreadable import UnreadableError, telling
from orchestrion.datasets.untrusted.textfiles import read_json_object
from orchestrion.errors import OrchestrionError
from orchestrion.files import sha256
from orchestrion.progress import track as follow
from orchestrion.score import Note

FIGURES = ("n_samples", "samples_sha256", "notes_sha256", "notes", "lowest_pitch", "highest_pitch")


def prepare_aligned(
    tracks: Sequence[Track],
    output: str | os.PathLike[str],
    *,
    sample_rate: int = 16000,
    information: Mapping[str, object] | None = None,
    validation: Sequence[str] = (),
    cluster: Cluster | None = None,
) -> AlignedSet:
    """Make the prepared set ``output`` of ``tracks``; stopped half-way, the same call goes on with the next piece.

    A track whose audio or notes are missing or cannot be read, contradict each other in length, or that plays a work of a split that
    goes before its own (test before validation before train) is left out, and the manifest says why.

    Args:
        information: name, licence, citation and source of the set.
        validation: names of the pieces to hold out; by default those that the authors say, else a share of the works
            (`dividing`).
        cluster: makes the pieces, on machines that see the same files.

    Raises:
        OrchestrionError: ``output`` exists, or nothing is left.
    """
    check_rate(sample_rate)
    target = Path(output)
    left_out: dict[str, str] = {}
    with preparation(target) as work:
        if cluster is not None:
            cluster.must_see(work.folder, *(track.audio for track in tracks[:1] if track.audio is not None))
        calls = ((track.name, (track, sample_rate, work.folder, work.known(track.name))) for track in tracks)
        for name, result in follow(spread(cluster, _prepare, calls), len(tracks), "Preparing"):
            if isinstance(result, OrchestrionError):
                raise result
            if isinstance(result, str):
                left_out[name] = result
            elif result is not None:
                work.finish(name, result)
        made = [track for track in tracks if track.name not in left_out]
        splits, divided_out = divide(made, validation)
        left_out |= divided_out
        kept = {name for names in splits.values() for name in names}
        work.keep_only(kept)
        if not kept:
            raise OrchestrionError(f"Nothing can be prepared: {next(iter(left_out.values()), 'there are no tracks')}.")
        pieces = {track.name: _entry(work, track) for track in made if track.name in kept}
        said = {"kind": KIND, "name": target.name, **(information or {}), "sample_rate": sample_rate}
        found = {"minutes": _minutes(pieces, sample_rate), "pieces": pieces, "left_out": left_out}
        work.complete(said | found, splits)
    return AlignedSet.open(target, sample_rate=sample_rate)


def shard(source: str | os.PathLike[str], output: str | os.PathLike[str], most_bytes: int = 500 << 20) -> list[str]:
    """Pack the prepared set ``source`` into tar files (`shards`) in the new folder ``output``; returns their names.

    Raises:
        OrchestrionError: ``source`` is no prepared set of recordings with notes, or ``output`` exists.
    """
    folder, target = Path(source), Path(output)
    information, splits = read_json_object(folder / "dataset.json"), read_json_object(folder / "splits.json")
    rate = information.get("sample_rate")
    if information.get("kind") != KIND or information.get("shards") or not isinstance(rate, int):
        raise OrchestrionError(
            f"{folder} is no prepared set of recordings with notes; make one: orchestrion data prepare."
        )
    opened = AlignedSet.open(folder, sample_rate=rate)
    names: list[str] = []
    with preparation(target) as work:
        for split in ALL_SPLITS:
            pieces = opened.split(split)
            files = {piece.name: (folder / f"{piece.name}.npy", folder / f"{piece.name}.tsv") for piece in pieces}
            names += write_shards(files, work.folder, split, most_bytes)
        work.records["shards"] = {"files": names}
        work.complete({**information, "shards": names}, splits)
    return names


def _prepare(track: Track, rate: int, folder: Path, known: Mapping[str, object]) -> dict[str, object] | str | None:
    """Make the files of one piece in ``folder``; its record, or why it is left out, or None where its key is ``known`` already."""
    if missing := track.missing():
        return f"{missing[0].name} is missing"
    key = _key(track, rate)
    if known == as_kept(key):
        return None
    try:
        notes = track.read_notes()
        if track.audio is not None:
            length(track.audio)
    except OrchestrionError as error:
        return str(error).rstrip(".")
    if not notes:
        return "it has no notes that were asked for"
    try:
        made = _write(track, rate, folder, notes)
    except UnreadableError as error:
        return str(error).rstrip(".")
    return made if isinstance(made, str) else {"key": key, **made}


def _write(track: Track, rate: int, folder: Path, notes: Sequence[Note]) -> dict[str, object] | str:
    audio_file, notes_file = folder / f"{track.name}.npy", folder / f"{track.name}.tsv"
    with track.opened(folder) as audio:
        written = write_raw(audio_file, telling(read_blocks(audio, rate, track.start_s, track.stop_s)))
    end_s = written.n_samples / rate
    late = past_the_end(notes, end_s, END_SLACK_S)
    if not written.n_samples or late:
        audio_file.unlink()
        return f"its audio ends at {end_s:.2f} s, but a note begins at {late[0].onset_s:.2f} s" if late else "no audio"
    kept = [note for note in notes if note.onset_s < end_s]
    write_notes(notes_file, kept)
    pitches = [note.pitch for note in kept]
    return {
        "files": [audio_file.name, notes_file.name],
        "n_samples": written.n_samples,
        "samples_sha256": written.sha256,
        "notes_sha256": sha256(notes_file),
        "notes": len(kept),
        "lowest_pitch": min(pitches),
        "highest_pitch": max(pitches),
    }


def _key(track: Track, rate: int) -> dict[str, object]:
    """What the piece is made of: the same key means the same bytes."""
    audio = {} if track.audio is None else {"audio": track.audio.name, "audio_sha256": sha256(track.audio)}
    labels = {path.name: sha256(path) for path in track.labels}
    part = {} if not track.start_s and track.stop_s is None else {"start_s": track.start_s, "stop_s": track.stop_s}
    return {**audio, "labels_sha256": labels, **part, "sample_rate": rate, "selection": dict(track.about)}


def _entry(work: Preparation, track: Track) -> dict[str, object]:
    sums = {name: value for name, value in work.key(track.name).items() if name not in ("sample_rate", "selection")}
    figures = {name: work.records[track.name][name] for name in FIGURES}
    return {"work": track.work, **dict(track.about), **sums, **figures}


def _minutes(pieces: Mapping[str, Mapping[str, object]], rate: int) -> float:
    return round(sum(int(str(piece["n_samples"])) for piece in pieces.values()) / rate / 60, 2)
