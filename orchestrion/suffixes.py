"""Endings of file names, by what the file holds."""

MIDI = (".mid", ".midi", ".kar", ".rmi")
SCORES = (*MIDI, ".musicxml", ".xml", ".mxl", ".abc", ".krn")
SCORES_WRITTEN = (".mid", ".midi", ".musicxml", ".xml")
AUDIO = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".aifc", ".caf", ".au", ".w64", ".rf64")
"""What libsndfile reads of what people have."""
AUDIO_UNREADABLE = (".m4a", ".m4b", ".aac", ".mp4", ".wma", ".amr", ".3gp", ".ape", ".mka", ".webm", ".ac3")
"""Audio that libsndfile does not read: named where it is left out."""
AUDIO_WRITTEN = (".wav", ".flac", ".ogg", ".opus", ".mp3")
