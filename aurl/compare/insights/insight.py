"""One sentence in plain words, with the evidence that it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from aurl.compare.model import Comparison, Group, Interval
from aurl.record import Json
from aurl.scalars import describe
from aurl.show.naming import show_value

Picture: TypeAlias = Literal["groups", "claims", "curves", "importance", "effects", "pareto", "failures", "alerts"]
"""The section of the report that shows it."""

_MOST_NAMED, _MOST_LETTERS = 4, 160


@dataclass(frozen=True, slots=True)
class Insight:
    """A sentence, and what it rests on.

    Attributes:
        text: one or two sentences in plain words, with their numbers.
        kind: what it is about, such as "difference".
        weight: how much it matters to a reader, 0..100; the heavier comes first.
        claim: whether a test allows it to say that something differs, matters, fails more, or changes.
        metric: the scalar it is about.
        configs: ids of groups, or names of settings.
        n: how many runs, one number for each of `configs`, or one for all.
        diff, ci, p: the number it turns on, with its 95 % interval and p value, where there are any.
        method: the library calls or the rule behind it.
        runs: ids of the runs behind it.
        picture: where the report shows it.
        caveats: what could make it wrong.
        more: further numbers of its kind.
    """

    text: str
    kind: str
    weight: float
    claim: bool
    metric: str
    configs: Sequence[str]
    n: Sequence[int]
    method: str
    runs: Sequence[str]
    picture: Picture
    diff: float | None = None
    ci: Interval | None = None
    p: float | None = None
    caveats: Sequence[str] = ()
    more: Mapping[str, Json] = field(default_factory=dict)

    def as_json(self) -> dict[str, Json]:
        """`{"text", "evidence"}`; the evidence always has the same keys, and `more`'s beside them."""
        evidence = {
            "kind": self.kind,
            "claim": self.claim,
            "metric": self.metric,
            "configs": list(self.configs),
            "n": list(self.n),
            "diff": self.diff,
            "ci": None if self.ci is None else list(self.ci),
            "p": self.p,
            "method": self.method,
            "runs": list(self.runs),
            "picture": self.picture,
            "caveats": list(self.caveats),
        }
        return {"text": self.text, "evidence": {**evidence, **self.more}}


def label(name: str) -> str:
    """How a scalar is called within a sentence: its display name, its key beside it."""
    known = describe(name).label
    if known == name:
        return name
    lowered = known if known[1:2].isupper() else known[:1].lower() + known[1:]
    return f"{lowered} ({name})"


def number(value: float) -> str:
    """Four digits, which is more than a comparison of runs supports."""
    return f"{value:.4g}"


def interval(ci: Sequence[float]) -> str:
    """`95 % CI 0.1 to 0.2`."""
    return f"95 % CI {number(ci[0])} to {number(ci[1])}"


def percent(share: float, digits: int = 0) -> str:
    """`14 %`."""
    return f"{100 * share:.{digits}f} %"


def likelihood(share: float) -> str:
    """A probability in percent, never quite certain: `87 %`, `over 99.9 %`, `under 0.1 %`."""
    if share > 0.999:
        return "over 99.9 %"
    return "under 0.1 %" if share < 0.001 else percent(share, 1 if not 0.1 <= share <= 0.9 else 0)


def upper_first(text: str) -> str:
    """The text with a capital letter first."""
    return text[:1].upper() + text[1:]


def p_value(p: float) -> str:
    """`p = 0.012`, or `p < 0.0001`."""
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`, or the first few and how many more; `;` stands between names that hold commas."""
    told = [
        name for at, name in enumerate(names[:_MOST_NAMED]) if not at or len("".join(names[: at + 1])) < _MOST_LETTERS
    ]
    comma = "; " if any("," in name for name in told) else ", "
    if len(told) < len(names):
        return f"{comma.join(told)}{comma.rstrip() if comma == '; ' else ''} and {len(names) - len(told)} more"
    return " and ".join([comma.join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def named(group: Group) -> str:
    """What a group is called in a sentence: its settings, numbers to three digits."""
    telling = {key: value for key, value in group.config.items() if f"{key}=" in group.id}
    return ", ".join(f"{key}={show_value(rounded(value))}" for key, value in telling.items()) or group.id


def rounded(value: Json) -> Json:
    """A number to three digits; anything else as it is."""
    return float(f"{value:.3g}") if isinstance(value, float) else value


def doubts(comparison: Comparison) -> list[str]:
    """Warnings that touch the meaning of the metric itself."""
    return [warning for warning in comparison.warnings if comparison.metric in warning]


def counted_runs(comparison: Comparison, *groups: str) -> list[str]:
    """Ids of the counted runs of these groups, or of all."""
    wanted = [group for group in comparison.groups if not groups or group.id in groups]
    return [run_id for group in wanted for run_id in group.values]
