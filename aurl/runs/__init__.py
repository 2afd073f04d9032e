"""Reads finished and live run directories. No torch, no hydra."""
