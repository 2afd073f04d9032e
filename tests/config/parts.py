"""Small classes for the configs of these tests to name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from aurl.errors import ConfigError, DataError
from aurl.models.base import Losses, MusicModel

if TYPE_CHECKING:
    from somewhere_else import Unknown


class Model(MusicModel):
    given = ("vocab_size",)

    def __init__(
        self,
        vocab_size: int,
        *,
        width: int,
        dropout: float = 0.1,
        positions: Literal["rotary", "learned"] = "rotary",
        bias: bool = True,
        note: str | None = None,
        unknown: Unknown | None = None,
    ) -> None:
        if width < 1:
            raise ConfigError(f"model.width={width}: needs at least 1")
        super().__init__()
        self.arguments = {"vocab_size": vocab_size, "width": width, "dropout": dropout, "positions": positions}

    def forward(self, tokens_BT: Tensor, phase: str = "generator", step: int = 0) -> Losses:
        raise AssertionError

    def generate(self, seeds: Sequence[int], **settings: Any) -> Tensor:
        raise AssertionError


class Sink(ABC):
    @abstractmethod
    def write(self, line: str) -> None: ...


class Console(Sink):
    def __init__(self, colour: bool = True, api_key: str = "") -> None:
        self.colour = colour

    def write(self, line: str) -> None: ...


class Open:
    """Takes anything, and objects of its own kind by any name."""

    def __init__(self, **everything: Open | Console | Data | Fussy | Sequence[Open | Console | Fussy] | None) -> None:
        self.everything: dict[str, Any] = everything


class Data:
    def __init__(
        self,
        source: Open | str | None,
        root: Path | None = None,
        splits: Sequence[float] = (),
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.source, self.root, self.splits, self.extra = source, root, splits, extra


class Fussy:
    """Fails in the constructor in the way it is told to."""

    def __init__(self, how: str = "value") -> None:
        errors: dict[str, Exception] = {
            "value": ValueError("cannot have that"),
            "data": DataError("no such corpus"),
            "key": KeyError("a bug"),
        }
        raise errors[how]


class Early:
    def __init__(
        self, *, metrics: Mapping[str, Literal["min", "max"]] | None = None, patience: int | None = None
    ) -> None: ...


class Trainer:
    def __init__(
        self,
        *,
        epochs: int | None = None,
        lr: float = 1e-3,
        precision: Literal["fp32", "bf16"] = "fp32",
        early: Early | None = None,
    ) -> None: ...


class Root:
    """The top level of the configs of these tests."""

    def __init__(
        self,
        *,
        name: str,
        seed: int = 1,
        tags: Sequence[str] = (),
        model: Model | None = None,
        data: Data | Open | None = None,
        trainer: Trainer | None = None,
        logging: Mapping[str, Sink | None] | None = None,
        detectors: Mapping[str, Open | None] | None = None,
        optim: Callable[..., torch.optim.Optimizer] | None = None,
    ) -> None: ...


KINDS: Mapping[str, Any] = {"root": Root}
