"""Whether the packages of the extra ``studio`` are installed."""

from __future__ import annotations

from importlib.util import find_spec

from orchestrion.errors import OrchestrionError


def require_packages() -> None:
    """Say how to install them.

    Raises:
        OrchestrionError: one is not there.
    """
    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        raise OrchestrionError("This needs two more packages: pip install 'orchestrion[studio]'.")
