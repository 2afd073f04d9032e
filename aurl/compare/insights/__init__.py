"""What a comparison says, in sentences with their evidence."""
