"""What has changed since the last look."""
