"""Every generator of audio side by side: same seeds, same seconds, same meters; see `everything.compare_all`."""
