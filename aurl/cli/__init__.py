"""`aurl`: the commands. Each lives in a module of its own, imported only when it is called."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from aurl import __version__
from aurl.cli.streams import discard, escape_what_streams_lack
from aurl.errors import CRASH, DONE, USAGE, AurlError, did_you_mean

COMMANDS = {
    "train": "train a model, or a sweep of them with -m; takes config overrides",
    "check": "validate a configuration and the files it names, without running it",
    "lint": "find what went wrong in a finished log of any trainer",
    "runs": "list the runs of a directory",
    "compare": "which configuration is better, how sure that is, and what it would take to know",
    "dashboard": "look at runs in the browser while they train",
    "watch": "show a run in the terminal while it trains: curves, alerts, remaining time",
    "plot": "draw curves of runs as PDF, PNG or SVG",
    "doctor": "report on this machine and its packages",
    "generate": "write MIDI files from a checkpoint",
    "midi": "what aurl hears in music files: notes, metre, tempo, tracks, what is lost",
    "quality": "score MIDI files against a reference of real music",
    "profile": "fit such a reference on a folder of MIDI files",
    "report": "write a run's HTML summary, also of a failed or killed one",
    "replay": "write a run's TensorBoard, W&B, ... again from its event log",
    "import": "make run directories from the logs of other tools",
    "wandb": "make a sweep file for Weights & Biases from a search",
    "export": "write a run's weights and its scalars as plain files",
}
INTERRUPTED, BROKEN_PIPE = 130, 141  # what shells report for SIGINT and SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 crash, 2 bad usage or input, 3 stopped, 75 preempted."""
    if argv is None:
        atexit.register(gc.freeze)  # the process ends next: a last walk over all of torch frees nothing that matters
    arguments = list(sys.argv[1:] if argv is None else argv)
    escape_what_streams_lack()
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except AurlError as error:
        return _report(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        discard(sys.stdout)
        return BROKEN_PIPE
    return code


def _dispatch(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(usage())
        return DONE if arguments else USAGE
    command, *rest = arguments
    if command in {"-V", "--version"}:
        print(f"aurl {__version__}")
        return DONE
    if command not in COMMANDS:
        suggestion = did_you_mean(command, COMMANDS)
        print(f"aurl: error: {command}: no such command.{suggestion} `aurl --help` lists them.", file=sys.stderr)
        return USAGE
    code: int = import_module(f"aurl.cli.{command}").run(rest)
    return code


def usage() -> str:
    """The text of `aurl --help`."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {summary}" for name, summary in COMMANDS.items()]
    return "\n".join(
        [
            "usage: aurl COMMAND [arguments]",
            "",
            *lines,
            "",
            "`aurl COMMAND --help` says what a command takes. AURL_DEBUG=1 shows the traceback of an error.",
        ]
    )


def _report(error: AurlError) -> int:
    if os.environ.get("AURL_DEBUG", "0") not in {"", "0"}:
        import traceback

        traceback.print_exception(error)
    print(f"aurl: error: {error}", file=sys.stderr)
    return error.exit_code or CRASH
