"""Strangers' files, read with bounds: archives, pickles, tables and JSON."""
