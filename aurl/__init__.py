"""aurl: trains generative models of symbolic music and makes the run completely visible.

Importing this loads neither torch nor hydra; names below are loaded on first use.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"
__all__ = ["Kind", "Monitor", "Record", "Runs", "__version__"]

if TYPE_CHECKING:
    from aurl.library.runs import Runs
    from aurl.monitor import Monitor
    from aurl.record import Kind, Record

_HOME = {"Monitor": "aurl.monitor", "Record": "aurl.record", "Kind": "aurl.record", "Runs": "aurl.library.runs"}


polars_lost_its_threads = False
"""Whether this process is a fork of one that had polars loaded: what waits for its threads here waits for ever."""


def _after_fork_in_child() -> None:
    global polars_lost_its_threads  # noqa: PLW0603  a fact about this process
    polars_lost_its_threads = "polars" in sys.modules


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'aurl' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
