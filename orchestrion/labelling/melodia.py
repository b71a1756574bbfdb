"""The predominant melody of a mixture by Melodia (Salamon and Gómez 2012), as implemented in essentia.

The algorithm follows pitch contours in a salience function and keeps those that behave like a melody. It gives one
line, whatever else sounds; where all notes are wanted, it is the wrong tool (docs/labels.md has the figures).

essentia is under the AGPL 3.0 and not part of the installation: pip install "orchestrion[melodia]".
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.datasets.checking.flux import FRAME_S, SAMPLE_RATE, n_frames
from orchestrion.errors import OrchestrionError
from orchestrion.labelling.pitchtrack import PitchTrack

LICENCE = "Melodia runs through essentia, which is under the AGPL 3.0: mind its terms where you pass the program on."
RATE = 44100
HOP, WINDOW = 128, 2048  # the algorithm's own, at 44.1 kHz
LOWEST_HZ, HIGHEST_HZ = 55.0, 1760.0


def melodia(audio: Waveform) -> PitchTrack:
    """The predominant melody of ``audio``.

    Raises:
        OrchestrionError: essentia is not installed.
    """
    algorithms = essentia()
    samples = algorithms.EqualLoudness(sampleRate=RATE)(np.array(audio.resample(RATE).samples))
    extract = algorithms.PredominantPitchMelodia(
        sampleRate=RATE, frameSize=WINDOW, hopSize=HOP, minFrequency=LOWEST_HZ, maxFrequency=HIGHEST_HZ
    )
    found = np.maximum(extract(samples)[0], 0.0).astype(np.float64)  # 0 where there is no melody
    total = n_frames(audio.resample(SAMPLE_RATE).samples)
    nearest = np.rint(np.arange(total) * FRAME_S * RATE / HOP).astype(int)
    hz = np.where(nearest < len(found), found[np.minimum(nearest, len(found) - 1)], 0.0)
    return PitchTrack(hz, hz > 0)


def essentia() -> ModuleType:
    """essentia's algorithms.

    Raises:
        OrchestrionError: it is not installed.
    """
    try:
        import_module("essentia").log.infoActive = False  # it greets when its algorithms are imported
        return import_module("essentia.standard")
    except ImportError as error:
        raise OrchestrionError(
            'Melodia needs essentia (AGPL 3.0), which is not installed; get it with: pip install "orchestrion[melodia]".'
        ) from error
