"""Which metrics are computed and how they are joined: what `conf/quality/<preset>.yaml` chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aurl.errors import ConfigError
from aurl.machine.conf import construct, load_option
from aurl.quality.metric import Metric, Values
from aurl.quality.reference.overall_quality import OverallQuality
from aurl.quality.sheet import Sheet


@dataclass(frozen=True)
class MetricSelection:
    """The metrics of a run.

    Attributes:
        metrics: in the order in which they are shown.
        overall: joins them; None where overall quality is left out.

    Raises:
        ConfigError: two metrics or two measures of one name.
    """

    metrics: Sequence[Metric]
    overall: OverallQuality | None

    def __post_init__(self) -> None:
        for kind, names in (("metrics", [metric.name for metric in self.metrics]), ("measures", self.measures)):
            if twice := sorted({name for name in names if list(names).count(name) > 1}):
                raise ConfigError(f"quality.metrics: two {kind} are called {', '.join(twice)}; give each its own name")

    @classmethod
    def preset(cls, name: str = "default") -> MetricSelection:
        """The metrics of `conf/quality/<name>.yaml`.

        Raises:
            ConfigError: there is no such preset.
        """
        return cls.build(load_option("quality", name)["metrics"])

    @classmethod
    def build(cls, nodes: Mapping[str, Mapping[str, Any] | None]) -> MetricSelection:
        """The metrics of a plain `quality.metrics` node, by name; those set to null are left out.

        Raises:
            ConfigError: a class that is missing, is no metric, or does not take these keys.
        """
        return cls.of(
            {key: None if node is None else construct(node, Metric, OverallQuality) for key, node in nodes.items()}
        )

    @classmethod
    def of(cls, parts: Mapping[str, Metric | OverallQuality | None]) -> MetricSelection:
        """These metrics by name; those that are None are left out.

        Raises:
            ConfigError: one is no metric, or has another name.
        """
        made = {key: part for key, part in parts.items() if part is not None}
        for key, part in made.items():
            if not isinstance(part, Metric | OverallQuality) or part.name != key:
                raise ConfigError(
                    f"quality.metrics.{key}: {type(part).__name__} is not a metric of that name; "
                    f"give a class of aurl.quality.metric.Metric with name = {key!r}"
                )
        overall = [part for part in made.values() if isinstance(part, OverallQuality)]
        return cls([part for part in made.values() if isinstance(part, Metric)], overall[0] if overall else None)

    @cached_property
    def measures(self) -> tuple[str, ...]:
        """The names of all raw measures."""
        return tuple(measure.name for metric in self.metrics for measure in metric.measures)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the metrics, `overall_quality` last where it is computed."""
        return tuple(metric.name for metric in self.metrics) + ((self.overall.name,) if self.overall else ())

    def measure(self, sheet: Sheet) -> Values:
        """All raw measures of a sample, each a number or the reason why there is none."""
        if len(sheet) < 2:
            return dict.fromkeys(self.measures, "fewer than 2 notes")
        return {name: value for metric in self.metrics for name, value in metric.measure(sheet).items()}
