import numpy as np
import pytest

from orchestrion.composer.controls import allowed_pitches
from orchestrion.errors import OrchestrionError
from orchestrion.score.keys import parse_key


def test_range_and_key_are_intersected() -> None:
    allowed = allowed_pitches(50, 80, parse_key("C major"), (60, 65))
    assert list(np.flatnonzero(allowed) + 50) == [60, 62, 64, 65]
    with pytest.raises(OrchestrionError, match="No pitch is left"):
        allowed_pitches(50, 80, parse_key("C major"), (61, 61))
    with pytest.raises(OrchestrionError, match="low then high"):
        allowed_pitches(50, 80, None, (70, 60))
