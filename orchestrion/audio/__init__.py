"""Waveforms, their files, and audio in blocks."""

from orchestrion.audio.waveform import MACHINE_GENERATED, Waveform

__all__ = ["MACHINE_GENERATED", "Waveform"]
