"""Small archives in the exact layouts that the authors of the data sets publish, with every column."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import soundfile

from orchestrion.score import Note, Part, Score

RATE = 44100
NOTES = ((0.1, 0.5, 60), (0.3, 0.7, 64), (0.6, 1.1, 67))


def sound(seconds: float = 1.2, rate: int = RATE, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))).astype(np.float32)


def audio(path: Path, seconds: float = 1.2, rate: int = RATE, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound(seconds, rate), rate, **options)


def table(path: Path, header: str, rows: list[tuple]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(header.split(","))
        writer.writerows(rows)


def midi(path: Path, notes=NOTES, velocity: int = 77) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Score((Part("piano", 0, tuple(Note(a, b, p, velocity) for a, b, p in notes)),)).write(path)


LABELS = "start_time,end_time,instrument,note,start_beat,end_beat,note_value"
METADATA = "id,composer,composition,movement,ensemble,source,transcriber,catalog_name,seconds"
MUSICNET = (
    ("train", 2000, "Bach", "Suite 1", "Prelude", "Solo Cello", (43,)),
    ("train", 2001, "Bach", "Suite 2", "Prelude", "Solo Cello", (43,)),
    ("train", 2002, "Schubert", "Trout", "1", "Piano Quintet", (1, 41, 43)),
    ("train", 2003, "Bach", "Suite 3", "Gigue", "Solo Cello", (43,)),
    ("test", 2191, "Bach", "Suite 3", "Gigue", "Solo Cello", (43,)),
    ("train", 2004, "Mozart", "Sonata", "2", "Solo Piano", (1,)),
)


def musicnet(root: Path) -> Path:
    """musicnet.tar.gz unpacked, musicnet_metadata.csv above it as Zenodo serves it."""
    folder = root / "musicnet"
    for split, identity, *_, codes in MUSICNET:
        audio(folder / f"{split}_data" / f"{identity}.wav", subtype="FLOAT")
        rows = [
            (round(a * RATE), round(b * RATE), code, pitch, 4.0 * i, 1.0, "Quarter")
            for code in codes
            for i, (a, b, pitch) in enumerate(NOTES)
        ]
        table(folder / f"{split}_labels" / f"{identity}.csv", LABELS, rows)
    rows = [
        (i, c, w, m, e, "European Archive", "http://x", "OP 1", 90 + n)
        for n, (_, i, c, w, m, e, _) in enumerate(MUSICNET)
    ]
    table(root / "musicnet_metadata.csv", METADATA, rows)
    return folder


MAESTRO = "canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration"


def maestro(root: Path, index: str = "csv") -> Path:
    folder = root / "maestro-v3.0.0"
    rows = []
    for n, (composer, title, split) in enumerate(
        [
            ("Alban Berg", "Sonata Op. 1", "train"),
            ("Frédéric Chopin", "Étude, Op. 10", "validation"),
            ("Liszt", "Legend", "test"),
        ]
    ):
        stem = f"2018/MIDI-Unprocessed_0{n}_R1_2018.wav--{n}"
        midi(folder / f"{stem}.midi")
        audio(folder / f"{stem}.wav", rate=48000)
        rows.append((composer, title, split, 2018, f"{stem}.midi", f"{stem}.wav", 1.1))
    if index == "csv":
        table(folder / "maestro-v3.0.0.csv", MAESTRO, rows)
        return folder
    names = MAESTRO.split(",")
    columns = {name: {str(i): row[names.index(name)] for i, row in enumerate(rows)} for name in names}
    listed = [dict(zip(names, row, strict=True)) for row in rows]
    (folder / "maestro-v3.0.0.json").write_text(json.dumps(columns if index == "columns" else listed))
    return folder


def saarland(root: Path) -> Path:
    folder = root / "SMD-piano_v2"
    for stem in (
        "Bach_BWV849-01_001_20090916-SMD",
        "Chopin_Op010-03_007_20100611-SMD",
        "Bach_BWV849-01_002_20090917-SMD",
    ):
        midi(folder / "midi" / f"{stem}.mid")
        audio(folder / "wav_44100_stereo" / f"{stem}.wav")
    return folder


def maps(root: Path) -> Path:
    """As distributed: one archive a piano, pieces and isolated notes."""
    for piano in ("ENSTDkCl", "ENSTDkAm"):
        folder = root / f"MAPS_{piano}_2" / piano
        for piece in ("ty_mai", "alb_se2") if piano == "ENSTDkCl" else ("ty_mai",):
            stem = folder / "MUS" / f"MAPS_MUS-{piece}_{piano}"
            audio(stem.with_suffix(".wav"))
            midi(stem.with_suffix(".mid"))
            rows = "".join(f"{a:.6f}\t{b:.6f}\t{pitch}\n" for a, b, pitch in NOTES)
            stem.with_suffix(".txt").write_text("OnsetTime\tOffsetTime\tMidiPitch\n" + rows + "\n")
        audio(folder / "ISOL" / "NO" / f"MAPS_ISOL_NO_F_S0_M60_{piano}.wav")
    return root


def maps_tables(root: Path) -> Path:
    for stem in ("ty_mai_ENSTDkCl", "ty_mai_ENSTDkAm", "alb_se2_ENSTDkCl"):
        audio(root / "flac" / f"{stem}.flac", rate=16000)
        (root / "tsv").mkdir(exist_ok=True)
        rows = "".join(f"{a}\t{b}\t{pitch}\t71\n" for a, b, pitch in NOTES)
        (root / "tsv" / f"{stem}.tsv").write_text("onset_s\toffset_s\tpitch\tvelocity\n" + rows)
    return root


def guitarset(root: Path) -> Path:
    for player in ("00", "01"):
        for mode in ("comp", "solo"):
            stem = f"{player}_BN1-129-Eb_{mode}"
            audio(root / "audio_mono-mic" / f"{stem}_mic.wav")
            notes = [{"time": a, "duration": b - a, "value": p + 0.13, "confidence": None} for a, b, p in NOTES]
            columns = {"time": [0.9], "duration": [0.2], "value": [59.8], "confidence": [None]}
            annotations = [
                {"namespace": "pitch_contour", "data": {"time": [], "duration": [], "value": [], "confidence": []},
                 "annotation_metadata": {"data_source": "0"}, "sandbox": {}, "time": 0, "duration": 1.2},
                {"namespace": "note_midi", "data": notes, "annotation_metadata": {"data_source": "0"}, "sandbox": {},
                 "time": 0, "duration": 1.2},
                {"namespace": "note_midi", "data": columns, "annotation_metadata": {"data_source": "1"}, "sandbox": {},
                 "time": 0, "duration": 1.2},
            ]  # fmt: skip
            path = root / "annotation" / f"{stem}.jams"
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps({"annotations": annotations, "file_metadata": {"duration": 1.2}, "sandbox": {}}))
    return root


INFO = (
    "filename,collection,violinist,violinist_name,work,title,mov,movement,source_filename,start,end,length,repeat1,"
    "repeat2,score_filename,baroque_tuning"
)
AUDIO = "filename,collection,violinist,work,title,movements,start,end,length,source,license,url"


def bach_violin(root: Path) -> Path:
    folder = root / "bach-violin"
    audio(folder / "audio" / "emil-telmanyi" / "emil-telmanyi_bwv1001.mp3", 4.5)
    audio(folder / "audio" / "john-garner" / "john-garner_bwv1001_mov1.mp3", 1.5)
    info = []
    for name, collection, source, start, end, mov in (
        ("emil-telmanyi_bwv1001_mov1", "emil-telmanyi", "emil-telmanyi_bwv1001.mp3", "0:00:00", "0:00:02", "1"),
        ("emil-telmanyi_bwv1001_mov2", "emil-telmanyi", "emil-telmanyi_bwv1001.mp3", "0:00:02", "0:00:04", "2"),
        ("john-garner_bwv1001_mov1", "john-garner", "john-garner_bwv1001_mov1.mp3", "0:00:00", "0:00:01", "1"),
        ("shunske-sato_bwv1001_mov1", "shunske-sato", "shunske-sato_bwv1001_mov1.opus", "0:00:00", "0:00:01", "1"),
    ):
        info.append((name, collection, collection, "X", "BWV1001", "Sonata No. 1", mov, "Adagio", source, start, end,
                     "0:00:02", "-", "-", f"bwv1001_mov{mov}", 0))  # fmt: skip
        table(folder / "notes" / collection / f"{name}.csv", "onset,offset,pitch,velocity",
              [(12 * i, 12 * i + 12, p, 64) for i, (_, _, p) in enumerate(NOTES)])  # fmt: skip
        table(folder / "alignments" / collection / f"{name}.csv", "start,end", [(a, b) for a, b, _ in NOTES])
    table(folder / "info.csv", INFO, info)
    table(folder / "audio.csv", AUDIO, [
        ("emil-telmanyi_bwv1001.mp3", "emil-telmanyi", "Emil Telmányi", "BWV1001", "S", 4, "0:00:03", "0:18:04",
         "0:18:01", "musopen", "PD", "https://musopen.org/"),
        ("john-garner_bwv1001_mov1.mp3", "john-garner", "John Garner", "BWV1001", "S", 1, "0:00:00", "0:01:00",
         "0:01:00", "ccmixter", "CC BY 3.0", "https://x.org/")])  # fmt: skip
    return root


def urmp(root: Path) -> Path:
    for piece, players in (("01_Jupiter", ("vn", "vc")), ("36_Rondeau", ("vn", "vn")), ("37_Rondeau", ("vn", "va"))):
        folder = root / "Dataset" / f"{piece}_{'_'.join(players)}"
        audio(folder / f"AuMix_{folder.name}.wav", rate=48000)
        for n, player in enumerate(players, start=1):
            audio(folder / f"AuSep_{n}_{player}_{piece}.wav", rate=48000)
            rows = [f"{a:.3f}\t\t{440 * 2 ** ((p - 69) / 12):.3f}\t\t{b - a:.3f}" for a, b, p in NOTES]
            (folder / f"Notes_{n}_{player}_{piece}.txt").write_text("\n".join(rows) + "\n")
            (folder / f"F0s_{n}_{player}_{piece}.txt").write_text("0.000 0.00\n")
        midi(folder / f"Sco_{folder.name}.mid")
    (root / "Dataset" / "Supplementary_Files").mkdir()
    return root
