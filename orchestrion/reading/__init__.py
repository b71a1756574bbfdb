"""Scores from files and to files: MIDI, MusicXML, ABC and kern. Files are checked before they are believed."""
