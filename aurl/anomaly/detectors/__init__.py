"""One file for each anomaly type."""
