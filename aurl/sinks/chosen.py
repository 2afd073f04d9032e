"""The sinks that a caller chose by name, such as `logging=["console", "tensorboard"]`."""

from __future__ import annotations

from collections.abc import Sequence

from aurl.machine.conf import construct, load_option
from aurl.sinks.base import Sink


def choose_sinks(chosen: str | Sequence[str | Sink], group: str = "logging") -> list[Sink]:
    """The sinks of a group's options, such as `["console", "tensorboard"]`, and sinks of your own as they are."""
    made: list[Sink] = []
    for choice in [chosen] if isinstance(chosen, str) else chosen:
        nodes = load_option(group, choice).values() if isinstance(choice, str) else ()
        made += [construct(node, Sink) for node in nodes if node is not None]
        made += [choice] if isinstance(choice, Sink) else []
    return made
