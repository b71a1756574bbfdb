"""The generators of earlier papers, which continue plain audio: one row of `table.BACKENDS` each."""
