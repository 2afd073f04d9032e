"""Everything that a config names, built once on trial before the run begins, to find values that are out of range."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from aurl.config.build import build
from aurl.config.experiment import Experiment
from aurl.errors import AurlError
from aurl.machine.signatures import items_of, signature_of

_GROUPS = ("logging", "notify", "pictures", "parts")  # each of their nodes is tried, so that all faults are found
_CHANGES_MORE_THAN_VALUES = ("requires_grad_", "resize_", "squeeze_", "unsqueeze_", "transpose_", "t_", "detach_")
_BUILT = ("trainer", "sample", "quality", "checkpoint", "optim", "textlog")


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
    signature = signature_of(Experiment)
    assert signature is not None
    expected = signature.annotations
    for key in _BUILT:
        yield lambda key=key: build(config[key], expected[key], key)  # type: ignore[misc]
    yield lambda: build(config["anomaly"], expected["anomaly"], "anomaly").watch()
    yield lambda: _model(config, expected)
    for group in _GROUPS:
        for name, node in (config.get(group) or {}).items():
            place, kind = f"{group}.{name}", items_of(expected[group])
            if node is not None:
                yield lambda node=node, place=place, kind=kind: build(node, kind, place)  # type: ignore[misc]


class _Unfilled(TorchFunctionMode):
    """Leaves tensors as they are where they would be filled: without memory the values are lost, the time is not.

    (Torch fills tensors of the device `meta` by Python code that loads its compiler first: a second of CPU.)
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, given = getattr(func, "__name__", ""), [*args, *(kwargs or {}).values()]
        fills = getattr(func, "__module__", "") == "torch.nn.init" or (name.endswith("_") and not name.endswith("__"))
        if fills and given and isinstance(given[0], torch.Tensor) and name not in _CHANGES_MORE_THAN_VALUES:
            return given[0]
        func = torch.empty if func in (torch.rand, torch.randn) else func
        return func(*args, **(kwargs or {}))


def _model(config: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Data without its pieces, and the model without memory for its weights."""
    data = build(config["data"], expected["data"], "data")
    given = {name: getattr(data.tokenizer, name) for name in ("vocab_size", "pad", "bos", "eos")}
    with torch.device("meta"), _Unfilled():
        build(config["model"], expected["model"], "model", seq_len=data.seq_len, **given)
