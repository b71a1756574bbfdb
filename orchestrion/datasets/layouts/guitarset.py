"""GuitarSet (Xi et al. 2018): ``annotation/NAME.jams`` with ``audio_mono-mic/NAME_mic.wav``.

Without the microphone's recordings the pickup's, ``audio_mono-pickup_mix/NAME_mix.wav``, are taken.

NAME is PLAYER_STYLE-TEMPO-KEY_MODE, e.g. ``00_BN1-129-Eb_comp``. A JAMS file has one ``note_midi`` annotation a string:
``data`` is a list of {time, duration, value (MIDI number with cents), confidence} in seconds, or the same as columns.
Comping and soloing over one progression (``BN1-129-Eb``) count as one work. Strings bend: a note keeps its nearest
pitch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from orchestrion.datasets.recordings.tracks import (
    UNKNOWN_VELOCITY,
    Selection,
    Track,
    checked,
    note,
    plain_name,
    require,
)
from orchestrion.datasets.untrusted.textfiles import read_json
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note

AUDIO = (("audio_mono-mic", "_mic"), ("audio_mono-pickup_mix", "_mix"))
NOTES = "note_midi"


def read_guitarset(folder: Path, selection: Selection) -> Sequence[Track]:
    """Every excerpt of the player or mode asked for (``collection``: 00 … 05, comp, solo), as the microphone heard it.

    Raises:
        OrchestrionError: no annotations, or nothing that fits.
    """
    annotations = sorted(require(folder, "annotation").glob("*.jams"))
    chosen = [path for path in annotations if selection.takes(path.stem, *path.stem.split("_"))]
    return checked((_track(folder, path) for path in chosen), folder, "excerpt of GuitarSet that fits")


def _track(folder: Path, jams: Path) -> Track:
    player, _, rest = jams.stem.partition("_")
    candidates = [folder / name / f"{jams.stem}{ending}.wav" for name, ending in AUDIO]
    audio = next((path for path in candidates if path.exists()), candidates[0])
    work = rest.rpartition("_")[0] or jams.stem
    return Track(plain_name(jams.stem), audio, (jams,), partial(_notes, jams), work, about={"player": player})


def _notes(path: Path) -> Iterator[Note]:
    content = read_json(path)
    annotations = content.get("annotations") if isinstance(content, dict) else None
    if not isinstance(annotations, list):
        raise OrchestrionError(f"{path} is no JAMS file: it has no annotations.")
    strings = [a for a in annotations if isinstance(a, dict) and a.get("namespace") == NOTES]
    if not strings:
        raise OrchestrionError(f"{path} has no annotation {NOTES!r}.")
    rows = (row for string in strings for row in _rows(string.get("data"), path))
    return (note(on, on + length, pitch, UNKNOWN_VELOCITY, path, i) for i, (on, length, pitch) in enumerate(rows, 1))


def _rows(data: object, path: Path) -> Iterator[tuple[float, float, float]]:
    """Time, duration and value of a JAMS annotation, which may be a list of observations or columns."""
    try:
        if isinstance(data, Mapping):
            yield from zip(*(map(float, data[name]) for name in ("time", "duration", "value")), strict=True)
        elif isinstance(data, list):
            yield from ((float(row["time"]), float(row["duration"]), float(row["value"])) for row in data)
    except (KeyError, TypeError, ValueError) as error:
        raise OrchestrionError(f"{path} holds a note without time, duration or pitch.") from error
