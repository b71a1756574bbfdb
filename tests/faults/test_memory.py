"""Less memory than the networks need."""

from __future__ import annotations

from tests.faults.command import orchestrion


def test_too_little_address_space_is_one_sentence() -> None:
    """1 GiB of address space (`ulimit -v`, batch systems) aborted in LLVM. It must be a sentence that says the limit."""
    ended = orchestrion("render", "ode-to-joy", "-o", "out.wav", shell="ulimit -v 1048576")
    ended.refused("1.0 GiB of address space", "needs 2 GiB", "ulimit -v unlimited")


def test_what_loads_no_network_runs_in_it() -> None:
    """Help and the list of models need little."""
    assert orchestrion("models", "list", shell="ulimit -v 1048576").status == 0
    assert orchestrion("render", "--help", shell="ulimit -v 1048576").status == 0
