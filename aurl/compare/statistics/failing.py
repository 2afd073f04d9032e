"""Whether some configurations fail more often than others."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from aurl.compare.model import FailureTest, Group
from aurl.compare.statistics.holm import holm

_MOST_GROUPS = 60


def failure_tests(groups: Sequence[Group]) -> tuple[FailureTest, ...]:
    """Fisher's exact test of each two groups with different failure rates, Holm over all of them; clearest first."""
    tried = [group for group in groups if group.tried]
    if not any(group.failed for group in tried) or len(tried) > _MOST_GROUPS:
        return ()
    from scipy.stats import fisher_exact

    pairs = [(a, b) if _rate(a) >= _rate(b) else (b, a) for a, b in itertools.combinations(tried, 2)]
    tables = [[[a.failed, a.n], [b.failed, b.n]] for a, b in pairs]
    raw = [float(fisher_exact(table).pvalue) for table in tables]
    if not raw:
        return ()
    adjusted = holm(raw)
    found = [
        FailureTest(a.id, b.id, a.failed, a.tried, b.failed, b.tried, p, q)
        for (a, b), p, q in zip(pairs, raw, adjusted, strict=True)
        if _rate(a) > _rate(b)
    ]
    return tuple(sorted(found, key=lambda test: test.p))


def _rate(group: Group) -> float:
    return group.failed / group.tried
