"""What counts as a step, a value and a name: whatever a training loop holds, made plain or refused by name."""

from __future__ import annotations

import math
import numbers
import operator
import sys
from collections.abc import Mapping
from enum import Enum
from typing import Any

from aurl.errors import RecordError

LARGEST_STEP = 2**53  # beyond it JSON readers, JavaScript among them, round
_SHOWN = 60


def whole_step(step: Any) -> int:
    """The step as an int: an integer of any library, a float such as 3.0, or a tensor of one such number.

    Raises:
        RecordError: it is no whole number from 0 to 2^53.
    """
    if type(step) is int and 0 <= step <= LARGEST_STEP:
        return step
    whole = _whole(step)
    if whole is None:
        raise RecordError(f"step={_shown(step)}: a step is a whole number of finished steps, such as 100")
    if not 0 <= whole <= LARGEST_STEP:
        raise RecordError(f"step={_shown(step)}: a step lies between 0 and 2^53")
    return whole


def real_number(name: object, value: Any) -> float:
    """The value as a float: a real number of any library, or an array or tensor that holds exactly one.

    Args:
        name: of the metric, for the error.

    Raises:
        RecordError: it is no real number.
    """
    if type(value) is float:
        return value
    if is_tensor(value):
        check_tensor(name, value)
        return float(value.item())
    inner = _single(value)
    if isinstance(inner, (str, bytes)) or (isinstance(inner, numbers.Complex) and not isinstance(inner, numbers.Real)):
        raise _no_number(name, value)
    try:
        return float(inner)
    except OverflowError:
        return math.inf if inner > 0 else -math.inf
    except Exception as error:
        raise _no_number(name, value) from error


def check_tensor(name: object, value: Any) -> None:
    """Refuse a tensor that holds not exactly one real number; reads no memory of a device.

    Raises:
        RecordError: names the metric and what was given.
    """
    if value.numel() != 1:
        what = f"a tensor of shape {tuple(value.shape)}"
        raise RecordError(f"{name!r}: {what} is not one number; give its mean or one of its elements")
    if value.is_complex() or value.device.type == "meta":
        raise _no_number(name, value)


def plain_name(name: Any) -> str:
    """A metric's name as text: numbers, bytes and members of enumerations become text too.

    Raises:
        RecordError: it is none of these.
    """
    if isinstance(name, Enum) and not isinstance(name, str):
        name = name.value
    if isinstance(name, bytes):
        name = name.decode("utf-8", "replace")
    if not isinstance(name, (str, int, float, numbers.Real)):
        raise RecordError(f"{_shown(name)}: the name of a metric is text, such as 'loss/total'")
    return valid_text(str(name))


def valid_text(value: object) -> str:
    """The text, lone surrogates (half a character, which UTF-8 cannot hold) as question marks."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def named_values(scalars: Mapping[Any, Any]) -> dict[str, Any]:
    """The same values, in their order, under names that are text.

    Raises:
        RecordError: no mapping, a name that cannot be text, or two names that are the same text.
    """
    if not isinstance(scalars, Mapping):
        raise RecordError(f"scalars={_shown(scalars)}: metrics come as a mapping, such as {{'loss/total': 0.5}}")
    named = {plain_name(name): value for name, value in scalars.items()}
    if len(named) != len(scalars):
        raise RecordError(f"{_shown(list(scalars))}: two names are the same text; rename one of them")
    return named


def is_tensor(value: object) -> bool:
    """Whether this is a torch tensor, without importing torch: who has no torch loaded has no tensor."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _whole(step: Any) -> int | None:
    if is_tensor(step):
        if step.numel() != 1 or step.is_complex() or step.device.type == "meta":
            return None
        step = step.item()
    step = _single(step)
    if isinstance(step, (bool, str, bytes)):
        return None
    try:
        return operator.index(step)
    except TypeError:
        pass
    if not isinstance(step, numbers.Number):
        return None
    try:
        whole = int(step)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return None
    return int(whole) if whole == step else None


def _single(value: Any) -> Any:
    """What an array of one element holds; anything else as it is."""
    if getattr(value, "size", None) == 1 and hasattr(value, "item"):
        return value.item()
    return value


def _no_number(name: object, value: Any) -> RecordError:
    return RecordError(f"{name!r}: {type(value).__name__} {_shown(value)} is not a number")


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  an object of somebody else: the error to tell is ours, not that of its repr
        text = object.__repr__(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
