"""The score on the audio clock: the conditioning series that a renderer follows."""

from orchestrion.bridge.conditioning import GROUPS, ConditioningSeries

__all__ = ["GROUPS", "ConditioningSeries"]
