"""Names of shipped models."""

import pytest

from orchestrion import shipped
from orchestrion.errors import OrchestrionError


def test_a_composer_is_found_with_and_without_its_prefix():
    assert shipped.find("chorales") == shipped.find("composer-chorales")
    assert shipped.card("chorales") == shipped.card("composer-chorales")


def test_every_shipped_model_has_a_card_that_states_its_licence():
    for name in shipped.names():
        assert "licence" in shipped.card(name).lower() or "Weights:" in shipped.card(name), name


def test_an_unknown_name_is_one_sentence():
    for look in (shipped.find, shipped.card):
        with pytest.raises(OrchestrionError, match="There is no model"):
            look("theremin")
