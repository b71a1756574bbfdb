"""Humdrum's ``**kern`` (https://www.humdrum.org/rep/kern/, Huron 1997).

Ours after a trial on seven small files: music21's parser loses notes where a spine is split again and drops repeats,
converter21 4.0 (a parser of 15,000 lines) reads the seven right but only into music21's streams, whose repeats are
played part by part, verovio 6.4 reads six (and ends the process by a segmentation fault on others' files).

Kern is at sounding pitch: ``*ITr`` says how a part was written, and changes nothing here.
"""

from orchestrion.reading.kern.score import read

__all__ = ["read"]
