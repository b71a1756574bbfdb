"""HTML pages from the templates in ``templates/``: whatever is put into them is escaped, and audio and pictures are inside."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from orchestrion.audio.showing import data_uri, flac_uri


def render_page(template: str, **values: object) -> str:
    """The page of ``template`` with ``values`` in it; a value that the template needs and does not get is an error."""
    return _environment().get_template(template).render(**values)


def trusted_file(name: str) -> Markup:
    """A style sheet or script of our own from ``templates/``, which is not escaped."""
    return Markup((resources.files("orchestrion.evaluation") / "templates" / name).read_text(encoding="utf-8"))


def png_uri(path: Path) -> str:
    """A picture as a data URI."""
    return data_uri("image/png", path.read_bytes())


@lru_cache(maxsize=1)
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("orchestrion.evaluation"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    found.filters |= {"flac_uri": flac_uri, "png_uri": png_uri}
    return found
