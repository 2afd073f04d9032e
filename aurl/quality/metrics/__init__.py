"""One file for each metric of musical quality."""
