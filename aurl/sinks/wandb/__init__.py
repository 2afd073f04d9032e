"""The Weights & Biases sink, in a process of its own."""
