"""Which parameters are updated together: by what they are, and by patterns of their names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from aurl.errors import ConfigError, did_you_mean
from aurl.models.base import MusicModel

LR_SCALE, LABEL = "lr_scale", "label"
"""Keys of a parameter group beside torch's own: its rate as a multiple of the phase's, and its name in scalars."""

_EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)


class Weight(NamedTuple):
    """A parameter of a phase.

    Attributes:
        name: its first name in the model.
        parameter: itself.
        embedding: whether it is the table of an embedding, also where it is the output layer too.
    """

    name: str
    parameter: nn.Parameter
    embedding: bool


def weights_of(model: MusicModel, phase: str) -> list[Weight]:
    """The trainable parameters of a phase, each once, with what they are."""
    wanted = {id(parameter) for parameter in model.phase_parameters(phase) if parameter.requires_grad}
    tables = {id(module.weight) for module in model.modules() if isinstance(module, _EMBEDDINGS)}
    return [
        Weight(name, parameter, id(parameter) in tables)
        for name, parameter in model.named_parameters()
        if id(parameter) in wanted
    ]


class Rules:
    """What differs between parameters: `optim.groups`, and where weight decay applies.

    Args:
        groups: options by pattern, `{"encoder|table": {"lr_scale": 0.1, "weight_decay": 0.0}}`. A pattern is a regular
            expression that is searched for in the parameter's name; the first one that is found counts. Options are
            `lr_scale` (times the rate of the phase, >= 0) and whatever the optimiser takes.
        decay_embeddings: whether weight decay applies to embeddings too. To vectors (biases, gains of norms) it never
            does, where no pattern says so.

    Raises:
        ConfigError: a pattern cannot be read, or an lr_scale is out of range.
    """

    def __init__(self, groups: Mapping[str, Mapping[str, Any]] | None, decay_embeddings: bool) -> None:
        self._options = {pattern: dict(options) for pattern, options in (groups or {}).items()}
        self._patterns = {pattern: compiled("optim.groups", pattern) for pattern in self._options}
        self._decay_embeddings = decay_embeddings
        for pattern, options in self._options.items():
            scale = options.get(LR_SCALE, 1.0)
            if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 <= scale < float("inf"):
                raise ConfigError(f"optim.groups.{pattern}.lr_scale={scale}: allowed is a number, 0 or more")

    def check(self, model: MusicModel) -> None:
        """Whether each pattern is found in a name.

        Raises:
            ConfigError: one is in none; names some of the parameters.
        """
        names = [name for name, _ in model.named_parameters()]
        for pattern, read in self._patterns.items():
            if not any(map(read.search, names)):
                some = ", ".join(names[:: max(1, len(names) // 6)])
                raise ConfigError(
                    f"optim.groups.{pattern}: is in the name of no parameter of this model; some are {some}."
                    f"{did_you_mean(pattern, names)}"
                )

    def split(self, weights: Sequence[Weight], weight_decay: float) -> list[dict[str, Any]]:
        """The parameter groups that torch takes, each with the options that its members share."""
        found: dict[tuple[str, bool], list[nn.Parameter]] = {}
        for weight in weights:
            decays = weight.parameter.ndim >= 2 and (self._decay_embeddings or not weight.embedding)
            found.setdefault((self._pattern_of(weight.name), decays), []).append(weight.parameter)
        return [
            {"params": params, "weight_decay": weight_decay if decays else 0.0, **self._given(pattern)}
            for (pattern, decays), params in sorted(found.items(), key=lambda entry: (entry[0][0], not entry[0][1]))
        ]

    def _pattern_of(self, name: str) -> str:
        return next((pattern for pattern, read in self._patterns.items() if read.search(name)), "")

    def _given(self, pattern: str) -> dict[str, Any]:
        options = self._options.get(pattern, {})
        return {**options, LABEL: re.sub(r"[^\w.-]+", "_", pattern).strip("_.-")} if LR_SCALE in options else options


def check_options(optimizers: Sequence[torch.optim.Optimizer]) -> None:
    """Whether every option of every group is one that its optimiser reads.

    Raises:
        ConfigError: one is not; names those that are.
    """
    for optimizer in optimizers:
        known = {*optimizer.defaults, "params", "param_names", LR_SCALE, LABEL}
        for group in optimizer.param_groups:
            for name in group.keys() - known:
                allowed = ", ".join(sorted({*optimizer.defaults, LR_SCALE} - {"lr"}))
                raise ConfigError(f"optim.groups: {type(optimizer).__name__} takes no '{name}'; allowed are {allowed}")


def rates(optimizers: Sequence[torch.optim.Optimizer], base: float) -> Iterator[tuple[str, float]]:
    """The rates of groups that have one of their own, by label; `base` is the phase's."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            if LABEL in group:
                yield group[LABEL], base * group[LR_SCALE]


def compiled(key: str, pattern: str) -> re.Pattern[str]:
    """The pattern that stands at a key of the config.

    Raises:
        ConfigError: it is no regular expression; names the key.
    """
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"{key}: '{pattern}' is no regular expression ({error})") from error
