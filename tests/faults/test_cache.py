"""Faults of the cache of compiled code: somebody else can write to it, it is damaged, shared, full or not there.

Whatever lies there is run when it is loaded. What another user could have written must never be; what is damaged must
be made anew; and where nothing can be kept, everything works all the same, with one line that says so.
"""

import ast
import importlib
import os
import pickle
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from orchestrion import compiled, compiledfiles
from tests.toys import forget, make_toy

TOY = """
from orchestrion.compiled import compiled

@compiled()
def run(x):
    return 3 * x + 1
"""
OTHER_UID = 54321
RUN = "import toy.outer; print(toy.outer.run(10), *toy.outer.run.stats.cache_hits.values())"


class Planted:
    """A pickle that makes a file when it is loaded: harmless, and seen."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


def open_to_others(path: Path) -> None:
    path.chmod(0o777)


def owned_by_another(path: Path) -> None:
    os.chown(path, OTHER_UID, OTHER_UID)


# Only root can give a file away; for others the first is what can be tried.
WEAKNESSES = [open_to_others, owned_by_another] if os.geteuid() == 0 else [open_to_others]


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A package of one compiled function, a home of its own; returns what runs it as a new process would."""
    for name in ("NUMBA_CACHE_DIR", "ORCHESTRION_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{compiled.PACKAGE.parent}")
    make_toy(tmp_path, monkeypatch, TOY)

    def play():
        """The answer, whether it came from the cache, and what was said."""
        forget()
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            run = importlib.import_module("toy.outer").run
            answer = run(10)
        return answer, bool(run.stats.cache_hits), [str(warning.message) for warning in said]

    yield play
    forget()


def kept(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*.compiled"))


def plant(root: Path, marker: Path) -> None:
    """A payload with a right checksum, in the place of every file of compiled code; also as numba's own would be."""
    for file in kept(root):
        compiledfiles.write(file, pickle.dumps(Planted(marker)))
        for suffix in (".nbi", ".nbc"):
            file.with_suffix(suffix).write_bytes(pickle.dumps(Planted(marker)))


# Each set-up: how a cache is asked for, and which folder on the way to it is then made weak.
def by_orchestrion_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ORCHESTRION_CACHE", str(tmp_path / "shared" / "mine"))
    return tmp_path / "shared"


def by_numba_cache_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "shared"))
    return tmp_path / "shared"


def by_xdg_cache_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    return tmp_path / "shared"


def by_the_homes_cache(tmp_path, monkeypatch):
    return tmp_path / "home" / ".cache"


def by_a_symbolic_link(tmp_path, monkeypatch):
    place = tmp_path / "home" / ".cache" / "orchestrion"
    place.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (place / "compiled").symlink_to(tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


def by_the_last_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ORCHESTRION_CACHE", str(tmp_path / "shared"))
    return compiled.PACKAGE.parent / "shared" / "compiled"


SETUPS = [by_orchestrion_cache, by_numba_cache_dir, by_xdg_cache_home, by_the_homes_cache, by_a_symbolic_link, by_the_last_folder]  # fmt: skip


def test_the_payload_runs_where_it_may(toy, tmp_path):
    """Without which the tests below would prove nothing."""
    assert toy() == (31, False, []) and toy() == (31, True, [])
    plant(tmp_path / "home", tmp_path / "marker")
    assert toy() == (31, False, [])
    assert (tmp_path / "marker").exists()


@pytest.mark.parametrize("weaken", WEAKNESSES)
@pytest.mark.parametrize("setup", SETUPS)
def test_nothing_is_loaded_from_a_folder_of_others(toy, tmp_path, monkeypatch, setup, weaken):
    folder = setup(tmp_path, monkeypatch)
    assert toy() == (31, False, [])
    plant(folder, tmp_path / "marker")
    weaken(folder)
    for is_kept in (False, True):  # in a place of the user's own instead, from which it is loaded the next time
        answer, from_cache, said = toy()
        assert (answer, from_cache) == (31, is_kept)
        assert len(said) == 1 and str(folder) in said[0] and "compiled code is kept in" in said[0]
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("weaken", WEAKNESSES)
def test_a_file_of_others_in_a_good_folder_is_not_loaded(toy, tmp_path, weaken):
    toy()
    plant(tmp_path / "home", tmp_path / "marker")
    (file,) = kept(tmp_path / "home")
    weaken(file)
    answer, from_cache, said = toy()
    assert (answer, from_cache) == (31, False) and len(said) == 1 and str(file) in said[0]
    assert not (tmp_path / "marker").exists()
    assert toy() == (31, True, [])  # it was replaced


def test_a_linked_file_is_not_followed(toy, tmp_path):
    toy()
    plant(tmp_path / "home", tmp_path / "marker")
    (file,) = kept(tmp_path / "home")
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert toy() == (31, False, []) and toy() == (31, True, [])
    assert not (tmp_path / "marker").exists() and not file.is_symlink()


def test_a_link_of_others_in_an_open_folder_is_not_followed(toy, tmp_path, monkeypatch):
    monkeypatch.setenv("ORCHESTRION_CACHE", str(tmp_path / "open" / "link"))
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o1777)
    (tmp_path / "target").mkdir()
    link = tmp_path / "open" / "link"
    link.symlink_to(tmp_path / "target")
    assert toy() == (31, False, [])  # the user's own
    plant(tmp_path / "target", tmp_path / "marker")
    lstat = os.lstat

    def belongs_to_another(path):
        mode, inode, device, n_links, _, *rest = lstat(path)
        return os.stat_result((mode, inode, device, n_links, OTHER_UID, *rest)) if path == str(link) else lstat(path)

    monkeypatch.setattr(os, "lstat", belongs_to_another)
    _, _, said = toy()
    assert len(said) == 1 and f"{link} belongs to user {OTHER_UID}" in said[0]
    assert not (tmp_path / "marker").exists()


def test_a_sticky_folder_is_good_on_the_way_but_not_at_the_end(toy, tmp_path, monkeypatch):
    monkeypatch.setenv("ORCHESTRION_CACHE", str(tmp_path / "open" / "mine"))
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o1777)
    assert toy() == (31, False, []) and toy() == (31, True, [])
    (tmp_path / "open" / "mine" / "compiled").chmod(0o1777)
    assert "compiled can be written by others" in toy()[2][0]


def test_what_is_made_is_the_users_alone(toy, tmp_path):
    before = os.umask(0)
    try:
        toy()
    finally:
        os.umask(before)
    made = [tmp_path / "home", *(tmp_path / "home").rglob("*")]
    assert len(made) > 4 and not any(path.stat().st_mode & 0o077 for path in made)


def damaged(content: bytes) -> list[bytes]:
    middle = len(content) // 2
    flips = [bytearray(content) for _ in range(64)]
    for i, flip in enumerate(flips):
        flip[i * (len(content) - 1) // 63] ^= 1 << i % 8
    return [b"", content[:middle], content[:-1], content + b"\0", bytes(len(content)), *map(bytes, flips)]


def test_a_damaged_file_is_made_anew(toy, tmp_path):
    toy()
    (file,) = kept(tmp_path / "home")
    whole = file.read_bytes()
    for content in damaged(whole)[:6]:
        file.write_bytes(content)
        assert toy() == (31, False, []) and toy() == (31, True, [])
    for content in damaged(whole):
        file.write_bytes(content)
        assert compiledfiles.read(file) is None
    file.write_bytes(whole)
    assert compiledfiles.read(file) is not None


def test_what_other_versions_wrote_is_made_anew(toy, tmp_path):
    toy()
    (file,) = kept(tmp_path / "home")
    for content in (b"cnumba.core.types\nNoSuchType\n.", pickle.dumps(("another key", ())), pickle.dumps(7), b"\x80"):
        compiledfiles.write(file, content)
        assert toy() == (31, False, []) and toy() == (31, True, [])


def test_what_a_killed_process_left_goes(toy, tmp_path):
    toy()
    (file,) = kept(tmp_path / "home")
    old, recent = file.with_name(".old.tmp"), file.with_name(".recent.tmp")
    for left in (old, recent):
        left.write_bytes(b"half")
    os.utime(old, (0, 0))
    file.unlink()
    toy()
    assert recent.exists() and not old.exists()


def test_processes_that_compile_at_the_same_time(toy, tmp_path):
    children = [
        subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for child in children:
        out, err = child.communicate(timeout=120)
        assert out.split()[0] == "31" and not err
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert len(files) == 1 and compiledfiles.read(files[0]) is not None


def test_a_full_disk_costs_one_line(toy, tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compiledfiles, "write", full)
    answer, _, said = toy()
    assert answer == 31 and len(said) == 1 and "No space left on device" in said[0]
    assert not kept(tmp_path / "home")


def test_a_write_that_breaks_off_leaves_nothing(toy, tmp_path):
    """The kernel refuses the bytes after the 64th, as a full disk or quota does."""
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64)); {RUN}"
    done = subprocess.run([sys.executable, "-B", "-c", limited], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["31"]
    assert done.stderr.count("UserWarning") == 1 and "cannot be written (File too large)" in done.stderr
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file()]


def test_nowhere_to_write(toy, tmp_path, monkeypatch):
    """A container: neither home, nor package, nor temporary files."""
    (tmp_path / "home").write_text("a file, in which no one can make a folder, not even root")
    shutil.copy(tmp_path / "home", compiled.PACKAGE / "__pycache__")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "home"))
    for _ in range(2):
        answer, from_cache, said = toy()
        assert (answer, from_cache) == (31, False) and len(said) == 1 and "compiled anew" in said[0]


def test_no_home_at_all(toy, monkeypatch):
    """A user without an entry in the password file and without HOME: nothing is made in the working folder."""
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert toy()[0] == 31
    assert compiled._root().is_relative_to(compiled.PACKAGE)
    assert not Path("~").exists()


def test_every_compiled_function_goes_through_the_checked_cache():
    """numba's own decorators and its ``cache=True`` stand in compiled.py alone, which does without the latter."""
    package = Path(compiled.__file__).parent
    for source in set(package.rglob("*.py")) - {package / "compiled.py"}:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            names = {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) else set()
            assert not names & {"jit", "njit", "vectorize", "guvectorize", "cfunc", "stencil"}, source
            assert not (isinstance(node, ast.Attribute) and ast.unparse(node).startswith("numba.")), source
