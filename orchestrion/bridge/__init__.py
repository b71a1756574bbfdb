"""The score on the audio clock: the conditioning series that a renderer follows."""

from orchestrion.bridge.conditioning import ConditioningSeries
from orchestrion.bridge.framenotes import FrameNotes
from orchestrion.bridge.groups import GROUPS

__all__ = ["GROUPS", "ConditioningSeries", "FrameNotes"]
