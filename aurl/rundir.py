"""`from aurl.rundir import RunDirectory` as scripts have it from before the class lay in `aurl.runs`."""

from aurl.runs.rundir import RunDirectory

__all__ = ["RunDirectory"]
