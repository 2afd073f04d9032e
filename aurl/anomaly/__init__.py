"""Detectors: each watches the record stream and answers with alerts."""
