"""Which scalars of a run are drawn together, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aurl.record import Kind, Record
from aurl.report.story import Story
from aurl.scalars import describe
from aurl.show.chart import Chart, Line

MOST_CHARTS = 60
_ORDER = ("loss", "accuracy", "quality", "kl", "gan", "sample", "lr", "grad", "update", "throughput", "time", "system")
_TITLES = {
    "loss": "Losses", "accuracy": "Accuracy", "quality": "Musical quality", "kl": "Latent space", "gan": "Adversary",
    "sample": "Samples", "lr": "Learning rate", "grad": "Gradients", "update": "Updates", "throughput": "Throughput",
    "time": "Time", "system": "Machine",
}  # fmt: skip
_BAND = ("quality/band_low", "quality/band_high")
_LIMITS = frozenset({*_BAND, "quality/ci_low", "quality/ci_high", "quality/samples", "time/total"})


def charts(story: Story) -> Iterator[tuple[str, list[Chart]]]:
    """The charts by group, groups in the order in which people look at them; at most `MOST_CHARTS` in all."""
    left = MOST_CHARTS
    groups: dict[str, list[str]] = {}
    for name in _drawn(story):
        groups.setdefault(describe(name.removeprefix("val/")).group, []).append(name)
    for group in sorted(groups, key=lambda group: (_rank(group), group)):
        names = groups[group][:left]
        left -= len(names)
        if names:
            yield _TITLES.get(group, group), [_chart(story, name) for name in names]


def left_out(story: Story) -> int:
    """How many scalars have no chart for want of room."""
    return max(0, len(list(_drawn(story))) - MOST_CHARTS)


def _drawn(story: Story) -> Iterator[str]:
    """The scalars that lead a chart: a held-out one is drawn with its training counterpart."""
    names = set(story.names)
    for name in sorted(names, key=lambda name: (not name.endswith("/total"), name)):
        if name.startswith("val/") and name.removeprefix("val/") in names:
            continue
        if name in _LIMITS or _is_single_score(name, names):
            continue
        yield name


def _is_single_score(name: str, names: set[str]) -> bool:
    """Whether this is a score of single samples, whose means are drawn."""
    return name.startswith("quality/") and f"quality/mean/{name.removeprefix('quality/')}" in names


def _rank(group: str) -> int:
    return _ORDER.index(group) if group in _ORDER else len(_ORDER)


def _chart(story: Story, name: str) -> Chart:
    told = describe(name)
    title = f"{told.label}, {told.unit}" if told.unit else told.label
    if title in ("", told.group.capitalize()) or told.name != name:
        title = f"{told.label} ({name})" if told.label and told.label != name else name
    lines = [Line("training" if not name.startswith("quality/") else "mean of samples", *story.curve(name), 0)]
    names = [name]
    if f"val/{name}" in story.names:
        names.append(f"val/{name}")
        lines.append(Line("validation", *story.curve(f"val/{name}"), 1))
    band = _band(story) if name == "quality/mean/overall" else None
    return Chart(title, lines, band, list(_marks(story.alerts, names)))


def _band(story: Story) -> tuple[float, float] | None:
    """Where the scores of real validation music lie, 5th to 95th percentile, as told last."""
    low, high = (story.curve(name)[1] for name in _BAND)
    return (float(low[-1]), float(high[-1])) if len(low) and len(high) else None


def _marks(alerts: Sequence[Record], names: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    for alert in alerts:
        assert alert.kind is Kind.ALERT
        fields = alert.fields
        if fields.get("metric") in names:
            text = f"step {alert.step}: {fields.get('type')}: {fields.get('message')}"
            yield alert.step, str(fields.get("severity")), text
