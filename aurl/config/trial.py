"""Everything that a config names, built once on trial before the run begins, to find values that are out of range."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from aurl.anomaly.base import POLICIES
from aurl.anomaly.chosen import build_watch
from aurl.config import nodes
from aurl.config.build import build
from aurl.errors import AurlError, ConfigError
from aurl.quality.reference.selection import MetricSelection
from aurl.train.recovery import Recovery


def faults(config: Mapping[str, Any]) -> list[str]:
    """The messages of all parts that refuse their values; nothing is read, opened or written.

    Args:
        config: plain and resolved, its keys known to fit the signatures.
    """
    found = []
    for attempt in _attempts(config):
        try:
            attempt()
        except AurlError as error:
            found.append(str(error))
    return found


def _attempts(config: Mapping[str, Any]) -> Iterator[Callable[[], object]]:
    trainer = {key: value for key, value in config["trainer"].items() if key != "early_stopping"}
    yield lambda: nodes.trainer(**trainer)
    yield lambda: nodes.early_stopping(**(config["trainer"]["early_stopping"] or {}))
    yield lambda: nodes.sample(**config["sample"])
    yield lambda: _policy(config["anomaly"]["policy"])
    yield lambda: build_watch(config["anomaly"])
    yield lambda: Recovery(**config["anomaly"]["recovery"])
    yield lambda: MetricSelection.build(config["quality"]["metrics"] or {})
    yield lambda: _model(config)
    for key in ("checkpoint", "optim", "textlog"):
        yield lambda key=key: build(config[key], key)  # type: ignore[misc]
    for group in ("logging", "notify", "pictures"):
        for name, node in (config.get(group) or {}).items():
            if node is not None:
                yield lambda place=f"{group}.{name}", node=node: build(node, place)  # type: ignore[misc]


def _policy(policy: str) -> None:
    if policy not in POLICIES:
        raise ConfigError(f"anomaly.policy={policy}: allowed are {', '.join(POLICIES)}")


def _model(config: Mapping[str, Any]) -> None:
    """Data without its pieces, and the model without memory for its weights."""
    data = build(config["data"], "data")
    tokenizer = data.tokenizer
    special = {name: getattr(tokenizer, name) for name in ("vocab_size", "pad", "bos", "eos")}
    with torch.device("meta"):
        build(config["model"], "model", seq_len=data.seq_len, **special)
