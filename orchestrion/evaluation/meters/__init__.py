"""Meters of failure: what the papers describe in words, measured; one meter a file.

Each takes audio (and what it must be compared with), returns a small frozen record of figures, and has ``found``:
whether the fault is there. Thresholds are set so that on synthetic cases at least 95 % of the faults are found and at
most 5 % of sound audio is accused; `benchmarks/meters.py` measures that again, on hundreds of seeded cases.
"""
