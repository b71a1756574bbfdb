"""The endings that commands look for are those that readers and writers know."""

import numpy as np
import pytest
import soundfile

from orchestrion import suffixes
from orchestrion.audio import Waveform
from orchestrion.audio.encodings import KINDS
from orchestrion.reading.scorefiles import READERS, WRITERS


def test_scores_and_audio_have_one_list_of_endings_each() -> None:
    assert set(READERS) == set(suffixes.SCORES) and set(WRITERS) == set(suffixes.SCORES_WRITTEN)
    assert set(KINDS) == set(suffixes.AUDIO_WRITTEN) < set(suffixes.AUDIO)


@pytest.mark.parametrize("suffix", suffixes.AUDIO)
def test_audio_of_every_ending_is_read(tmp_path, suffix) -> None:
    kinds = {
        ".opus": ("OGG", "OPUS"), ".ogg": ("OGG", "VORBIS"), ".oga": ("OGG", "VORBIS"), ".mp3": ("MP3", None),
        ".aif": ("AIFF", None), ".aifc": ("AIFF", "FLOAT"),
    }  # fmt: skip
    container, encoding = kinds.get(suffix, (suffix[1:].upper(), None))
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
    soundfile.write(tmp_path / f"a{suffix}", tone, 48_000, format=container, subtype=encoding)
    heard = Waveform.read(tmp_path / f"a{suffix}")
    assert heard.sample_rate == 48_000 and abs(np.abs(heard.samples[24_000:30_000]).max() - 0.5) < 0.05
