"""Whether the quality scores tell music from what is not: the parts of `benchmarks/quality.py`."""
