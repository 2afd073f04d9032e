"""`from aurl.eventlog import read_records` as scripts have it from before the log lay in `aurl.runs`."""

from aurl.runs.eventlog import EventLog, read_records, segments

__all__ = ["EventLog", "read_records", "segments"]
