"""The folder of everything that is kept between runs, and the check that nobody else can write to a folder.

`cache_root` is the one place that says where caches lie. What nobody has used for some months goes (`used`, `forget_old`). `private_folder` is for what would be run when it is loaded
(compiled code): whoever can write to a folder on the way to it could run commands as the user.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import shutil
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path, PurePosixPath

from orchestrion.errors import OrchestrionError

MOST_LINKS = 40  # as the kernel has it
KEPT_S = 90 * 86400.0


class NotPrivateError(Exception):
    """Somebody else can write to a folder or file; the text says which, and what mends it."""


def cache_root() -> Path:
    """``$ORCHESTRION_CACHE``, else ``$XDG_CACHE_HOME/orchestrion``, else ``~/.cache/orchestrion``.

    A relative ``$XDG_CACHE_HOME`` is ignored, as the XDG Base Directory Specification asks.

    Raises:
        OrchestrionError: nothing is set and the user has no home folder.
    """
    if own := os.environ.get("ORCHESTRION_CACHE"):
        return Path(own)
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if xdg.is_absolute():
        return xdg / "orchestrion"
    home = Path(os.path.expanduser("~"))
    if not home.is_absolute():
        raise OrchestrionError("There is no home folder for the cache; set ORCHESTRION_CACHE to a folder.")
    return home / ".cache" / "orchestrion"


def used(entry: Path) -> Path:
    """``entry`` of a cache, told to be in use: its time of change is now, where it is there and may be written."""
    with suppress(OSError):
        os.utime(entry)
    return entry


def forget_old(root: Path, *, but: str = "") -> None:
    """Delete the files and folders of ``root``, but the one called ``but``, that were not `used` for 90 days."""
    for entry in root.iterdir():
        with suppress(OSError):  # another process may be tidying up
            status = entry.lstat()
            if entry.name == but or status.st_mtime >= time.time() - KEPT_S:
                continue
            if stat.S_ISDIR(status.st_mode):
                shutil.rmtree(entry)
            else:
                entry.unlink()


def private_folder(path: str | os.PathLike[str]) -> Path:
    """Make ``path`` and the folders above it that are missing (mode 0700), and check each of them; its real path.

    Every folder from ``/`` down, and every symbolic link on the way, must belong to the user or to root, and no one
    else may write to it. On the way, though not at the end, a folder may be open to all if it is sticky (``/tmp``):
    there nobody can replace what another owns. As the walk goes down from the root, what was checked cannot be
    exchanged afterwards, except by the user and root.

    Raises:
        NotPrivateError: somebody else could write there.
        OSError: a folder cannot be made or looked at, or a file stands where a folder should be.
    """
    waiting = _names(os.path.join(os.getcwd(), path))
    here, n_links = "/", 0
    _check(here, os.lstat(here))
    while waiting:
        name = waiting.pop()
        if name == "..":
            here = os.path.dirname(here)
            continue
        entry = os.path.join(here, name)
        status = _found_or_made(entry)
        if stat.S_ISLNK(status.st_mode):
            _check_owner(entry, status)
            n_links += 1
            if n_links > MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fspath(path))
            target = os.readlink(entry)
            here = "/" if target.startswith("/") else here
            waiting += _names(target)
            continue
        _check(entry, status)
        here = entry
    _check_mode(here, os.lstat(here))
    return Path(here)


def check_private_file(path: Path, descriptor: int) -> int:
    """The size in bytes of the open file ``descriptor``, which only the user or root may own and write to.

    Raises:
        NotPrivateError: somebody else could write to it.
        OSError: it is not an ordinary file.
    """
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "Not an ordinary file", os.fspath(path))
    _check_owner(os.fspath(path), status)
    _check_mode(os.fspath(path), status)
    return status.st_size


def _names(path: str) -> list[str]:
    """The parts of ``path``, the last first."""
    return [part for part in reversed(PurePosixPath(path).parts) if part.strip("/")]


def _found_or_made(folder: str) -> os.stat_result:
    try:
        return os.lstat(folder)
    except FileNotFoundError:
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            pass  # another process was quicker; who that was is checked like everything else
        return os.lstat(folder)


def _check(folder: str, status: os.stat_result) -> None:
    """A folder on the way."""
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder)
    _check_owner(folder, status)
    if not status.st_mode & stat.S_ISVTX:
        _check_mode(folder, status)


def _check_owner(path: str, status: os.stat_result) -> None:
    if status.st_uid not in (0, os.geteuid()):
        raise NotPrivateError(f"{path} belongs to {_user(status.st_uid)}")


def _check_mode(path: str, status: os.stat_result) -> None:
    others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if others == stat.S_IWGRP and _is_users_own_group(path, status):
        return
    if others:
        raise NotPrivateError(f"{path} can be written by others (chmod go-w mends that)")


def _is_users_own_group(path: str, status: os.stat_result) -> bool:
    """Whether the group is the user's alone: of the same number and name, as Linux makes it for each (umask 002)."""
    if sys.platform != "linux" or status.st_gid == 0 or not status.st_uid == status.st_gid == os.geteuid():
        return False
    try:
        user, group = pwd.getpwuid(status.st_uid).pw_name, grp.getgrgid(status.st_gid)
        # Where there is an access list, the group's bits are its mask: it may let others in.
        has_list = "system.posix_acl_access" in os.listxattr(path)
    except (KeyError, OSError):
        return False
    return group.gr_name == user and set(group.gr_mem) <= {user} and not has_list


def _user(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user {uid}"
