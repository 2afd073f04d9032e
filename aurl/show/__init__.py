"""How anything looks: words and numbers, SVG, PNG, the piano roll, the player."""
