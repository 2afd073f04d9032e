"""TensorBoard's custom-scalars page: all known scalars in named charts with units, training beside validation.

Field numbers are those of tensorboard/plugins/custom_scalar/layout.proto.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aurl.formats.protobuf import integer, nested, string
from aurl.scalars import KNOWN, Scalar, describe
from aurl.sinks.tensorboard import events as tfevents

CATEGORIES = {
    "loss": "Losses",
    "accuracy": "Accuracy",
    "quality": "Musical quality",
    "grad": "Gradients",
    "fp16": "Half precision",
    "lr": "Learning rate",
    "kl": "Latent space",
    "gan": "Adversarial training",
    "sample": "Samples",
    "throughput": "Throughput",
    "time": "Time",
    "system": "Machine",
    "data": "Data",
}
_BESIDE = {"nll_cell": "loss"}  # a measure of the loss in other units
OPEN = ("Losses", "Accuracy", "Musical quality")
_MEAN = "quality/mean/overall"


def layout(time: float) -> bytes:
    """The event with the layout of the page."""
    groups: dict[str, list[Scalar]] = {name: [] for name in CATEGORIES}
    for scalar in KNOWN.values():
        if not scalar.name.endswith("/"):
            groups.setdefault(_group(scalar.name), []).append(scalar)
    content = b"".join(
        nested(2, _category(CATEGORIES.get(name, name), scalars)) for name, scalars in groups.items() if scalars
    )
    packed = tfevents.string_tensor(content)
    return tfevents.tensor(time, 0, "custom_scalars__config__", packed, plugin="custom_scalars")


def _group(name: str) -> str:
    group = describe(name.removeprefix("val/")).group
    return _BESIDE.get(group, group)


def _category(title: str, scalars: list[Scalar]) -> bytes:
    charts = [_margin()] if title == CATEGORIES["quality"] else []
    charts += [_lines(scalar) for scalar in _representatives(scalars)]
    return string(1, title) + b"".join(nested(2, chart) for chart in charts) + integer(3, title not in OPEN)


def _representatives(scalars: list[Scalar]) -> Iterator[Scalar]:
    """One scalar for each chart: a validation scalar is shown with its training counterpart where there is one."""
    names = {scalar.name for scalar in scalars}
    for scalar in scalars:
        if scalar.name.removeprefix("val/") == scalar.name or scalar.name.removeprefix("val/") not in names:
            yield scalar


def _lines(scalar: Scalar) -> bytes:
    """A chart of a scalar, its validation, its mean over an epoch, and its slots."""
    title = f"{scalar.label} ({scalar.unit})" if scalar.unit else scalar.label
    pattern = rf"^(val/|epoch/)?{re.escape(scalar.name.removeprefix('val/'))}(/\d+)?$"
    return string(1, title) + nested(2, string(1, pattern))


def _margin() -> bytes:
    """The mean quality of the samples with its interval."""
    series = string(1, _MEAN) + string(2, "quality/ci_low") + string(3, "quality/ci_high")
    return string(1, f"{describe(_MEAN).label}, with its 95% interval") + nested(3, nested(1, series))
