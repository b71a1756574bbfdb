"""Harmonic sources from recordings with notes: what every sounding note contributes, found together; see `tracker`."""
