"""`aurl wandb sweep [overrides]`: a sweep file for Weights & Biases."""

from __future__ import annotations

import sys
from pathlib import Path

from aurl.errors import DONE, ConfigError

HELP = """usage: aurl wandb sweep [overrides] [-o FILE] [--method grid|random|bayes] [--config-dir DIR]

Writes what `wandb sweep FILE` takes, for the sweep that `aurl train -m` would run with these overrides.

  aurl wandb sweep search=lr -o sweep.yaml
  aurl wandb sweep "optim.lr=tag(log, interval(1e-4, 1e-2))" seed=1,2,3 --method bayes -o sweep.yaml
  wandb sweep sweep.yaml"""
METHODS = ("grid", "random", "bayes")


def run(args: list[str]) -> int:
    """Write the file, or print it.

    Raises:
        AurlError: the overrides cannot be used.
    """
    if not args or {"-h", "--help"} & set(args):
        print(HELP)
        return DONE
    action, *rest = args
    if action != "sweep":
        raise ConfigError(f"aurl wandb {action}: no such action; `aurl wandb sweep` makes a sweep file")
    rest, target = _option(rest, "-o", "--output")
    rest, method = _option(rest, "--method")
    if method is not None and method not in METHODS:
        raise ConfigError(f"--method={method}: allowed are {', '.join(METHODS)}")
    text = _text([argument for argument in rest if argument not in ("-m", "--multirun")], method)
    if target is None:
        sys.stdout.write(text)
        return DONE
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{target}: cannot be written ({error.strerror}); give another file") from error
    return DONE


def _text(argv: list[str], method: str | None) -> str:
    import yaml

    from aurl.config.flags import source_of, split_argv
    from aurl.config.resolvers import register
    from aurl.config.wandb_sweep import wandb_sweep

    register()
    flags, overrides = split_argv(argv)
    document = wandb_sweep(overrides, source_of(flags), method)
    return yaml.safe_dump(document, sort_keys=False, width=120)


def _option(args: list[str], *names: str) -> tuple[list[str], str | None]:
    """The arguments without this option, and its value."""
    rest: list[str] = []
    value: str | None = None
    words = iter(args)
    for word in words:
        name, sign, given = word.partition("=")
        if name not in names:
            rest.append(word)
        elif (value := given if sign else next(words, None)) is None:
            raise ConfigError(f"{name}: needs a value")
    return rest, value
