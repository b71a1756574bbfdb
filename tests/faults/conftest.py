"""The small models that other commands are tested with serve here, too."""

from tests.cli.conftest import tiny, tiny_composer

__all__ = ["tiny", "tiny_composer"]
