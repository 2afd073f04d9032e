"""One training run: assembled from a config, trained, and taken apart again."""

from __future__ import annotations

from aurl.run.execution import Outcome, execute

__all__ = ["Outcome", "execute"]
