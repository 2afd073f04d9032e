"""The console sink: progress bar, plain lines, summary."""
