"""Checks of a data set: do the notes fit the sound, and is there enough of it?"""
