"""Parts of `benchmarks.faults`: trainings, the faults that are provoked in them, the proof of each, and the score."""
