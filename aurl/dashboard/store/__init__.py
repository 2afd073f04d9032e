"""One run as columns of numbers."""
