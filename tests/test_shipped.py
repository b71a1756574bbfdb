"""Names of shipped models, and their cards."""

import math
import re
import zlib

import pytest
from safetensors import safe_open

from orchestrion import header, shipped
from orchestrion.errors import OrchestrionError
from orchestrion.renderer.config import PRESETS, WaveNetConfig


def test_a_composer_is_found_with_and_without_its_prefix():
    assert shipped.find("chorales") == shipped.find("composer-chorales")
    assert shipped.card("chorales") == shipped.card("composer-chorales")


def test_every_shipped_model_has_a_card_that_states_its_licence():
    for name in shipped.names():
        assert "licence" in shipped.card(name).lower() or "Weights:" in shipped.card(name), name


def test_composers_cards_say_how_large_they_are():
    for name in shipped.names():
        if name.startswith("composer-"):
            said = re.search(r"([\d,]+)\s+parameters", shipped.card(name))
            with safe_open(shipped.find(name), framework="numpy") as stored:
                n = sum(math.prod(stored.get_slice(key).get_shape()) for key in stored.keys() if not key.endswith(".step"))
            assert said and int(said[1].replace(",", "")) == n, name


def test_the_papers_network_and_its_twin_are_one_network_but_for_the_notes_and_equally_trained():
    told, untold = (header.read(shipped.find(name)) for name in ("cello-paper", "cello-paper-unconditioned"))
    assert WaveNetConfig.from_dict(told["config"]) == PRESETS["paper"]
    assert WaveNetConfig.from_dict(untold["config"]) == PRESETS["paper"].unconditioned()
    assert told["steps"] == untold["steps"] and told["data"] == untold["data"]
    assert told["metrics"]["bits_per_sample_other_score"] > told["metrics"]["bits_per_sample"] + 1


def test_an_unknown_name_is_one_sentence():
    for look in (shipped.find, shipped.card):
        with pytest.raises(OrchestrionError, match="There is no model"):
            look("theremin")


def test_a_wheel_stays_under_40_mib():
    """Compressed as in a wheel, to within some parts in a thousand; its directory and metadata are small."""
    files = [path for path in shipped.FOLDER.parent.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    size = sum(len(zlib.compress(path.read_bytes())) for path in files)
    assert size < 40 * 2**20
