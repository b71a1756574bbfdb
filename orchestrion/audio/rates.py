"""Sample rates that audio can have."""

from __future__ import annotations

from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE


def check_rate(sample_rate: int) -> None:
    """Raise an `OrchestrionError` where ``sample_rate`` is outside 1,000 to 768,000."""
    if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        raise OrchestrionError(
            f"A sample rate of {sample_rate} is outside {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} samples a second."
        )
