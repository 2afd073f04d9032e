"""Generative models of token sequences, in plain PyTorch."""
