"""The comparison as one JSON document, with exactly the keys that other people's scripts rely on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from aurl.compare.model import Claim, Comparison, Group

GROUP_KEYS = ("id", "config", "runs", "n", "mean", "median", "iqm", "ci")
CLAIM_KEYS = ("a", "b", "delta", "ci", "p", "p_adjusted", "effect", "test", "n_a", "n_b", "verdict", "read_at")


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Plain JSON values; a number that is not finite, or not known, is null.

    Keys: metric, mode, groups, differences, claims, importance, pareto, best, insights, warnings.
    """
    document = {
        "metric": comparison.metric,
        "mode": comparison.mode,
        "groups": [_group(group) for group in comparison.groups],
        "differences": dict(comparison.differences),
        "claims": [_claim(claim) for claim in comparison.claims],
        "importance": list(comparison.impact.rows),
        "pareto": list(comparison.pareto),
        "best": comparison.best,
        "insights": list(comparison.insights),
        "warnings": list(comparison.warnings),
    }
    plain = _plain(document)
    assert isinstance(plain, dict)
    return plain


def _group(group: Group) -> dict[str, Any]:
    return {key: getattr(group, key) for key in GROUP_KEYS} | {"runs": [run.id for run in group.runs]}


def _claim(claim: Claim) -> dict[str, Any]:
    first, _, most = claim.read_at
    return {key: getattr(claim, key) for key in CLAIM_KEYS} | {"read_at": {"step": first, "of": most}}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
