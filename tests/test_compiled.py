"""Compiled code is kept under a hash of all that went into it, where it can be written."""

import importlib
import os
import time
from pathlib import Path

import numpy as np
import pytest

from orchestrion import compiled
from orchestrion.compiling import at_hand
from tests.toys import forget, make_toy

CALLER = "from toy.inner import double\nfrom orchestrion.compiled import compiled\n@compiled()\ndef run(x):\n    return double(x) + 1\n"
INNER = "from orchestrion.compiled import compiled\n@compiled()\ndef double(x):\n    return {factor} * x\n"


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A package of a compiled function that calls one in another file; returns a function that imports and runs it anew."""
    package = make_toy(tmp_path, monkeypatch, CALLER)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    forget()

    def play(factor):
        (package / "inner.py").write_text(INNER.format(factor=factor))
        forget()
        importlib.invalidate_caches()
        run = importlib.import_module("toy.outer").run
        return run(10), sum(run.stats.cache_hits.values())

    yield play
    forget()


def test_an_edit_of_what_is_called_compiles_anew(toy):
    assert toy(2) == (21, 0)
    assert toy(2) == (21, 1)
    assert toy(31) == (311, 0)  # numba alone would have answered 21


def test_what_need_not_be_compiled_first_is_at_hand(toy):
    toy(2)
    first = importlib.import_module("toy.outer").run
    assert at_hand(first, 10) and not at_hand(first, 1.5)
    forget()
    again = importlib.import_module("toy.outer").run
    assert again is not first and at_hand(again, 10) and not again.overloads  # from the cache


def test_the_fingerprint_follows_imports(tmp_path):
    package = tmp_path / "toy"
    package.mkdir()
    far, near, start, other = (package / f"{name}.py" for name in ("far", "near", "start", "other"))
    far.write_text("value = 1\n")
    near.write_text("def late():\n    import toy.far\n")
    start.write_text("from toy import near\n")
    other.write_text("value = 1\n")
    first = compiled.fingerprint(start, package)
    other.write_text("value = 2\n")
    assert compiled.fingerprint(start, package) == first
    far.write_text("value = 2\n")
    assert compiled.fingerprint(start, package) != first


@pytest.fixture
def roots(tmp_path, monkeypatch):
    places = [tmp_path / "first", tmp_path / "second"]
    monkeypatch.setattr(compiled, "_roots", lambda: places)
    forget()
    yield places
    forget()


SOURCE = Path(compiled.__file__).parent / "randomness.py"


def test_a_cache_that_cannot_be_written_gives_way_to_the_next(roots):
    roots[0].write_text("a file where a folder should be")
    with pytest.warns(UserWarning, match="first cannot be used .*; compiled code is kept in .*second"):
        assert compiled.folder(SOURCE).parent == roots[1]


def test_without_any_cache_functions_still_work(roots):
    for root in roots:
        root.write_text("")
    with pytest.warns(UserWarning, match="first cannot be used .*; functions are compiled anew in this run") as said:
        assert compiled.folder(SOURCE) is None
    assert len(said) == 1
    assert compiled.compiled()(triple)(np.float32(2)) == 6


def triple(x):
    return 3 * x


def test_code_not_used_for_months_goes(roots):
    old, recent = roots[0] / "old", roots[0] / "recent"
    for place in (old, recent):
        place.mkdir(parents=True)
    long_ago = time.time() - 100 * 86400
    os.utime(old, (long_ago, long_ago))
    compiled.folder(SOURCE)
    assert recent.exists() and not old.exists()


def test_what_is_asked_for_comes_before_the_users_folder_before_the_packages(monkeypatch):
    for name in ("NUMBA_CACHE_DIR", "ORCHESTRION_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    users, packages, temporary = compiled._roots()
    assert users == Path("/home/someone/.cache/orchestrion/compiled") and packages.is_relative_to(compiled.PACKAGE)
    assert str(os.geteuid()) in temporary.parent.name
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/elsewhere")
    assert compiled._roots() == [Path("/elsewhere/orchestrion"), users, packages, temporary]
