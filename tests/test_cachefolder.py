"""One folder for all caches, and who may write to it."""

import ast
import os
from pathlib import Path

import pytest

from orchestrion import cachefolder
from orchestrion.cachefolder import NotPrivateError, cache_root, private_folder
from orchestrion.errors import OrchestrionError


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in ("ORCHESTRION_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")


def test_the_root_by_the_environment(monkeypatch):
    assert cache_root() == Path("/home/someone/.cache/orchestrion")
    monkeypatch.setenv("XDG_CACHE_HOME", "/fast")
    assert cache_root() == Path("/fast/orchestrion")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # the specification: "should consider the path invalid"
    assert cache_root() == Path("/home/someone/.cache/orchestrion")
    monkeypatch.setenv("ORCHESTRION_CACHE", "/own")
    assert cache_root() == Path("/own")


def test_without_a_home_the_sentence_says_what_to_set(monkeypatch):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(OrchestrionError, match="set ORCHESTRION_CACHE"):
        cache_root()


def test_no_one_else_asks_the_environment():
    package = Path(cachefolder.__file__).parent
    for source in set(package.rglob("*.py")) - {package / "cachefolder.py"}:
        strings = {node.value for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Constant)}
        assert "ORCHESTRION_CACHE" not in strings, source


def test_links_and_dots_are_followed_as_the_kernel_follows_them(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to("a/b")
    (tmp_path / "absolute").symlink_to(tmp_path / "link")
    real = Path(os.path.realpath(tmp_path))
    assert private_folder(tmp_path / "absolute" / ".." / "new") == real / "a" / "new"
    assert private_folder(tmp_path / "link") == real / "a" / "b"
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(OSError, match="symbolic links"):
        private_folder(tmp_path / "round")


def test_relative_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert private_folder("here/there") == Path(os.path.realpath(tmp_path)) / "here" / "there"


class Account:
    """A user as the two databases have one."""

    def __init__(self, name: str, members: list[str]) -> None:
        self.pw_name = self.gr_name = name
        self.gr_mem = members


@pytest.mark.parametrize(
    "gid, mode, members, is_private",
    [
        (1000, 0o775, [], True),  # the user's own group, as umask 002 leaves it
        (1000, 0o775, ["someone"], True),
        (1000, 0o775, ["friend"], False),
        (1000, 0o777, [], False),
        (100, 0o775, [], False),
        (100, 0o755, [], True),
    ],
)
def test_a_group_of_the_user_alone_is_the_user(tmp_path, monkeypatch, gid, mode, members, is_private):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(cachefolder.pwd, "getpwuid", lambda uid: Account("someone", []))
    monkeypatch.setattr(cachefolder.grp, "getgrgid", lambda gid: Account("someone", members))
    monkeypatch.setattr(cachefolder.sys, "platform", "linux")
    monkeypatch.setattr(os, "listxattr", lambda path: [], raising=False)
    status = os.stat_result((0o040000 | mode, 1, 1, 2, 1000, gid, 0, 0, 0, 0))
    if is_private:
        cachefolder._check(str(tmp_path), status)
    else:
        with pytest.raises(NotPrivateError, match="can be written by others"):
            cachefolder._check(str(tmp_path), status)
    monkeypatch.setattr(os, "listxattr", lambda path: ["system.posix_acl_access"])
    if mode == 0o775:  # with an access list, the bits of the group are its mask
        with pytest.raises(NotPrivateError):
            cachefolder._check(str(tmp_path), status)
