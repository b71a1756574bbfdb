"""HTML pages from the templates in ``templates/``: whatever is put into them is escaped, and audio and pictures are inside."""

from __future__ import annotations

import base64
import tempfile
from functools import lru_cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from orchestrion.audio import Waveform

PLAYABLE_RATE = 16000  # some browsers do not play 4.41 kHz


def render_page(template: str, **values: object) -> str:
    """The page of ``template`` with ``values`` in it; a value that the template needs and does not get is an error."""
    return _environment().get_template(template).render(**values)


def trusted_file(name: str) -> Markup:
    """A style sheet or script of our own from ``templates/``, which is not escaped."""
    return Markup((resources.files("orchestrion.evaluation") / "templates" / name).read_text(encoding="utf-8"))


def flac_uri(audio: Waveform) -> str:
    """``audio``, at 16 kHz or more, as a data URI."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audio.flac"
        audio.resample(max(PLAYABLE_RATE, audio.sample_rate)).write(path)
        return _data_uri("audio/flac", path.read_bytes())


def png_uri(path: Path) -> str:
    """A picture as a data URI."""
    return _data_uri("image/png", path.read_bytes())


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("orchestrion.evaluation"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    found.filters |= {"flac_uri": flac_uri, "png_uri": png_uri}
    return found
