"""How a reader tells of what it could not read."""

from __future__ import annotations

from collections.abc import Callable

OnSkip = Callable[[int, str], None]
"""Called with each part of a file that could not be read: the line (or entry), and why."""
