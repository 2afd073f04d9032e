"""What tokenizers are made of: bars, voices; and those of one kind of music."""
