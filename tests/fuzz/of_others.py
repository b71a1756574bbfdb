"""Listeners' answers, corpora and archives."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np

from orchestrion.score import BUILTIN_TUNES
from tests.fuzz.reader import Reader


def _answers(folder: Path) -> None:
    from tests.evaluation.listening.listeners import key, session

    (folder / "key.json").write_text(json.dumps(key(2, 2)))
    for name in ("ann", "bob"):
        content = session(name, np.array([[2, 3], [4, 5]]), again=np.array([2, 3]), wins=[("s0c0", "s1c0"), ("s1c1", "s0c1")])
        (folder / f"{name}.json").write_text(json.dumps(content))
    rows = ["study,listener,trial,kind,clip,other,answer,repeat,plays,seconds,check_failures"]
    rows += [f"5eed,carol,{i},rate,s{i % 2}c0,,{1 + i},false,1,9.0,0" for i in range(4)] + ["5eed,carol,4,pair,s0c0,s1c0,a,true,1 1,9.0,0"]
    (folder / "carol.csv").write_text("\n".join(rows) + "\n")


def _read_answers(folder: Path) -> None:
    from orchestrion.evaluation.listening.results import evaluate_answers

    files = [folder / name for name in ("ann.json", "bob.json", "carol.csv")]
    json.dumps(evaluate_answers(files, folder / "key.json", keep_all=True))


def _corpus(folder: Path) -> None:
    from orchestrion.datasets.corpora.json_corpus import prepare_scores

    for name in ("happy-birthday", "ode-to-joy"):
        BUILTIN_TUNES[name].write(folder / f"{name}.mid")
    prepare_scores(folder, folder / "a.json")
    for path in folder.glob("*.mid"):
        path.unlink()


def _chorales(folder: Path) -> None:
    steps = [[72, 67, 64, 48], [72, 67, 64, 48], [71, 67, -1, 43], [72, 67, 64, 48]] * 8
    (folder / "jsb-16th.json").write_text(json.dumps({"train": [steps], "valid": [steps], "test": [steps]}))


def _read_corpus(folder: Path) -> None:
    from orchestrion.datasets.corpora.json_corpus import read_corpus

    (path,) = folder.iterdir()
    read_corpus(path, "all")


def _matlab(folder: Path) -> None:
    from scipy.io import savemat

    rolls = np.empty(2, dtype=object)
    for i in range(2):
        rolls[i] = (np.random.default_rng(i).random((12, 88)) < 0.05).astype(np.uint8)
    savemat(folder / "a.mat", {name: rolls for name in ("traindata", "validdata", "testdata")})


def _read_matlab(folder: Path) -> None:
    from orchestrion.datasets.corpora.matlab import read_mat

    read_mat(folder / "a.mat", "train")


def _zip(folder: Path) -> None:
    from tests.datasets.untrusted.test_archives import FILES, zipped

    zipped(folder / "a.zip", FILES)


def _tar(folder: Path) -> None:
    from tests.datasets.untrusted.test_archives import FILES

    with tarfile.open(folder / "a.tar.gz", "w:gz") as archive:
        for name, content in FILES.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def _read_archive(folder: Path) -> None:
    from orchestrion.datasets.untrusted.archives import unpack

    (path,) = folder.iterdir()
    unpack(path, folder / "unpacked")


READERS = {
    "answers": Reader((_answers,), _read_answers),
    "corpus": Reader((_corpus, _chorales), _read_corpus),
    "matlab": Reader((_matlab,), _read_matlab),
    "archive": Reader((_zip, _tar), _read_archive),
}
