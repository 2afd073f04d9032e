"""Measurements of aurl beside its peers; each script's docstring is the command that runs it."""
