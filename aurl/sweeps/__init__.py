"""The jobs of a sweep together: how each ended, what happens when all have, and how an interrupted sweep goes on."""
