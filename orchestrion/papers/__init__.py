"""The experiments of the four papers, each one command: ``orchestrion paper NAME``."""
