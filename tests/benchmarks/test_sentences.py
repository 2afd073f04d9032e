"""No sentence of a simulated report contradicts the truth or another one, and the checker notices one that does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest

from aurl.compare.model import Comparison
from benchmarks.sentences import Truth, contradictions, simulated


@pytest.mark.parametrize("first", range(0, 50, 10))
def test_no_sentence_contradicts_another_or_the_truth(first: int) -> None:
    for seed in range(first, first + 10):
        assert contradictions(*simulated(seed)) == [], seed


@lru_cache
def a_claim() -> tuple[Comparison, Truth]:
    """The first simulated report that claims a difference and picks one configuration."""
    found = (simulated(seed) for seed in range(200))
    return next(
        (c, t) for c, t in found if any(claim.verdict == "better" for claim in c.claims) and len(c.best_set) > 1
    )


def with_sentence(comparison: Comparison, kind: str, text: str, **evidence: Any) -> Comparison:
    told: Mapping[str, Any] = {"text": text, "evidence": {"kind": kind, **evidence}}
    return replace(comparison, insights=(*comparison.insights, told))


def test_the_checker_notices_what_contradicts() -> None:
    comparison, truth = a_claim()
    claim = next(claim for claim in comparison.claims if claim.verdict == "better")
    turned = with_sentence(
        comparison,
        "difference",
        "B is better than A: 1 against 2 (95 % CI -1 to -0.5; p = 0.01).",
        configs=[claim.b, claim.a],
    )
    assert any(text.startswith("reversed") for text in contradictions(turned, truth))
    assert any(text.startswith("both ways") for text in contradictions(turned, truth))
    silent = "A and B are not distinguishable (difference 1; 95 % CI 0.5 to 1.5; p < 0.0001)."
    undecided = with_sentence(comparison, "undecided", silent, configs=[claim.a, claim.b])
    found = contradictions(undecided, truth)
    assert any(text.startswith("numbers of a difference") for text in found)
    assert any(text.startswith("better, and undecided") for text in found)
    both = with_sentence(comparison, "importance", "lr matters: it accounts for 1 % of it.", configs=["lr"])
    both = with_sentence(both, "negligible", "lr hardly matters.", configs=["lr"])
    found = contradictions(both, truth)
    assert any(text.startswith("matters and hardly matters") for text in found)
    assert any(text.startswith("matters for nothing") for text in found)
    doubtful = with_sentence(comparison, "choice", "Another: it is the best with probability 0.0 %.", configs=[claim.a])
    found = contradictions(doubtful, truth)
    assert any(text.startswith("picked though improbable") for text in found)
    assert any(text.startswith("another pick") for text in found)
    sure = with_sentence(
        comparison, "choice", "With probability over 99.9 %; 1 cannot be ruled out.", configs=[claim.a]
    )
    assert any(text.startswith("certain, and not ruled out") for text in contradictions(sure, truth))
    assert any(
        text.startswith("worse, and not ruled out")
        for text in contradictions(replace(comparison, best_set=(claim.b,)), truth)
    )
    assert contradictions(with_sentence(comparison, "x", "it is nan"), truth) == ["words: it is nan"]
