"""The checks that the constructors of the models share; each message names the config key at fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from aurl import errors
from aurl.errors import ConfigError


def at_least(low: float, **values: float) -> None:
    """Raise ConfigError for the first value under `low`."""
    errors.at_least("model", low, **values)


def share(**values: float) -> None:
    """Raise ConfigError for the first value outside [0, 1)."""
    for key, value in values.items():
        if not 0 <= value < 1:
            raise ConfigError(f"model.{key}={value}: needs 0 or more and less than 1")


def positive(**values: float) -> None:
    """Raise ConfigError for the first value that is not above 0."""
    for key, value in values.items():
        if not value > 0:
            raise ConfigError(f"model.{key}={value}: needs more than 0")


def one_of(allowed: tuple[str, ...], **values: str) -> None:
    """Raise ConfigError for the first value that is not among the allowed names."""
    for key, value in values.items():
        if value not in allowed:
            raise ConfigError(f"model.{key}={value}: allowed is {' or '.join(allowed)}")


def heads(d_model: int, n_heads: int, positions: str) -> None:
    """Raise ConfigError where the width does not split into heads, or the heads into the pairs that rotary turns."""
    at_least(1, d_model=d_model, n_heads=n_heads)
    unit = n_heads * (2 if positions == "rotary" else 1)
    if d_model % unit:
        low, high = d_model // unit * unit, -(-d_model // unit) * unit
        nearest = f"{low} or {high}" if low else str(high)
        pairs = " of even width, as positions=rotary asks" if positions == "rotary" else ""
        raise ConfigError(f"model.d_model={d_model}: does not split into n_heads={n_heads} heads{pairs}; try {nearest}")


def vocabulary(vocab_size: int, seq_len: int, special: Mapping[str, int]) -> None:
    """Raise ConfigError where the data's vocabulary or length cannot be modelled."""
    at_least(len(special) + 1, vocab_size=vocab_size)
    at_least(2, seq_len=seq_len)
    for key, token in special.items():
        if not 0 <= token < vocab_size:
            raise ConfigError(f"model.{key}={token}: needs a token of 0 to {vocab_size - 1} (vocab_size={vocab_size})")
    if len(set(special.values())) < len(special):
        listed = ", ".join(f"{key}={token}" for key, token in special.items())
        raise ConfigError(f"model.{listed}: needs different tokens")


def batch(tokens_BT: Tensor, seq_len: int, phase: str, phases: Sequence[str]) -> None:
    """Raise ValueError where a model cannot take a batch of this length, or has no such phase."""
    if phase not in phases:
        raise ValueError(f"phase '{phase}': this model has {', '.join(phases)}")
    length = tokens_BT.shape[1]
    if not 2 <= length <= seq_len:
        raise ValueError(f"sequences of {length} tokens: this model was built for 2 to seq_len={seq_len}")
