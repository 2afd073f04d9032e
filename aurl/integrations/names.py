"""What trainers call things, in aurl's words: the detectors and the comparison know those."""

from __future__ import annotations

from aurl.anomaly.statistics.roles import is_held_out

_OWN = {
    "loss": "loss/total",
    "train_loss": "loss/total",
    "train/loss": "loss/total",
    "grad_norm": "grad/norm",
    "learning_rate": "lr",
}

_GROUPS = {"eval": "val", "val": "val", "valid": "val", "validation": "val", "test": "test"}

__all__ = ["evaluated", "held_out", "is_held_out", "own"]


def own(name: str) -> str:
    """`loss` to `loss/total`, `learning_rate` to `lr`; other names stay as they are."""
    return _OWN.get(name, name)


def held_out(name: str, prefix: str = "val", group: str = "val") -> str:
    """`val_loss` to `val/loss/total`, `val_f1` to `val/f1`; a name without the prefix gets the group's.

    Args:
        prefix: what the trainer puts before the names of an evaluation.
        group: what aurl puts before them.
    """
    rest = name.removeprefix(prefix).lstrip("_/") if name.startswith((f"{prefix}_", f"{prefix}/")) else name
    return f"{group}/loss/total" if rest == "loss" else f"{group}/{rest}"


def evaluated(name: str) -> str:
    """`held_out` for a name with any of the usual prefixes; `dev_bleu` and other names stay as they are."""
    prefix = next((prefix for prefix in _GROUPS if name.startswith((f"{prefix}_", f"{prefix}/"))), None)
    return name if prefix is None else held_out(name, prefix, _GROUPS[prefix])
