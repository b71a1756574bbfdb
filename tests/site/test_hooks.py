"""What the site is made by: links, players, pages of commands, drawings, the table of instruments."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import click
import pytest

from orchestrion.audio import Waveform
from orchestrion.cli.app import cli

ROOT = Path(__file__).parents[2]
AUDIO = ROOT / "docs" / "audio"


def load(path: str) -> ModuleType:
    """The file ``path`` of the checkout as a module, though it is in no package."""
    file = ROOT / path
    name = f"site_{file.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec and spec.loader
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<a href="two.html#here">', None),
        ('<a href="https://elsewhere.example/">', None),
        ('<audio src="a%20b.opus">', None),
        ('<a href="three.html">', "three.html, which is not there"),
        ('<a href="two.html#gone">', "two.html#gone, whose anchor is not there"),
        ('<audio src="c.opus">', "c.opus, which is not there"),
        ('<script src="https://unpkg.com/x.js">', "fetches https://unpkg.com/x.js"),
        ('<link rel="stylesheet" href="//fonts.example/f.css">', "fetches //fonts.example/f.css"),
        ('<img src="http://elsewhere.example/i.png">', "fetches http://elsewhere.example/i.png"),
    ],
)
def test_a_site_is_refused_whose_links_lead_nowhere_or_that_fetches(tmp_path: Path, html: str, fault: str | None) -> None:
    (tmp_path / "one.html").write_text(html, encoding="utf-8")
    (tmp_path / "two.html").write_text('<p id="here">', encoding="utf-8")
    (tmp_path / "a b.opus").write_bytes(b"")
    found = list(load("docs/hooks/links.py").faults(tmp_path))
    assert found == [] if fault is None else [fault in line for line in found] == [True]


def test_a_style_sheet_that_fetches_is_found(tmp_path: Path) -> None:
    (tmp_path / "style.css").write_text("@import 'https://fonts.example/a.css'; a { background: url(img.png) }", encoding="utf-8")
    assert list(load("docs/hooks/links.py").faults(tmp_path)) == ["style.css fetches https://fonts.example/a.css"]


def test_the_pages_of_commands_are_their_help() -> None:
    text = "\n".join(load("docs/hooks/commands.py").sections(cli.commands["data"], "orchestrion data", 1))
    assert "\n## orchestrion data prepare\n" in text
    assert "--ensemble" in text and "orchestrion data prepare" in text
    context = click.Context(cli.commands["data"], info_name="orchestrion data", max_content_width=100, terminal_width=100)
    assert cli.commands["data"].get_help(context).rstrip() in text


def test_a_line_that_is_a_link_to_a_clip_becomes_a_player() -> None:
    hook = load("docs/hooks/clips.py")
    page = SimpleNamespace(file=SimpleNamespace(src_uri="tutorials/x.md"), url="tutorials/x.html")
    config = SimpleNamespace(docs_dir=ROOT / "docs")
    made = hook.on_page_markdown("[A tune](../audio/melody.opus)\n", page, config, None)
    assert 'src="../audio/melody.opus"' in made and "orchestrion perform" in made
    inline = "See [A tune](../audio/melody.opus) there.\n"
    assert hook.on_page_markdown(inline, page, config, None) == inline


def test_every_clip_is_there_small_and_heard_and_made_by_the_script() -> None:
    script = load("benchmarks/site_audio.py")
    manifest = json.loads((AUDIO / script.MANIFEST).read_text(encoding="utf-8"))
    assert {name: tuple(clip["commands"]) for name, clip in manifest.items()} == {c.name: c.commands for c in script.clips()}
    files = sorted(AUDIO.glob("*.opus"))
    assert {file.stem for file in files} == set(manifest)
    assert sum(file.stat().st_size for file in files) <= script.MAX_BYTES
    silent = [file.stem for file in files if abs(Waveform.read(file).samples).max() < 0.005]
    assert not silent


def test_every_option_of_a_clip_exists() -> None:
    for clip in load("benchmarks/site_audio.py").clips():
        for line in clip.commands:
            command = cli.commands[line.split()[1]]
            known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
            assert {word for word in line.split() if word.startswith("-") and word[1] not in ".0123456789"} <= known


def test_drawings_are_what_the_script_draws() -> None:
    script = load("docs/diagrams.py")
    for name, drawing in script.DRAWINGS.items():
        assert (script.FOLDER / f"{name}.svg").read_text(encoding="utf-8") == drawing.svg()
        assert {arrow.start for arrow in drawing.arrows} | {arrow.end for arrow in drawing.arrows} == set(drawing.boxes)


def test_the_table_of_instruments_is_what_the_weights_say() -> None:
    script = load("benchmarks/instrument_table.py")
    page = script.PAGE.read_text(encoding="utf-8")
    assert script.written(page) == page


def test_the_readme_is_an_invitation() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 150
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", readme) if "://" not in link]
    assert links and [link for link in links if not (ROOT / link).exists()] == []
