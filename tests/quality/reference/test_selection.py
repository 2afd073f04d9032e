"""The yaml files of `conf/quality`."""

from __future__ import annotations

import pytest
import yaml

from aurl.errors import ConfigError
from aurl.machine.conf import conf_dir
from aurl.quality.metric import Metric
from aurl.quality.reference.selection import MetricSelection

TEN = (
    "rhythm_consistency",
    "rhythm_diversity",
    "harmonic_coherence",
    "melodic_contour",
    "dynamic_range",
    "note_density",
    "pitch_range",
    "repetition_score",
    "structural_coherence",
    "overall_quality",
)


def test_the_presets() -> None:
    assert MetricSelection.preset().names == TEN
    assert MetricSelection.preset("published").names == TEN
    assert MetricSelection.preset("fast").names == tuple(name for name in TEN if name != "structural_coherence")
    assert MetricSelection.preset("off").names == ()


def test_every_metric_has_a_yaml_with_all_its_parameters() -> None:
    for path in (conf_dir() / "quality" / "metrics").glob("*.yaml"):
        nodes = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert list(nodes) == [path.stem]
        selection = MetricSelection.build(nodes)
        parameters = set(nodes[path.stem]) - {"_target_"}
        assert parameters == ({"weight"} if selection.metrics else {"power", "cap"})


def test_every_metric_says_what_it_computes_and_where_from() -> None:
    for metric in MetricSelection.preset().metrics:
        assert type(metric).__doc__ != Metric.__doc__
        for measure in metric.measures:
            assert f"`{measure.name}`" in str(type(metric).__doc__)
        assert "Source" in str(type(metric).__doc__)
        assert all(measure.floor > 0 for measure in metric.measures)


def test_weights_and_absent_metrics() -> None:
    selection = MetricSelection.build(
        {
            "pitch_range": {"_target_": "aurl.quality.metrics.pitch_range.PitchRange", "weight": 0.0},
            "note_density": None,
            "overall_quality": {"_target_": "aurl.quality.reference.overall_quality.OverallQuality", "power": 1.0},
        }
    )
    assert selection.names == ("pitch_range", "overall_quality")
    assert selection.measures == ("range",)


@pytest.mark.parametrize(
    ("key", "node", "message"),
    [
        ("mine", {"_target_": "aurl.quality.metrics.pitch_range.PitchRange"}, "give a class of .* with name = 'mine'"),
        (
            "pitch_range",
            {"_target_": "collections.Counter"},
            "not trusted: here stands aurl.quality.metric.Metric or",
        ),
        ("pitch_range", {"_target_": "aurl.quality.metrics.pitch_range.PitchRange", "wieght": 1}, "wieght"),
        (
            "overall_quality",
            {"_target_": "aurl.quality.reference.overall_quality.OverallQuality", "power": 0},
            "1 or more",
        ),
        ("overall_quality", {"_target_": "aurl.quality.reference.overall_quality.OverallQuality", "cap": 0}, "above 0"),
    ],
)
def test_what_cannot_be_built(key: str, node: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MetricSelection.build({key: node})


def test_two_measures_of_one_name() -> None:
    metric = MetricSelection.preset().metrics[0]
    with pytest.raises(ConfigError, match="two metrics are called rhythm_consistency"):
        MetricSelection([metric, metric], None)
