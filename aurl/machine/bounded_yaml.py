"""A YAML loader that counts: ten lines of aliases can stand for a thousand million values."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.composer import ComposerError


class BoundedLoader(yaml.SafeLoader):
    """`yaml.SafeLoader` that refuses documents of too many values, aliases counted as often as they stand.

    Args:
        text: the document.
        most_nodes: values, inner ones included.
        deepest: levels of nesting.
    """

    def __init__(self, text: str, *, most_nodes: int, deepest: int) -> None:
        super().__init__(text)
        self._most_nodes, self._deepest = most_nodes, deepest
        self._nodes = self._depth = 0
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        """One value with all that lies in it.

        Raises:
            ComposerError: it is too much, or holds itself.
        """
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        is_alias = self.check_event(yaml.AliasEvent)
        before, self._depth = self._nodes, self._depth + 1
        if self._depth > self._deepest:
            raise ComposerError(None, None, f"nested more than {self._deepest} levels deep", mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if is_alias and id(node) not in self._sizes:
            raise ComposerError(None, None, "an alias of what it lies in", mark)
        self._nodes += self._sizes[id(node)] if is_alias else 1
        self._sizes.setdefault(id(node), self._nodes - before)
        if self._nodes > self._most_nodes:
            raise ComposerError(None, None, f"more than {self._most_nodes:,} values, those of aliases counted", mark)
        return node
