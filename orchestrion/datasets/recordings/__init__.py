"""Audio on disk for training: recordings with notes, and plain songs."""
