"""A run as a page in the terminal: curves in braille, alerts, remaining time. No torch, no hydra."""
