"""How a run ends."""

from __future__ import annotations

from typing import NamedTuple


class Ending(NamedTuple):
    """How a run ended and why.

    Attributes:
        status: done, stopped, preempted or failed.
        message: the reason, one sentence.
    """

    status: str
    message: str
