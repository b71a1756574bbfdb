"""How well an instrument obeys the notes of real recordings: likelihoods, and note accuracy when it plays by itself.

For every piece the instrument plays the score freely from the beginning, and a transcriber that has not seen the score
listens (`following`). The ceiling is the recording itself through the same transcriber; the floor is the instrument's
audio against the score of another piece.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from orchestrion.audio import Waveform
from orchestrion.cluster import Cluster, in_order
from orchestrion.datasets.catalogue import open_recordings
from orchestrion.datasets.recordings.aligned import AlignedPiece, AlignedSet
from orchestrion.datasets.recordings.splits import SPLITS
from orchestrion.datasets.records import SOUNDFONT
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.judge.bits_per_sample import bits_per_sample
from orchestrion.evaluation.judge.following import note_accuracy, onset_scores
from orchestrion.evaluation.judge.rests import rest_summary, rests_below_notes, single_notes
from orchestrion.evaluation.judge.transcription import NAME, transcribe
from orchestrion.progress import progress
from orchestrion.renderer.instrument import TAIL_S, Instrument
from orchestrion.renderer.sampler import generate
from orchestrion.score import Note, Score

KEPT = ("note_f1_50ms", "note_f1_100ms", "multipitch_accuracy", "chroma_accuracy")
WINDOW_S = 0.64
CHOICES = ("auto", *SPLITS, "all")


def evaluate_renderer(
    instrument: Instrument | str | os.PathLike[str],
    data: str | os.PathLike[str],
    *,
    split: str = "auto",
    seconds: float = 30.0,
    seed: int = 0,
    temperature: float | None = None,
    windows: int = 120,
    cluster: Cluster | None = None,
) -> dict[str, object]:
    """Measure ``instrument`` on a folder in the shared notes format (or ``soundfont:NAME``).

    Args:
        split: ``train``, ``validation``, ``all``; ``auto`` is ``validation`` where the folder says what that is
            (``splits.json``), else ``all``.
        seconds: of each piece to be played freely, from its beginning.
        windows: at most so many windows of 0.64 s, over all pieces, on which bits/sample are taken.
        cluster: plays and listens to the pieces, on machines that see the same files.

    Returns:
        ``bits_per_sample`` and ``bits_per_sample_other_score``; means over the pieces of ``note_f1_50ms``,
        ``note_f1_100ms``, ``multipitch_accuracy``, ``chroma_accuracy``, the same with ``ceiling_``, and
        ``floor_note_f1_50ms`` and ``floor_note_f1_100ms``; of conditioned instruments ``silent_pitches``,
        ``rest_below_note_db_median`` and ``rest_below_note_db_worst`` (`rests.rest_summary`); ``per_piece``, a list with the accuracies of each piece.

    Raises:
        OrchestrionError: a broken instrument or folder, or no piece in the split.
    """
    player = Instrument.load(instrument)
    pieces, everything = _open(data, split, player)
    if not seconds > 0:
        raise OrchestrionError(f"Playing {seconds:g} s is impossible; give a number above 0.")
    others = _others(pieces, everything)
    windows = max(len(pieces), min(windows, int(sum(piece.duration_s for piece in pieces) / WINDOW_S)))
    with progress(1 + player.config.conditioned, "Scoring") as advance:
        bits = {"bits_per_sample": bits_per_sample(player.model, pieces, windows=windows, advance=advance)}
        if player.config.conditioned:
            bits["bits_per_sample_other_score"] = bits_per_sample(player.model, pieces, scores=others, windows=windows, advance=advance)
    asked = seconds, seed, temperature
    rows = _listen(player, pieces, others, *asked) if cluster is None else _listen_on(cluster, player, pieces, others, *asked)
    rests = _rests(player, seed, temperature) if player.config.conditioned else {}
    measured = [name for name in rows[0] if name != "piece"]
    means = {name: sum(float(str(row[name])) for row in rows) / len(rows) for name in measured}
    return {
        "instrument": player.name,
        "data": os.fspath(data),
        "pieces": len(pieces),
        "seconds_a_piece": seconds,
        "transcriber": NAME,
        **bits,
        **means,
        **rests,
        "per_piece": rows,
    }


def _open(data: str | os.PathLike[str], split: str, player: Instrument) -> tuple[tuple[AlignedPiece, ...], AlignedSet]:
    if split not in CHOICES:
        raise OrchestrionError(f"There is no split {split!r}; there are {', '.join(CHOICES)}.")
    c = player.config
    folder = open_recordings(data).path if str(data).startswith(SOUNDFONT) else data
    recordings = AlignedSet.open(folder, sample_rate=c.sample_rate, hop=c.hop)
    if split == "auto":
        split = "validation" if (recordings.path / "splits.json").is_file() else "all"
    pieces = recordings.pieces if split == "all" else recordings.split(split)
    if not pieces:
        raise OrchestrionError(f"{recordings.path} has no piece in its {split} split; use --split all.")
    return pieces, recordings


def _others(pieces: Sequence[AlignedPiece], everything: AlignedSet) -> list[AlignedPiece]:
    """For each piece another one of the set; where there is none, its own notes moved on by half its length."""
    if len(pieces) > 1:
        return [*pieces[1:], pieces[0]]
    rest = [piece for piece in everything.pieces if piece.name != pieces[0].name]
    return [rest[0] if rest else _moved(pieces[0])]


def _moved(piece: AlignedPiece) -> AlignedPiece:
    half_s = piece.duration_s / 2
    onsets_s = [(note.onset_s + half_s) % piece.duration_s for note in piece.notes]
    notes = [replace(n, onset_s=s, offset_s=s + n.duration_s) for n, s in zip(piece.notes, onsets_s, strict=True)]
    return replace(piece, table=tuple(sorted(notes)))


def _listen(
    player: Instrument,
    pieces: Sequence[AlignedPiece],
    others: Sequence[AlignedPiece],
    seconds: float,
    seed: int,
    temperature: float | None,
) -> list[dict[str, object]]:
    """What is heard of every piece, played freely."""
    rate, hop = player.config.sample_rate, player.config.hop
    lengths_s = [min(seconds, piece.duration_s) for piece in pieces]
    series = [
        piece.series.crop_frames(0, max(1, int(length_s * rate / hop))) for piece, length_s in zip(pieces, lengths_s, strict=True)
    ]
    with progress(sum(lengths_s) * rate, f"Playing {len(pieces)} pieces") as advance:
        heat = player.temperature if temperature is None else temperature
        played = generate(
            player.model, series, seed=seed, temperature=heat, voices=[0] * len(pieces), progress=advance
        )
    rows: list[dict[str, object]] = []
    with progress(len(pieces), "Listening") as advance:
        for piece, other, samples, length_s in zip(pieces, others, played, lengths_s, strict=True):
            audio, recording = Waveform(samples, rate), Waveform(piece.samples(0, len(samples)), rate)
            rows.append({"piece": piece.name, **_measures(audio, recording, piece, other, length_s)})
            advance(1)
    return rows


def _listen_on(
    cluster: Cluster,
    player: Instrument,
    pieces: Sequence[AlignedPiece],
    others: Sequence[AlignedPiece],
    *asked: object,
) -> list[dict[str, object]]:
    """As `_listen`, a piece a call: none hears of those that it is played beside."""
    cluster.must_see(*(piece.audio.path for piece in pieces))
    player_there = cluster.share(player)
    calls = ((player_there, [piece], [other], *asked) for piece, other in zip(pieces, others, strict=True))
    with progress(len(pieces), f"Playing {len(pieces)} pieces") as advance:
        return [row for rows in in_order(cluster, _listen, calls, advance) for row in rows]


def _rests(player: Instrument, seed: int, temperature: float | None) -> dict[str, float]:
    """How silent it is after single notes."""
    length_s = single_notes(*player.pitch_range).duration_s + TAIL_S
    with progress(length_s * player.config.sample_rate, "Playing single notes") as advance:

        def render(score: Score) -> Waveform:
            return player.render(score, seed=seed, temperature=temperature, progress=advance)

        return rest_summary(rests_below_notes(render, player.pitch_range))


def _measures(
    audio: Waveform, recording: Waveform, piece: AlignedPiece, other: AlignedPiece, length_s: float
) -> dict[str, float]:
    notes = _before(piece.notes, length_s)
    own, best = note_accuracy(audio, notes), note_accuracy(recording, notes)
    chance = onset_scores(_before(other.notes, length_s), transcribe(audio))
    return (
        {name: own[name] for name in KEPT}
        | {f"ceiling_{name}": best[name] for name in KEPT}
        | {f"floor_{name}": chance[name] for name in KEPT[:2]}
    )


def _before(notes: Sequence[Note], length_s: float) -> tuple[Note, ...]:
    """The notes that begin before ``length_s``, cut there."""
    return tuple(replace(note, offset_s=min(note.offset_s, length_s)) for note in notes if note.onset_s < length_s - 0.05)
