"""What a comparison says in plain words: a dozen sentences at most, each with its evidence, the weightiest first."""

from __future__ import annotations

from collections.abc import Mapping

from aurl.compare.insights.differences import choice, differences
from aurl.compare.insights.failures import failures
from aurl.compare.insights.insight import Insight
from aurl.compare.insights.next import suggestions
from aurl.compare.insights.settings import settings
from aurl.compare.insights.tradeoffs import tradeoffs
from aurl.compare.model import Comparison
from aurl.record import Json

MOST = 12


def insights(comparison: Comparison) -> list[Mapping[str, Json]]:
    """`{"text", "evidence"}` of each sentence, see `aurl.compare.insights.insight.Insight`."""
    return [found.as_json() for found in told(comparison)]


def told(comparison: Comparison) -> list[Insight]:
    """The sentences, at most twelve; none without runs behind it."""
    makers = (differences, choice, failures, settings, tradeoffs, suggestions)
    found = [insight for maker in makers for insight in maker(comparison) if insight.runs]
    return sorted(found, key=lambda insight: -insight.weight)[:MOST]
