"""Where commands write: checked before any work, and the settings that lie beside every output."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from orchestrion.cli.grouping import Command, Flag, options_of
from orchestrion.cli.streams import echo
from orchestrion.errors import OrchestrionError
from orchestrion.files import write_json
from orchestrion.options import AudioFormat
from orchestrion.suffixes import AUDIO_WRITTEN
from orchestrion.version import VERSION

SETTINGS = ".json"
ANY_RATE = 16_000
JOURNAL = "..resume.state"  # as long as what `renderer.resuming` adds to a name


def check_output_file(path: Path, suffixes: tuple[str, ...]) -> None:
    """Refuse, before minutes of work, a file that could not be written at the end.

    Raises:
        OrchestrionError: another suffix than ``suffixes``, no such folder, a device or folder of that name.
    """
    if path.suffix.lower() not in suffixes:
        raise OrchestrionError(f"Cannot write {printable(path)}: the name must end in {' or '.join(suffixes)}.")
    _check_name(path)
    if path.exists() and not path.is_file():
        raise OrchestrionError(f"Cannot write {printable(path)}: it is a folder or a device, not a file.")
    if not path.parent.is_dir():
        raise OrchestrionError(f"Cannot write {printable(path)}: there is no folder {printable(path.parent)}; create it.")
    if not os.access(path.parent, os.W_OK):
        raise OrchestrionError(f"Cannot write {printable(path)}: no permission to write in {printable(path.parent)}.")


def writing_options(command: Command) -> Command:
    """``--rate``, ``--channels`` and ``--bits``: an `AudioFormat`, the command's argument ``wanted``."""
    return options_of(
        AudioFormat,
        "wanted",
        Flag("--rate", "HZ", "Samples a second of the file, such as 44100.  [default: as it is made]"),
        Flag("--channels", "1|2", "Mono or stereo.  [default: as it is made]"),
        Flag("--bits", "16|24|32", "Of a sample in .wav (to 32) and .flac (to 24).  [default: 16]"),
    )(command)


def check_format(path: Path, wanted: AudioFormat) -> None:
    """Refuse, before minutes of work, bits or a rate that the format of ``path`` does not have."""
    from orchestrion.audio.encodings import Encoding

    if path.suffix.lower() in AUDIO_WRITTEN:
        Encoding.of(path, wanted, wanted.rate or ANY_RATE)


def check_outputs(
    paths: Sequence[Path], suffixes: tuple[str, ...], inputs: Iterable[str | Path | None], *, resumable: bool = False
) -> None:
    """`check_output_file` for all that a command will write; one line on standard error where files will be replaced.

    Args:
        inputs: what is read: paths, or names of shipped things, or None. None of them may be written over.
        resumable: whether a journal will lie beside the output.

    Raises:
        OrchestrionError: as `check_output_file`, or an output, or its settings file, is an input.
    """
    check_names(paths, suffixes, resumable=resumable)
    refuse_inputs(paths, inputs)
    say_what_is_replaced(paths)


def check_names(paths: Iterable[Path], suffixes: tuple[str, ...], *, resumable: bool = False) -> None:
    """`check_output_file`, and that the names leave room for those of the files beside them."""
    for path in paths:
        check_output_file(path, suffixes)
        _check_name(path, JOURNAL if resumable else SETTINGS)


def refuse_inputs(paths: Iterable[Path], inputs: Iterable[str | Path | None]) -> None:
    """Raise an `OrchestrionError` where one of ``paths``, or a settings file beside one, is one of ``inputs``."""
    read = {identity for source in inputs if source is not None and (identity := _identity(source))}
    for path in paths:
        for target in (path, settings_file_of(path)):
            if _identity(target) in read:
                raise OrchestrionError(f"{printable(target)} would be written over, but it is read; name another output.")


def say_what_is_replaced(paths: Sequence[Path]) -> None:
    """A line on standard error where some of ``paths`` exist: it comes before the work, in time for Ctrl-C."""
    there = [path for path in paths if path.exists()]
    if there:
        others = f" and {len(there) - 1} more exist" if len(there) > 1 else " exists"
        echo(f"Warning: {printable(there[0])}{others} already and will be replaced.", err=True)


def _identity(path: str | Path) -> tuple[int, int] | None:
    """What two names of one file share."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _check_name(path: Path, addition: str = SETTINGS) -> None:
    folder = path.parent
    longest = os.pathconf(folder, "PC_NAME_MAX") if folder.is_dir() else 255
    n_bytes = len(os.fsencode(path.name + addition))
    if n_bytes > longest:
        raise OrchestrionError(
            f"Cannot write {printable(path)}: with the {addition!r} of the file beside it the name has {n_bytes} bytes, and "
            f"{longest} are the most; shorten it."
        )


@contextmanager
def output_folder(path: Path, *, keep: bool = False, files: Sequence[str] = ()) -> Iterator[Path]:
    """Yield the folder ``path``, created if need be, and removed again if the block fails before writing anything.

    Args:
        keep: whether it stays even then.
        files: suffixes of a single file that the command would write as well.

    Raises:
        OrchestrionError: it cannot be created, or is a file.
    """
    if path.exists() and not path.is_dir():
        or_file = f", or a file that ends in {', '.join(files)}" if files else ""
        raise OrchestrionError(f"Cannot write into {printable(path)}: it is not a folder; name a folder{or_file}.")
    created = [folder for folder in (path, *path.parents) if not keep and not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OrchestrionError(f"Cannot create the folder {printable(path)}: {error.strerror or error}.") from error
    try:
        yield path
    except BaseException:
        for folder in created:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        raise


def write_settings(output: Path, ctx: click.Context, facts: Mapping[str, object]) -> Path:
    """Write `settings_file_of` ``output``: command, version, every option as used, and ``facts`` found on the way.

    No time of day is in it, so that the same command writes the same bytes.
    """
    target = settings_file_of(output)
    write_json(target, settings(ctx, facts))
    return target


def settings_file_of(output: Path) -> Path:
    """``tune.wav.json`` for ``tune.wav``: ``tune.mid`` and ``tune.wav`` have each their own."""
    return output.with_name(output.name + SETTINGS)


def settings(ctx: click.Context, facts: Mapping[str, object]) -> dict[str, object]:
    """The content of a settings file (see ``write_settings``)."""
    options = {name: _plain(value) for name, value in sorted(ctx.params.items())}
    return {"command": ctx.command_path, "version": VERSION, "options": options, **facts}


def report(output: Path, settings_file: Path, summary: str, as_json: bool) -> None:
    """Tell what was written: a line for people, or the settings as one line of JSON with the output's name."""
    if as_json:
        echo(json.dumps({"output": printable(output), **json.loads(settings_file.read_text(encoding="utf-8"))}))
    else:
        echo(f"{printable(output)}  {summary}  (settings: {printable(settings_file)})")


def tell_failures(failures: Sequence[tuple[Path, OrchestrionError]], n: int) -> None:
    """A line on standard error for each of ``n`` inputs that failed, and status 1 where one did."""
    for source, error in failures:
        named = printable(source) in str(error)
        echo(f"Failed: {'' if named else f'{printable(source)}: '}{' '.join(str(error).split())}", err=True)
    if failures:
        echo(f"{n - len(failures)} of {n} done, {len(failures)} failed.", err=True)
        click.get_current_context().exit(1)


def numbered(output: Path, count: int) -> list[Path]:
    """``tune.mid`` for one; ``tune-1.mid``, ``tune-2.mid``, … for several, as wide as the last number."""
    if count == 1:
        return [output]
    width = len(str(count))
    return [output.with_stem(f"{output.stem}-{index:0{width}d}") for index in range(1, count + 1)]


def printable(path: str | os.PathLike[str]) -> str:
    """``path`` as text that can be printed and stored, bytes that are not UTF-8 replaced."""
    return os.fsencode(path).decode("utf-8", "replace")


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return printable(value)
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
