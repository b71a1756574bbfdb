"""Figures: piano rolls, spectrograms, losses, coverage."""
