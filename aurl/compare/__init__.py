"""Comparing runs: what the data support, with the evidence, and nothing else."""
