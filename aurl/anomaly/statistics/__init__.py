"""What detectors read: curves, roles of metrics, blocks, trends."""
