"""What settings do to a metric."""
