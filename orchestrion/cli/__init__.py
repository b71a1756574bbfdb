"""The command line: each file parses one subcommand, calls one library function and prints."""

from orchestrion.cli.app import main

__all__ = ["main"]
