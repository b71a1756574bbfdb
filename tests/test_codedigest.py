"""What the digest of code follows: all that a function names, and nothing else."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrion import codedigest
from orchestrion.codedigest import APART, CodeReach, code_digest

INNER = '''
"""Documented."""
import math

HEIGHT = 3
WIDTH: int = HEIGHT + 1
TABLE = {}
TABLE["a"] = 1
OTHER = 5


class Thing:
    """A thing."""

    size = WIDTH

    def __init__(self) -> None:
        self.n = 1

    def used(self) -> int:
        return self.size

    def unused(self) -> int:
        return OTHER


def deep(x):
    return TABLE["a"] * math.sqrt(x)


def other(x):
    return 7
'''
OUTER = '''
from toy import inner
from toy.inner import Thing as Named, other
from toy.progress import shown


def root(x: Named) -> float:
    """Documented."""
    # A comment.
    from toy.late import last

    shown()
    return inner.deep(x.used()) + last()


def beside():
    return other(1)
'''


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    package = tmp_path / "toy"
    package.mkdir()
    for name, text in {"__init__": "", "inner": INNER, "outer": OUTER, "late": "def last():\n    return 1\n", "progress": "def shown():\n    pass\n"}.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield package
    for name in [name for name in sys.modules if name.partition(".")[0] == "toy"]:
        del sys.modules[name]


def digest() -> str:
    """As in a new process."""
    code_digest.cache_clear()
    codedigest._bound.cache_clear()
    return code_digest(importlib.import_module("toy.outer").root)


UNRELATED = [
    ("outer", '"""Documented."""', '"""Otherwise."""'), ("outer", "# A comment.", "# Another one."), ("outer", "other(1)", "other(2)"), ("inner", "return 7", "return 8"),
    ("inner", "OTHER = 5", "OTHER = 6"), ("inner", "return OTHER", "return 0"), ("inner", '"""A thing."""', '"""Some thing."""'), ("inner", "HEIGHT = 3", "HEIGHT = (3)  # so"),
    ("progress", "pass", "print()"),
]  # fmt: skip
RELATED = [
    ("outer", "+ last()", "- last()"), ("inner", "math.sqrt(x)", "math.sqrt(2 * x)"), ("inner", "HEIGHT = 3", "HEIGHT = 4"), ("inner", 'TABLE["a"] = 1', 'TABLE["a"] = 2'),
    ("inner", "size = WIDTH", "size = 2"), ("inner", "return self.size", "return 2"), ("inner", "self.n = 1", "self.n = 2"), ("late", "return 1", "return 2"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "before", "after", "kept"), [*((*each, True) for each in UNRELATED), *((*each, False) for each in RELATED)])
def test_a_change_counts_where_the_result_comes_from_it(toy: Path, module: str, before: str, after: str, kept: bool) -> None:
    first, file = digest(), toy / f"{module}.py"
    text = file.read_text()
    assert text.count(before) == 1 or before == '"""Documented."""'
    file.write_text(text.replace(before, after))
    assert (digest() == first) is kept
    file.write_text(text)
    assert digest() == first


def test_another_version_of_a_library_counts_where_it_is_named(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = digest()
    monkeypatch.setattr("importlib.metadata.version", lambda name: "99")
    assert digest() == first
    (toy / "late.py").write_text("import numpy as np\n\n\ndef last():\n    return np.ones(1)\n")
    named = digest()
    monkeypatch.setattr("importlib.metadata.version", lambda name: "98")
    assert digest() != named


def test_what_a_fit_of_a_note_comes_from() -> None:
    from orchestrion.datasets.banks.fitting import fit_note

    found = CodeReach(fit_note)
    places = {".".join(place) for place in found.texts}
    assert {"orchestrion.datasets.banks.partials.struck", "orchestrion.bridge.source.AGES_S", "orchestrion.bridge.noise.BAND_EDGES_HZ"} <= places
    assert not any(place.startswith(("orchestrion.reading", "orchestrion.score", "orchestrion.compiled", "orchestrion.version")) for place in places)
    assert found.libraries == {"numpy", "scipy", "numba", "llvmlite"}


@pytest.mark.parametrize(("file", "before", "after", "kept"), [
    ("version.py", "VERSION = ", "VERSION = '9' + ", True),
    ("score/notes.py", "class Note", "SOMETHING = 1\n\n\nclass Note", True),
    ("bridge/source.py", "\nATTACK_MU, ATTACK_EMPHASIS = 255", "\nATTACK_MU, ATTACK_EMPHASIS = 127", True),
    ("datasets/banks/partials.py", "\nHIGHEST = ", "\nHIGHEST = 0.99 * ", False),
    ("bridge/source.py", "\nAGES_S = ", "\nAGES_S = 2 * ", False),
])  # fmt: skip
def test_fits_outlive_changes_of_our_own_code_that_do_not_touch_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, before: str, after: str, kept: bool) -> None:
    """The key held the package's version and whole files: those that read MIDI, write notation and compile among them."""
    import orchestrion
    from orchestrion.datasets.banks.fitting import fit_note

    code_digest.cache_clear()
    first = code_digest(fit_note)
    folder = Path(str(orchestrion.__file__)).parent
    copied = shutil.copytree(folder, tmp_path / "orchestrion", ignore=lambda place, names: [n for n in names if Path(place, n).is_file() and not n.endswith(".py")])
    monkeypatch.setattr(orchestrion, "__file__", str(copied / "__init__.py"))
    code_digest.cache_clear()
    assert code_digest(fit_note) == first
    text = (copied / file).read_text()
    assert text.count(before) >= 1
    (copied / file).write_text(text.replace(before, after, 1))
    code_digest.cache_clear()
    codedigest._bound.cache_clear()
    assert (code_digest(fit_note) == first) is kept
    code_digest.cache_clear()


def test_what_is_apart_is_a_file() -> None:
    folder = Path(codedigest.__file__).parent
    assert all((folder / f"{name}.py").is_file() for name in APART)
