"""Corpora of symbols: pieces on a grid of sixteenths, which the composer is trained on."""
