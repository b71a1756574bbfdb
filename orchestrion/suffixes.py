"""Endings of file names, by what the file holds."""

MIDI = (".mid", ".midi", ".kar", ".rmi")
SCORES = (*MIDI, ".musicxml", ".xml", ".mxl", ".abc", ".krn")
SCORES_WRITTEN = (".mid", ".midi", ".musicxml", ".xml")
AUDIO = (".wav", ".flac", ".ogg", ".mp3", ".opus", ".aiff")
"""What libsndfile reads of what people have."""
AUDIO_WRITTEN = (".wav", ".flac", ".ogg")
