"""Meters of faults that the papers describe in words; one meter a file.

Each takes audio (and what to compare it with) and returns a small frozen record of figures, whose ``found`` says whether the fault is
there. On synthetic cases the thresholds find at least 95 % of the faults and accuse at most 5 % of sound audio;
`benchmarks/meters.py` measures that again on hundreds of seeded cases.
"""
