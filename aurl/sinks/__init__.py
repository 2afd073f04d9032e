"""Sinks: each writes the record stream somewhere, off the training thread."""
