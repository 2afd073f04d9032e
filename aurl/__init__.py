"""aurl: trains generative models of symbolic music and makes the run completely visible.

Importing this loads neither torch nor hydra; names below are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"
__all__ = ["Kind", "Monitor", "Record", "Runs", "__version__"]

if TYPE_CHECKING:
    from aurl.library.runs import Runs
    from aurl.monitor import Monitor
    from aurl.record import Kind, Record

_HOME = {"Monitor": "aurl.monitor", "Record": "aurl.record", "Kind": "aurl.record", "Runs": "aurl.library.runs"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'aurl' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
