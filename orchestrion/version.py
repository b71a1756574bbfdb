"""The version, where packaging and the command line read it without importing anything else."""

VERSION = "0.1.0"
