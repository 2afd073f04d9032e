from __future__ import annotations

import re

import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.custom_scalar import metadata
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.util import tensor_util

from aurl.scalars import KNOWN
from aurl.sinks.tensorboard.layout import CATEGORIES, layout


def read() -> Layout:
    (value,) = Event.FromString(layout(1.5)).summary.value
    assert value.tag == metadata.CONFIG_SUMMARY_TAG
    assert value.metadata.plugin_data.plugin_name == metadata.PLUGIN_NAME
    return Layout.FromString(tensor_util.make_ndarray(value.tensor).item())


def charts_with(tag: str) -> list[str]:
    found = [chart for category in read().category for chart in category.chart]
    return [chart.title for chart in found if any(re.match(pattern, tag) for pattern in chart.multiline.tag)]


@pytest.mark.parametrize("name", [name for name in KNOWN if not name.endswith("/")])
def test_every_known_scalar_is_in_one_chart(name: str) -> None:
    assert len(charts_with(name)) == 1


@pytest.mark.parametrize("tag", ["loss/total", "val/loss/total", "epoch/loss/total"])
def test_training_validation_and_epoch_means_share_a_chart(tag: str) -> None:
    assert charts_with(tag) == ["Loss"]


def test_titles_have_units_and_slots_share_a_chart() -> None:
    assert charts_with("loss/recon") == ["Reconstruction loss (nats/token)"]
    assert charts_with("sample/notes/0") == charts_with("sample/notes/13") == ["Notes in the sample (notes)"]


def test_every_group_of_the_table_has_its_title() -> None:
    assert [category.title for category in read().category] == list(CATEGORIES.values())


def test_quality_is_shown_with_its_interval() -> None:
    [category] = [each for each in read().category if each.title == "Musical quality"]
    [series] = category.chart[0].margin.series
    assert (series.value, series.lower, series.upper) == ("quality/mean/overall", "quality/ci_low", "quality/ci_high")
    assert not category.closed
