"""Runs the detectors over finished logs of any trainer: open a log, guess what its columns are, replay it."""
