"""Figures of runs for papers and reports, drawn with matplotlib. No torch, no hydra."""
