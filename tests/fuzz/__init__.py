"""Fuzzing: mutants of small sound files through every reader of strangers' files (`make fuzz MINUTES=10`).

A reader may take a mutant, or refuse it with an `OrchestrionError` of one line. Anything else is a fault: another exception, a
crash, more than `worker.LIMIT_S` of processor time, more than `worker.LIMIT_BYTES` of memory, or noise on standard error.
"""
