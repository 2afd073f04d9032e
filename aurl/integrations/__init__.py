"""aurl's Monitor in the trainers of others, as one callback each."""
