"""What is claimed, measured again: each file answers one question and prints what it found.

Run one with `python -m experiments.benchmarks NAME`, all with `make bench`. Nothing here is a test: figures are for
readers, and a slow machine is no failure. Committed results stand in BENCHMARKS.md.
"""
