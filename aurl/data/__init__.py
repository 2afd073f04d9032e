"""Pieces of music to batches of tokens."""
