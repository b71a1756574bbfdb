"""One file a family of data sets: how its authors lay out audio and labels on disk."""
