"""Small classes for the configs of these tests to name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from aurl.errors import ConfigError, DataError

if TYPE_CHECKING:
    from somewhere_else import Unknown


class Model:
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
        self.arguments = {"vocab_size": vocab_size, "width": width, "dropout": dropout, "positions": positions}


class Sink(ABC):
    @abstractmethod
    def write(self, line: str) -> None: ...


class Console(Sink):
    def __init__(self, colour: bool = True, api_key: str = "") -> None:
        self.colour = colour

    def write(self, line: str) -> None: ...


class Open:
    def __init__(self, **everything: object) -> None:
        self.everything = everything


class Data:
    def __init__(self, source: object, root: Path | None = None, splits: Sequence[float] = ()) -> None:
        self.source, self.root, self.splits = source, root, splits


class Fussy:
    """Fails in the constructor in the way it is told to."""

    def __init__(self, how: str = "value") -> None:
        errors: dict[str, Exception] = {
            "value": ValueError("cannot have that"),
            "data": DataError("no such corpus"),
            "key": KeyError("a bug"),
        }
        raise errors[how]


def trainer(*, epochs: int | None = None, lr: float = 1e-3, precision: Literal["fp32", "bf16"] = "fp32") -> None: ...


def early(*, metrics: Mapping[str, Literal["min", "max"]] | None = None, patience: int | None = None) -> None: ...


def root(*, name: str, seed: int = 1, tags: Sequence[str] = ()) -> None: ...


def sinks(**sinks: object) -> None: ...


NODES: Mapping[str, Any] = {
    "": root,
    "trainer": trainer,
    "trainer.early": "tests.config.parts.early",
    "logging": sinks,
    "detectors": lambda **detectors: None,
}
PROVIDED = {"model": ["vocab_size"]}
