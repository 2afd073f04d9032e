"""The Monitor: says once what happened in a run, and everything else reads it.

Each record goes to the event log first (durable when the call returns), then to the detectors, whose alerts are
records too, and to the sinks on a background thread.
"""

from __future__ import annotations

from aurl.monitor.monitor import EXIT_CODES, Monitor

__all__ = ["EXIT_CODES", "Monitor"]
