"""What a picture is. A new one is one class in one file and one yaml in `conf/pictures/`."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aurl.data.module import MusicData
from aurl.errors import ConfigError
from aurl.record import Json
from aurl.train.engine import Engine


@dataclass(frozen=True, slots=True)
class PictureFiles:
    """A picture as files.

    Attributes:
        files: their contents by suffix, the one that readers go by first; a `.png` after it shows the same.
        fields: what the record says of it beside the paths.
    """

    files: Mapping[str, bytes]
    fields: Mapping[str, Json] = field(default_factory=dict)


class Picture(ABC):
    """Something made of the model and its data between two steps.

    Args:
        every: evaluations between two, counted from the start of the run; null for only one, at the end. One is always
            made at the end.

    Raises:
        ConfigError: `every` is below 1.
    """

    name = ""
    """Type of the artifact, and how messages and config keys call it."""

    def __init__(self, every: int | None = None) -> None:
        if every is not None and every < 1:
            raise ConfigError(
                f"pictures.{self.name}.every={every}: needs at least 1, or null for the end of training alone"
            )
        self.every = every

    def wanted(self, number: int, last: bool) -> bool:
        """Whether to draw at this evaluation (from 1; 0 is the start of the run); `last`: no step follows."""
        return number > 0 and (last or (self.every is not None and number % self.every == 0))

    def before_step(self, engine: Engine) -> None:  # noqa: B027  most pictures need nothing of it
        """Called before the last step ahead of an evaluation at which this is wanted."""

    @abstractmethod
    def draw(self, engine: Engine, data: MusicData) -> PictureFiles:
        """Make it; weights, buffers and random generators are as before when this returns or raises.

        Raises:
            AurlError: this model or these data cannot be drawn so.
        """


def npz(**arrays: Any) -> bytes:
    """Arrays as a compressed .npz file, to be read without pickle."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
