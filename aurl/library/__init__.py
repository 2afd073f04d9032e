"""What a person asks of many runs, from Python, the terminal and the dashboard: filter, compare, take away."""
