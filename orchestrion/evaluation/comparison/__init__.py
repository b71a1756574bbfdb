"""Every generator of audio side by side: same seeds, same seconds, same meters; see `generators.compare_all`."""
