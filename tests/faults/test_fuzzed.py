"""Faults that fuzzing found (`make fuzz`), each as a small file that must be refused in one sentence, or read."""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from orchestrion import rendering
from orchestrion.audio import Waveform
from orchestrion.datasets.banks import notebank
from orchestrion.datasets.banks.opening import open_bank
from orchestrion.datasets.banks.sfz import read_regions
from orchestrion.datasets.corpora.json_corpus import KIND, read_corpus
from orchestrion.datasets.corpora.matlab import read_mat
from orchestrion.datasets.dataset import initialise
from orchestrion.datasets.recordings.notesfile import read_notes
from orchestrion.datasets.recordings.preparation import preparation
from orchestrion.datasets.recordings.splits import read_splits
from orchestrion.datasets.recordings.tracks import inside
from orchestrion.datasets.untrusted import textfiles
from orchestrion.datasets.untrusted.archives import unpack
from orchestrion.errors import OrchestrionError
from orchestrion.score import Score
from tests.datasets.banks.notes import RATE, plucked, write_bank
from tests.datasets.layouts.published import guitarset, musicnet


def refused(call, *arguments: object) -> str:
    with pytest.raises(OrchestrionError) as caught:
        call(*arguments)
    sentence = str(caught.value)
    assert "\n" not in sentence and len(sentence) < 1000
    return sentence


def test_a_small_file_takes_no_more_memory_than_it_has_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python sets aside as many bytes as are asked for: a gibibyte for a corpus of a kilobyte."""
    import tracemalloc

    (tmp_path / "a.json").write_text("{}")
    tracemalloc.start()
    try:
        assert textfiles.read_json(tmp_path / "a.json", 1 << 30) == {}
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert "larger than 1 MiB" in refused(textfiles.read_bytes, _sized(tmp_path / "b", (1 << 20) + 1), 0, None, 1 << 20)
    assert textfiles.read_bytes(tmp_path / "b", 10, 5) == textfiles.read_bytes(tmp_path / "b", 1 << 20)[:1] * 5
    assert textfiles.read_bytes(tmp_path / "b", 1 << 22) == b""


def _sized(path: Path, n: int) -> Path:
    path.write_bytes(bytes(n))
    return path


def test_a_long_name_in_the_splits_is_cut(tmp_path: Path) -> None:
    (tmp_path / "splits.json").write_text(json.dumps({"train": ["x" * 5000 + "\n"]}))
    assert "not in the folder" in refused(read_splits, tmp_path, ["a"])


def test_a_number_of_thousands_of_digits_in_a_table_of_notes(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text(f"onset_s\toffset_s\tpitch\tvelocity\n0\t1\t{'9' * 4000}\t90\n")
    assert "line 2" in refused(read_notes, tmp_path / "a.tsv")


@pytest.mark.parametrize("line", ["5", "[5, {}]", "[[], {}]", '["a", {}, 1]', "[" * 100_000, '["a", {"files": [5]}]', '["a", {"files": ["../x"]}]',
                                  '["a", {"files": ["\\u0000"]}]'])  # fmt: skip
def test_a_damaged_line_of_a_preparation_does_not_count(line: str, tmp_path: Path) -> None:
    (tmp_path / ".set-partial").mkdir()
    (tmp_path / "x").touch()
    (tmp_path / ".set-partial" / "finished.jsonl").write_text(f'{line}\n["good", {{"files": []}}]\n')
    with preparation(tmp_path / "set") as work:
        assert list(work.records) == ["good"]


@pytest.mark.parametrize("content", [b"", b"MATLAB 5.0", bytes(126), b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + b"\x0f\0\0\0\xff\0\0\0"])
def test_damaged_matlab_files(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    refused(read_mat, tmp_path / "a.mat", "train")


# SFZ instruments and folders of single notes.


@pytest.mark.parametrize("opcodes", ["ampeg_release=0.4s", "amp_veltrack=\0", "tune=1e9" + "9" * 5000, "offset=x", "lokey=1e5", "key=" + "9" * 5000, "pitch_keycenter=c" + "9" * 400,
                                     "pitch_keycenter=" + "9" * 400])  # fmt: skip
def test_values_of_an_sfz_region(opcodes: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "60.wav", plucked(60, 0.5), RATE)
    (tmp_path / "a.sfz").write_text(f"<region> sample=60.wav key=60 {opcodes}\n")
    refused(open_bank, tmp_path / "a.sfz", RATE)


def test_words_that_double_each_other(tmp_path: Path) -> None:
    lines = [f"#define ${'A' * (60 - n)} ${'A' * (59 - n)}${'A' * (59 - n)}" for n in range(59)]
    (tmp_path / "a.sfz").write_text("\n".join([*lines, f"<region> sample=${'A' * 60}"]))
    assert "characters" in refused(read_regions, tmp_path / "a.sfz")
    (tmp_path / "a.sfz").write_text("".join(f"#define $W{n} 1\n" for n in range(2000)))
    assert "words" in refused(read_regions, tmp_path / "a.sfz")


def test_a_region_repeated_thousands_of_times_is_one_note(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "60.wav", plucked(60, 0.5), RATE)
    (tmp_path / "a.sfz").write_text("<region> sample=60.wav key=60 loop_mode=loop_continuous loop_start=0 loop_end=1000\n" * 5000)
    assert len(open_bank(tmp_path / "a.sfz", RATE).notes) == 1


def test_notes_of_many_channels_at_a_high_rate_are_refused_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bank(tmp_path, [60])
    monkeypatch.setattr(notebank, "MOST_NUMBERS", 2 * RATE - 1)
    assert "more samples than a note may have" in refused(open_bank, tmp_path, RATE)
    soundfile.write(tmp_path / "60-127.flac", np.zeros(900), 900)
    assert "sample rate" in refused(open_bank, tmp_path, RATE)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("index.tsv", "file\tpitch\n60-127.flac\t60\t1\t2\n" + "x" * 200_000), ("index.tsv", "file\tpitch\n\0\t60\n"), ("index.tsv", "file\tpitch\n\t60\n"),
        ("index.tsv", "file\tpitch\n"), ("index.tsv", "pitch\n60\n"), ("index.tsv", "file\tpitch\n60-127.flac\t60\n" * 5000),
        ("bank.json", "[" * 100_000), ("bank.json", '{"release_db_s": "fast"}'), ("bank.json", '{"release_db_s": NaN}'), ("bank.json", "[]"),
        ("bank.json", '{"law": []}'), ("bank.json", '{"law": "' + "x" * 5000 + '"}'),
    ],
)  # fmt: skip
def test_damaged_banks(file: str, content: str, tmp_path: Path) -> None:
    write_bank(tmp_path, [60])
    (tmp_path / file).write_text(content)
    refused(open_bank, tmp_path, RATE)


def test_notes_shorter_than_what_tells_a_sustained_one_make_no_noise(tmp_path: Path) -> None:
    write_bank(tmp_path, [60, 64], make=lambda pitch: plucked(pitch, 0.25))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(open_bank(tmp_path, RATE).notes) == 5


def test_a_long_name_in_a_bank_is_cut_and_one_no_file_system_takes_is_refused(tmp_path: Path) -> None:
    write_bank(tmp_path, [60])
    for name in ("9" * 5000, "9" * 256):
        (tmp_path / "index.tsv").write_text(f"file\tpitch\n{name}\t60\n")
        assert "is impossible" in refused(open_bank, tmp_path, RATE)


# Archives, corpora and published layouts.


def test_an_archive_whose_entry_has_two_names(tmp_path: Path) -> None:
    """The library quotes what stands in the place of the name: kilobytes, where its length is damaged."""
    with zipfile.ZipFile(tmp_path / "a.mxl", "w") as archive:
        archive.writestr(zipfile.ZipInfo("score.xml"), b"x" * 5000)
    content = bytearray((tmp_path / "a.mxl").read_bytes())
    content[26:28] = (4000).to_bytes(2, "little")  # the name's length in the local header
    (tmp_path / "a.mxl").write_bytes(content)
    refused(Score.read, tmp_path / "a.mxl")


def test_an_archive_whose_entry_has_no_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("set/a.txt"), b"x")
        archive.writestr(zipfile.ZipInfo("b"), b"x")
    content = (tmp_path / "a.zip").read_bytes()
    name = content.index(b"b", content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 4))
    damaged = bytearray(content[:name] + content[name + 1 :])
    damaged[name - 46 + 28 : name - 46 + 30] = bytes(2)  # the name's length in the directory
    size = int.from_bytes(damaged[-10:-6], "little") - 1
    damaged[-10:-6] = size.to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(damaged)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == ["set/a.txt", ""]
    assert "would not stay in its folder" in refused(unpack, tmp_path / "a.zip", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("value", ["1e999", "9" * 400, "9" * 5000, '"' + "x" * 5000 + '"', "[]", "{}", "null"])
def test_numbers_of_corpora_that_are_none(value: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(f'{{"kind": "{KIND}", "pieces": [{{"name": "a", "split": "train", "meter": [4, 4], "sharps": 0, "notes": [[0, 4, {value}]]}}]}}')
    refused(read_corpus, tmp_path / "a.json", "all")
    if value != "null":
        (tmp_path / "jsb-16th.json").write_text(f'{{"train": [[[{value}]]], "valid": [], "test": []}}')
        refused(read_corpus, tmp_path / "jsb-16th.json", "train")


def test_a_cell_array_larger_than_its_file(tmp_path: Path) -> None:
    """SciPy set 2 GiB aside for it, or crashed."""
    from scipy.io import savemat

    rolls = np.empty(2, dtype=object)
    rolls[:] = [np.zeros((3, 88), np.uint8)] * 2
    savemat(tmp_path / "a.mat", {"traindata": rolls})
    content = (tmp_path / "a.mat").read_bytes()
    for at in range(128, 400):
        (tmp_path / "a.mat").write_bytes(content[:at] + b"\xff" + content[at + 1 :])
        try:
            read_mat(tmp_path / "a.mat", "train")
        except OrchestrionError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("number", ["9" * 400, "1e999", "9" * 5000, "null", '"x"'])
def test_numbers_of_guitarset_that_are_none(number: str, tmp_path: Path) -> None:
    jams = guitarset(tmp_path) / "annotation"
    for path in jams.iterdir():
        content = json.loads(path.read_text())
        for annotation in content["annotations"]:
            annotation["data"] = "HERE"
        path.write_text(json.dumps(content).replace('"HERE"', f'[{{"time": {number}, "duration": 1, "value": 60}}]'))
    track = initialise("guitarset", tmp_path).tracks()[0]
    refused(track.read_notes)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999", "9" * 5000, "x"])
def test_numbers_of_musicnet_that_are_none(number: str, tmp_path: Path) -> None:
    root = musicnet(tmp_path)
    for path in (root / "train_labels").glob("*.csv"):
        head, _, rest = path.read_text().partition("\n")
        fields = rest.split(",")
        path.write_text(head + "\n" + ",".join([*fields[:2], number, *fields[3:]]))
    track = next(track for track in initialise("musicnet", root).tracks() if "train" in str(track.labels[0]))
    refused(track.read_notes)


def test_a_name_in_an_index_that_no_file_system_takes(tmp_path: Path) -> None:
    for name in ("9" * 5000, "9" * 256, "a/" * 600):
        assert "does not lie in its folder" in refused(inside, tmp_path, tmp_path / "index.csv", name)
    assert inside(tmp_path, tmp_path / "index.csv", "9" * 255) == tmp_path / ("9" * 255)


# What runs leave to go on from; the journals of renderings are tested in tests/renderer/test_resuming.py.


def test_a_preparation_whose_piece_has_no_key(tmp_path: Path) -> None:
    (tmp_path / ".set-partial").mkdir()
    (tmp_path / ".set-partial" / "finished.jsonl").write_text('["a", {"files": []}]\n')
    with preparation(tmp_path / "set") as work:
        assert work.key("a") == {} and not work.is_finished("a", {"sha256": "0"})


@pytest.mark.parametrize("known", [{"score": []}, {"score": {}}, [], None, {"score": "a", "audio": []}])
def test_checksums_of_another_kind_in_a_settings_file(known: object, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"audio")
    assert not rendering._is_finished(rendering.Take("a.mid", 0, tmp_path / "a.wav"), {"score": "a"}, {"checksums": known})


@pytest.mark.parametrize("name", ["adamw", "adam", "rmsprop", "sgd"])
def test_moments_of_a_checkpoint_that_do_not_fit(name: str, tmp_path: Path) -> None:
    """They broke the step after that, or were taken at their word."""
    import torch

    from orchestrion import weights
    from orchestrion.training import checkpoint
    from orchestrion.training.optimizers import make_optimizer
    from orchestrion.training.settings import LoopSettings

    def fresh():
        model = torch.nn.Linear(2, 3)
        return model, make_optimizer(LoopSettings(steps=1, optimizer=name), model.parameters())

    model, optimizer = fresh()
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    path = tmp_path / "checkpoint.safetensors"
    checkpoint.save(path, model, model, optimizer, checkpoint.TrainingProgress(1, 2.0, 0.5))
    tensors, facts = weights.load_arrays(path)
    facts.pop("sha256")
    moments = [key for key in tensors if key.startswith("optimizer.")]
    assert bool(moments) == (name != "sgd")
    ways = [
        lambda found: {"optimizer.0.x": np.zeros(3, np.float32), **found},
        lambda found: {"optimizer.x": np.zeros(3, np.float32), **found},
        *([lambda found, key=key: {**found, key: found[key][None]} for key in moments]),
        *([lambda found, key=key: {**found, key: found[key].astype(np.int64)} for key in moments]),
        *([lambda found, key=key: {other: value for other, value in found.items() if other != key} for key in moments]),
    ]
    for way in ways:
        weights.save(path, way(tensors), facts)
        model, optimizer = fresh()
        assert "another optimiser" in refused(checkpoint.load, path, model, model, optimizer)
    for key in (key for key in moments if key.endswith(("step", "sq", "square_avg"))):
        weights.save(path, {**tensors, key: np.full_like(tensors[key], -1e6)}, facts)
        assert "no optimiser comes to" in refused(checkpoint.load, path, model, model, optimizer)
    weights.save(path, tensors, facts)
    model, optimizer = fresh()
    assert checkpoint.load(path, model, model, optimizer).step == 1
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()


@pytest.mark.parametrize("backend", ["sample-lstm", "tcn", "stft-encdec", "spectral-gru"])
@pytest.mark.parametrize("level", [0.0, -0.1, 1e-40, 1e30])
def test_training_audio_of_no_level(backend: str, level: float, tmp_path: Path) -> None:
    """Samples are divided by it."""
    import torch

    from orchestrion import shipped, weights
    from orchestrion.generators.files import load_generator

    tensors, facts = weights.load(shipped.find(backend))
    (name,) = (name for name in tensors if name.split(".")[-1] == "level")
    weights.save(tmp_path / "a.safetensors", tensors | {name: torch.tensor(level)}, facts)
    assert "an RMS of" in refused(load_generator, tmp_path / "a.safetensors")


@pytest.mark.parametrize("backend", ["sample-lstm", "stft-encdec", "spectral-dense"])
def test_deviations_that_no_training_measures(backend: str, tmp_path: Path) -> None:
    """They were drawn, and passed what a float32 can hold."""
    import torch

    from orchestrion import shipped, weights
    from orchestrion.generators.files import load_generator

    tensors, facts = weights.load(shipped.find(backend))
    (name,) = (name for name in tensors if name.endswith("residual.deviation"))
    weights.save(tmp_path / "a.safetensors", tensors | {name: torch.full_like(tensors[name], 3e38)}, facts)
    assert "no training measures" in refused(lambda: load_generator(tmp_path / "a.safetensors").generate(None, 50, seed=0, temperature=1.0))


# Audio.


def test_a_sample_as_large_as_floats_are_does_not_overflow(tmp_path: Path) -> None:
    tone = np.tile(np.sin(np.arange(40_000) / 7)[:, None] * 0.5, 2).astype(np.float32)
    tone[100] = 3e38
    soundfile.write(tmp_path / "a.wav", tone, 16000, subtype="FLOAT")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        samples = Waveform.read(tmp_path / "a.wav").samples
    assert [str(one.message).partition(": ")[2][:17] for one in told] == ["left out 1 sample"]
    assert np.isfinite(samples).all() and 0.4 < np.abs(samples).max() <= 1.0
