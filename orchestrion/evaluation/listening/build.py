"""Make the page of a blind listening test.

`PAGE/index.html` holds everything but the sound; `PAGE/clips/` holds the clips as WAV, named by numbers that say
nothing, of one rate, one loudness and without tags. Which clip is whose stands in `PAGE-key.json` beside the folder,
which is not to be published. The page works from a folder on disk and from any web host, and fetches nothing from
elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import NotRequired, TypedDict

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.audio.audiostream import length, read_blocks
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.listening.clips import MAX_CLIP_S, ClipFile, find_clips, with_anchor
from orchestrion.evaluation.listening.codes import fnv1a
from orchestrion.evaluation.listening.loudness import Level, Match, amplified, match_loudness
from orchestrion.evaluation.listening.plan import Playlist, make_abx, make_playlists
from orchestrion.evaluation.pages import render_page, trusted_file
from orchestrion.files import atomic_write, write_json
from orchestrion.options import Listening
from orchestrion.progress import track
from orchestrion.temporary import is_empty
from orchestrion.version import VERSION

KEY_FORMAT = "orchestrion-listening-key"
LOWEST_RATE, HIGHEST_RATE = 16000, 48000
FADE_S = 0.01
BEEPS_BELOW_DB = 18.0
GAP = 5  # trials at least between a clip and its repetition


class ClipKey(TypedDict):
    """Whose clip it is, which item, from which file, and the gain it got; of an ABX trial's third, which clip it is again."""

    system: str
    item: str
    file: str
    gain_db: float
    copy_of: NotRequired[str]


class AnswerKey(TypedDict):
    """The content of the key file; ``clips`` by the names that the page knows."""

    format: str
    version: int
    study: str
    software: str
    systems: list[str]
    loudness_lufs: float
    silent: list[str]
    softer_db: dict[str, float]
    options: dict[str, object]
    clips: dict[str, ClipKey]


class BuiltPage(AnswerKey):
    """A key with its file's path, and how many trials each listener gets."""

    key_file: str
    per_listener: dict[str, int]


def build_page(
    folders: Sequence[str | os.PathLike[str]], page: str | os.PathLike[str], options: Listening | None = None
) -> BuiltPage:
    """Make the page folder ``page`` and its key file.

    Raises:
        OrchestrionError: see `find_clips`, `match_loudness` and `make_playlists`; the folder exists and is no page.
    """
    chosen = options or Listening()
    folder = Path(page)
    key_file = folder.with_name(f"{folder.name}-key.json")
    _check_free(folder)
    found = with_anchor(find_clips(folders), chosen.anchor)
    reader = _Reader(_common_rate(found), chosen.seconds)
    heard = {source: _hear(source, reader, chosen.seed) for source in track(found, len(found), "Reading clips")}
    sources = {clip.name: source for source, clip in heard.items()}
    match = match_loudness({_say(source): clip.level for source, clip in heard.items()})
    rng = np.random.default_rng([chosen.seed, 1])
    lists = make_playlists(sources, chosen.ratings, chosen.pairs, rng)
    abx, copies = make_abx(sources, chosen.abx, rng)
    lists = tuple(replace(each, abx=abx) for each in lists)
    sources |= copies
    # Of all that makes a plan: what a browser has kept of another test must not be taken for this one's.
    study = f"{fnv1a(json.dumps([sorted(sources), [asdict(item) for item in lists], asdict(chosen)])):08x}"
    key = _key(study, sources, match, chosen)
    extra = _sound_checks(match.lufs, reader.rate, study, rng)
    _write_clips(folder, sources, extra.sounds, reader, match)
    config = {
        "id": study, "lists": [asdict(item) for item in lists], "repeats": chosen.repeats, "gap": GAP,
        "pairRepeats": chosen.pair_repeats, "seconds": round(fmean(clip.duration_s for clip in heard.values()), 1),
        "volume": extra.volume, "checks": extra.checks, "code": chosen.completion_code, "question": chosen.question,
        "pairQuestion": chosen.pair_question, "collect": chosen.collect,
    }  # fmt: skip
    page_text = render_page(
        "listening/index.html", title=chosen.title, study=config,
        style=trusted_file("listening/study.css"), script=trusted_file("listening/study.js"),
    )  # fmt: skip
    with atomic_write(folder / "index.html") as temporary:
        temporary.write_text(page_text, encoding="utf-8")
    write_json(key_file, key)
    return {**key, "key_file": os.fspath(key_file), "per_listener": _count(lists[0], chosen)}


def _check_free(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or not is_empty(folder)):
        raise OrchestrionError(f"Cannot make the page in {folder}: it is not an empty folder; name a new one.")
    if not folder.absolute().parent.is_dir():
        raise OrchestrionError(f"Cannot make the page in {folder}: there is no folder {folder.absolute().parent}.")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads clips at one ``rate``, cut to ``seconds`` and faded over 10 ms at both ends."""

    rate: int
    seconds: float | None

    def read(self, source: ClipFile) -> Waveform:
        """
        Raises:
            OrchestrionError: not audio, or longer than two minutes and not to be cut.
        """
        # A little more than is allowed, to see whether there is more.
        stop_s = MAX_CLIP_S + 1 if self.seconds is None else self.seconds
        sound = Waveform(np.concatenate(list(read_blocks(source.path, self.rate, 0.0, stop_s))), self.rate)
        if source.lowpass_hz:
            sound = _lowpassed(sound, source.lowpass_hz)
        if sound.duration_s > MAX_CLIP_S + 0.1:
            raise OrchestrionError(f"{source.path} lasts more than {MAX_CLIP_S:.0f} s; give --seconds.")
        return _faded(sound)


@dataclass(frozen=True, slots=True)
class _Heard:
    """What must be known of a clip before any can be written."""

    name: str
    level: Level
    duration_s: float


def _hear(source: ClipFile, reader: _Reader, seed: int) -> _Heard:
    """The name is ten hexadecimal digits, the same for the same clip and seed; sorted, clips are in random order."""
    sound = reader.read(source)
    digest = hashlib.sha256(f"{seed}\0{source.system}\0{source.item}\0".encode())
    digest.update(sound.samples.tobytes())
    return _Heard(digest.hexdigest()[:10], Level.of(sound), sound.duration_s)


def _common_rate(found: Sequence[ClipFile]) -> int:
    """The highest rate of all clips, from 16 to 48 kHz.

    Their own would tell the systems apart; 4.41 kHz is also less than some browsers play.
    """
    rates = [length(source.path)[1] for source in found]
    return min(max(LOWEST_RATE, *rates), HIGHEST_RATE)


def _faded(sound: Waveform) -> Waveform:
    n = min(round(FADE_S * sound.sample_rate), len(sound.samples) // 2)
    samples = sound.samples.copy()
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / max(n, 1))).astype(np.float32)
    samples[:n] *= ramp
    samples[len(samples) - n :] *= ramp[::-1]
    # Without tags: they name the system.
    return Waveform(samples, sound.sample_rate)


def _lowpassed(sound: Waveform, hz: float) -> Waveform:
    from scipy.signal import butter, sosfiltfilt

    filtered = sosfiltfilt(butter(8, hz, fs=sound.sample_rate, output="sos"), np.pad(sound.samples, 256))[256:-256]
    return replace(sound, samples=np.clip(filtered, -1.0, 1.0))


def _say(source: ClipFile) -> str:
    return f"{source.system}/{source.item}"


def _clip_key(source: ClipFile, match: Match) -> ClipKey:
    made: ClipKey = {
        "system": source.system, "item": source.item, "file": source.path.name, "gain_db": round(float(match.gains_db[_say(source)]), 2),
    }  # fmt: skip
    if source.copy_of:
        made["copy_of"] = source.copy_of
    return made


def _key(study: str, sources: Mapping[str, ClipFile], match: Match, options: Listening) -> AnswerKey:
    clips = {name: _clip_key(source, match) for name, source in sorted(sources.items())}
    return {
        "format": KEY_FORMAT, "version": 1, "study": study, "software": f"orchestrion {VERSION}",
        "systems": sorted({source.system for source in sources.values()}), "loudness_lufs": round(match.lufs, 2),
        "silent": list(match.silent),
        "softer_db": {name: round(db, 1) for name, db in sorted(match.softer_db.items())}, "options": asdict(options), "clips": clips,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Checks:
    sounds: dict[str, Waveform]
    volume: str
    checks: list[dict[str, object]]


def _sound_checks(lufs: float, rate: int, study: str, rng: np.random.Generator) -> _Checks:
    """A sample as loud as the clips, and two to five beeps 18 dB softer, to be counted before the test begins."""
    sounds: dict[str, Waveform] = {}
    chord = np.sum([_tone(hz, 3.0, rate) for hz in (220.0, 277.2, 329.6, 440.0)], axis=0)
    volume = f"{rng.bytes(5).hex()}"
    sample = Waveform(0.2 * chord, rate)
    sounds[volume] = amplified(sample, lufs - Level.of(sample).lufs)
    amplitude = float(np.sqrt(2) * 10 ** ((lufs - BEEPS_BELOW_DB) / 20))
    checks: list[dict[str, object]] = []
    for count in range(2, 6):
        gaps_s = rng.uniform(0.25, 0.6, count)
        parts = [np.concatenate([np.zeros(round(gap * rate)), _tone(880.0, 0.2, rate)]) for gap in gaps_s]
        name = rng.bytes(5).hex()
        sounds[name] = Waveform(amplitude * np.concatenate([*parts, np.zeros(rate // 4)]), rate)
        # Hashed, so that the number does not stand in the page for all to read.
        checks.append({"file": name, "answer": fnv1a(f"{study}|{name}|{count}")})
    return _Checks(sounds, volume, checks)


def _tone(hz: float, duration_s: float, rate: int) -> np.ndarray:
    time_s = np.arange(round(duration_s * rate)) / rate
    edge = np.clip(np.minimum(time_s, duration_s - time_s) / 0.02, 0, 1)
    return np.sin(2 * np.pi * hz * time_s) * edge


def _write_clips(
    folder: Path, sources: Mapping[str, ClipFile], extra: Mapping[str, Waveform], reader: _Reader, match: Match
) -> None:
    try:
        (folder / "clips").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OrchestrionError(f"Cannot create the folder {folder}: {error.strerror or error}.") from error
    names = sorted([*sources, *extra])
    # In the order of their names, which is random: neither do the times of the files tell anything.
    for name in track(names, len(names), "Writing clips"):
        source = sources.get(name)
        sound = extra[name] if source is None else amplified(reader.read(source), match.gains_db[_say(source)])
        sound.write(folder / "clips" / f"{name}.wav")


def _count(playlist: Playlist, options: Listening) -> dict[str, int]:
    n_ratings, n_pairs = len(playlist.rate), len(playlist.pairs)
    return {
        "ratings": n_ratings, "pairs": n_pairs,
        "abx": len(playlist.abx), "repeats": min(options.repeats, max(0, n_ratings - GAP)),
        "pair_repeats": min(options.pair_repeats, max(0, n_pairs - GAP)),
    }  # fmt: skip
