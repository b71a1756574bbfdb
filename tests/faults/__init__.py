"""Faults tried on purpose, one file a family; docs/faults.md says what happens in each."""
