"""Labels audio files: makes a folder of recordings with notes, as training and ``data check`` take it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from orchestrion.audio import Waveform
from orchestrion.audio.folders import audio_in, conversion
from orchestrion.cluster import Cluster, spread
from orchestrion.datasets.checking.flux import SAMPLE_RATE
from orchestrion.datasets.recordings.notesfile import read_notes, write_notes
from orchestrion.errors import OrchestrionError
from orchestrion.files import make_folder, refuse_shared_fault, sha256, write_json
from orchestrion.labelling.methods import check, notes_of
from orchestrion.labelling.picture import draw_labels
from orchestrion.progress import progress
from orchestrion.score import Note, Part, Score
from orchestrion.suffixes import AUDIO, AUDIO_UNREADABLE, SCORES
from orchestrion.terminal import plural
from orchestrion.version import VERSION

RECORD = ".label.json"
KEPT = (".tsv", ".png")
BY_HAND = (".tsv", ".mid")
"""What a person corrects."""
MOST_RATE = 24000
"""Of NAME.flac, in samples a second: what instruments play at."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One recording with its new notes.

    ``reused`` says that it had been labelled in the same way before, and nothing was done; ``corrected`` that its notes have been
    changed by hand since.
    """

    name: str
    source: str
    method: str
    seconds: float
    notes: int
    lowest_pitch: int | None
    highest_pitch: int | None
    reused: bool
    corrected: bool = False


def label_recordings(
    recordings: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    method: str,
    scores: Sequence[str | os.PathLike[str]] = (),
    with_audio: bool = True,
    failed: Callable[[Path, OrchestrionError], None] | None = None,
    cluster: Cluster | None = None,
) -> tuple[Labelled, ...]:
    """Label recordings into the folder ``output``: NAME.tsv, NAME.mid, NAME.png, and NAME.flac, mono, at 24 kHz or its own lower rate.

    What is there already, made from the same audio in the same way, stays: a run that was stopped goes on. So does what was
    corrected by hand since, which no other method replaces either. Where no note is heard, NAME.tsv is empty and there is no
    NAME.mid.

    Args:
        recordings: files, and folders of files; no two of the same name.
        method: see `methods.METHODS`.
        scores: for the method ``align``: the score of each recording, a file or a built-in tune, in the order of
            ``recordings``, or one folder with NAME.mid, NAME.musicxml, … for each.
        with_audio: whether NAME.flac is written.
        failed: told of each of several recordings that cannot be labelled, and the others are; None to raise the first error.
        cluster: labels them, on machines that see the same files.

    Raises:
        OrchestrionError: unknown method, a missing or broken file, two of the same name, ``output`` holds a recording
            itself, or notes that were corrected by hand after another method, or what the method raises.
    """
    sources = find_recordings(recordings)
    check(method, bool(scores))
    given = _scores_for(sources, scores)
    folder = Path(output)
    _refuse_own_sources(sources, folder)
    done: dict[Path, Labelled] = {}
    # A bar of bytes: what takes long is the audio, and its length is not known before it is read.
    size = sum(source.stat().st_size for source in sources)
    with _made(folder), progress(size, f"Labelling {plural(len(sources), 'recording')}") as advance:
        if cluster is not None:
            cluster.must_see(folder, *sources[:1], *(score for score in given.values() if isinstance(score, Path)))
        calls = ((source, (source, folder, method, given.get(source), with_audio)) for source in sources)
        for source, made in spread(cluster, _label, calls):
            if not isinstance(made, OrchestrionError):
                done[source] = made
            elif failed is None or len(sources) == 1:
                raise made
            else:
                refuse_shared_fault(made)
                failed(source, made)
            advance(source.stat().st_size)
    if with_audio and done:
        _describe(folder)
    return tuple(done[source] for source in sources if source in done)


def find_recordings(given: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Files as given, folders as the audio that lies in them, sorted.

    Raises:
        OrchestrionError: none, a folder without audio, an unknown kind of file, no such file, or two of one name.
    """
    found: list[Path] = []
    for path in map(Path, given):
        inside = audio_in(path, depth=0) if path.is_dir() else [path]
        if not inside:
            raise OrchestrionError(f"The folder {path} holds no audio ({' '.join(AUDIO)}).")
        found += inside
    if not found:
        raise OrchestrionError("No recordings are given; name recordings, or a folder of them.")
    for path in found:
        if not path.exists():
            raise OrchestrionError(f"Cannot read {path}: No such file or directory.")
        if path.suffix.lower() in AUDIO_UNREADABLE:
            raise OrchestrionError(f"{path} has {conversion(path)}.")
        if path.suffix.lower() not in AUDIO or not path.is_file():
            raise OrchestrionError(f"{path} is not a recording: a file that ends in {' '.join(AUDIO)} is wanted.")
    twice = [stem for stem, count in Counter(path.stem for path in found).items() if count > 1]
    if twice:
        raise OrchestrionError(f"Two recordings are called {twice[0]}; what is made of them would overwrite each other, rename one.")
    return found


def _scores_for(sources: Sequence[Path], scores: Sequence[str | os.PathLike[str]]) -> dict[Path, Path | str]:
    """Files, and names of built-in tunes; a file or a folder of a tune's name goes before it, as in `Score.read`."""
    if len(scores) == 1 and Path(scores[0]).is_dir():
        return {source: _score_in(Path(scores[0]), source) for source in sources}
    if scores and len(scores) != len(sources):
        raise OrchestrionError(
            f"There are {len(sources)} recordings and {len(scores)} scores; give one for each, or a folder with "
            f"scores of the same names."
        )
    return dict(zip(sources, [_named(os.fspath(score)) for score in scores], strict=False))


def _named(score: str) -> Path | str:
    if Path(score).is_file():
        return Path(score)
    Score.read(score)  # says what is wrong, before any recording is labelled
    return score


def _score_in(folder: Path, source: Path) -> Path:
    for suffix in SCORES:
        if (folder / f"{source.stem}{suffix}").is_file():
            return folder / f"{source.stem}{suffix}"
    raise OrchestrionError(f"{folder} has no score {source.stem}.mid (or {', '.join(SCORES[1:])}) for {source.name}.")


def _refuse_own_sources(sources: Sequence[Path], folder: Path) -> None:
    if any(source.parent.resolve() == folder.resolve() for source in sources):
        raise OrchestrionError(f"{folder} holds the recordings themselves; name another folder for what is made of them.")


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make ``folder``; if it is new and nothing comes to lie in it, a failure takes it away again."""
    is_new = not folder.exists()
    make_folder(folder)
    try:
        yield
    except OrchestrionError:
        if is_new and not any(folder.iterdir()):
            folder.rmdir()
        raise


def _label(source: Path, folder: Path, method: str, score: Path | str | None, with_audio: bool) -> Labelled:
    settings: dict[str, object] = {
        "method": method,
        "version": VERSION,
        "source": source.name,
        "sha256": sha256(source),
        "score": None if score is None else Path(score).name,
        "score_sha256": sha256(score) if isinstance(score, Path) else None,  # a tune is the version's
    }
    target = folder / source.stem
    if before := _made_before(target, settings, with_audio):
        return before
    if corrected := _corrected(target, _record(target)):
        raise OrchestrionError(
            f"{corrected} was corrected by hand after it was labelled, and this would replace it; name another folder, or delete {_beside(target, RECORD)} to label it anew."
        )
    audio = Waveform.read(source)
    notes = notes_of(audio, method, None if score is None else Score.read(score))
    heard = audio.resample(SAMPLE_RATE)
    kept = _within(notes, heard.duration_s)
    _write(target, heard, kept, f"{source.stem}: {plural(len(kept), 'note')} by {method}")
    if with_audio:
        audio.resample(min(audio.sample_rate, MOST_RATE)).write(_beside(target, ".flac"))
    pitches = [note.pitch for note in kept]
    made = Labelled(
        source.stem, str(source), method, round(heard.duration_s, 3), len(kept),
        min(pitches, default=None), max(pitches, default=None), False,
    )  # fmt: skip
    sums = {suffix: sha256(_beside(target, suffix)) for suffix in BY_HAND if _beside(target, suffix).is_file()}
    write_json(_beside(target, RECORD), settings | {"figures": asdict(made), "made_sha256": sums})
    return made


def _within(notes: Sequence[Note], duration_s: float) -> tuple[Note, ...]:
    return tuple(note for note in notes if note.onset_s < duration_s)


def _write(target: Path, heard: Waveform, notes: Sequence[Note], title: str) -> None:
    write_notes(_beside(target, ".tsv"), notes)
    if notes:
        Score((Part("labels", 0, tuple(notes)),), title=target.name).write(_beside(target, ".mid"))
    draw_labels(_beside(target, ".png"), heard, notes, title)


def _beside(target: Path, suffix: str) -> Path:
    # Not with_suffix, which would cut "take.2" to "take".
    return target.parent / f"{target.name}{suffix}"


def _made_before(target: Path, settings: dict[str, object], with_audio: bool) -> Labelled | None:
    """The figures of labels that were made in the same way and are all there, or have been corrected by hand since."""
    content = _record(target)
    corrected = _corrected(target, content)
    wanted = () if corrected else (*KEPT, *((".flac",) if with_audio else ()))
    if not all(_beside(target, suffix).is_file() for suffix in wanted):
        return None
    try:
        made = Labelled(**content["figures"] | {"reused": True})
    except (KeyError, TypeError):
        return None  # a record that somebody edited: labelled anew
    if {name: value for name, value in content.items() if name not in ("figures", "made_sha256")} != settings:
        return None
    if corrected:
        notes = read_notes(corrected) if corrected.suffix == ".tsv" else Score.read(corrected).notes
        pitches = [note.pitch for note in notes]
        return replace(made, notes=len(notes), lowest_pitch=min(pitches, default=None), highest_pitch=max(pitches, default=None), corrected=True)
    return made if len(read_notes(_beside(target, ".tsv"))) == made.notes else None


def _record(target: Path) -> dict[str, Any]:
    """What is known of how labels were made; empty where nothing is."""
    try:
        content = json.loads(_beside(target, RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _corrected(target: Path, record: Mapping[str, Any]) -> Path | None:
    """Notes that are not those that were written when the record was; None where there are none, or the record is older than such sums."""
    sums = record.get("made_sha256")
    if not isinstance(sums, dict):
        return None
    for suffix in BY_HAND:
        path = _beside(target, suffix)
        if path.is_file() and sha256(path) != sums.get(suffix):
            return path
    return None


def _describe(folder: Path) -> None:
    """``dataset.json``, unless there is one: notes by machine, terms as the recordings'."""
    if not (folder / "dataset.json").exists():
        write_json(folder / "dataset.json", {"name": folder.resolve().name, "licence": "as the recordings'",
                                             "notes": "labelled by machine"})  # fmt: skip
