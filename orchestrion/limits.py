"""Bounds that keep a hostile or broken file from costing more than a sentence.

They are far above any real score or recording; every reader checks them before it allocates.
"""

HOUR_S = 3600.0

MAX_SCORE_S = 6 * HOUR_S
MAX_AUDIO_S = 6 * HOUR_S
MAX_NOTES = 1_000_000
MAX_PARTS = 1_000

MAX_MIDI_BYTES = 8 << 20
MAX_MIDI_TRACKS = 1_024
MAX_TEXT_BYTES = 32 << 20
"""MusicXML and ABC text, unpacked."""
MAX_ARCHIVE_BYTES = 16 << 20
"""A compressed .mxl as it lies on disk."""
MAX_ARCHIVE_ENTRIES = 256

MAX_CHANNELS = 64
MIN_SAMPLE_RATE = 1_000
MAX_SAMPLE_RATE = 768_000

MAX_ROLL_STEPS = 1_000_000
MAX_DENSE_BYTES = 2 << 30
"""The largest array that a conditioning series hands out in one piece."""

# A tempo in a MIDI file is a 24-bit number of microseconds a quarter note.
MIN_BPM = 60e6 / 0xFFFFFF
MAX_BPM = 60e6

MAX_CHANGES = 100_000
"""Tempo changes, and meter changes, in one file."""

MAX_MEASURES = 20_000
"""Measures of a part once its repeats are written out."""

MAX_WRITTEN_NOTES = 200_000
"""Note heads of a notation file, before repeats; more than the largest symphonies have."""
MAX_KERN_BYTES = 8 << 20
MAX_TUNE_CHARACTERS = 2 << 20
"""ABC text of one tune."""
MAX_COMMON_DENOMINATOR = 10**18
"""Parts of a quarter in which all durations of a file can be counted."""
