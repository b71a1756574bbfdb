"""ABC notation, version 2.1 (Chris Walshaw, 2011, https://abcnotation.com/wiki/abc:standard:v2.1).

Ours after a trial on 27 small files from public bug reports and 1,034 folk tunes, against abc2midi:

- music21's parser had 14 of the 27 and 575 of the 1,034 right, and hangs on ``A9999``.
- abcnotes 0.1.0 has notes and repeats of nearly all tunes right, but knows one voice and no jumps, ties or overlays.
- verovio 6.4 had 10 of the 27 right, and four ended the process by a segmentation fault, which no bound can catch.
- pyabc2 0.1.4 had no tune whole: chord symbols become notes, ``L:`` is not followed, rests are lost. Helped over the first two, it
  had 170 of the 1,034 right; of the 27 no more than 7.

What is read is what sounds; layout, lyrics and decorations are skipped. What would sound but cannot be followed is named
in `Written.ignored`. Each rule has its section of the standard beside it.
"""

from orchestrion.reading.abc.tune import read

__all__ = ["read"]
