"""What the benchmarks share: a process of its own for each measurement, medians, plain tables."""

from __future__ import annotations

import os
import pickle
import platform
import resource
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import TypeVar

Result = TypeVar("Result")


def in_child(work: Callable[[], Result], output: Path) -> Result:
    """What `work` returns in a forked copy of this process, which has paid for the imports already.

    Call it while this process has no threads. What the child prints goes to the file `output`.

    Raises:
        RuntimeError: the child failed; the message ends with its output.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run_child(work, writing, output)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if status or not answer:
        raise RuntimeError(
            f"the child ended with status {status}: {output.read_text(encoding='utf-8', errors='replace')[-2000:]}"
        )
    result: Result = pickle.loads(answer)
    return result


def silence(output: Path) -> None:
    """Send what this process prints to a file from now on."""
    fd = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(fd, 1)
    os.dup2(fd, 2)


def cpu_seconds() -> float:
    """CPU time of all threads of this process and of its finished child processes."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(values: Sequence[float], form: str) -> str:
    """The median, and the range where there is more than one value: `0.99 (0.97-1.01)`."""
    middle = format(median(values), form)
    return f"{middle} ({min(values):{form}}-{max(values):{form}})" if len(values) > 1 else middle


def machine() -> str:
    """This machine and how busy it is, in one line."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{platform.machine()}, {os.cpu_count()} cores, load {load}, Python {platform.python_version()}"


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table under its title, its columns aligned."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines.insert(1, ["-" * width for width in widths])
    text = ("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)
    return "\n".join([title, "", *text])


def _run_child(work: Callable[[], object], writing: int, output: Path) -> None:
    """Do the work and end this process, whatever happens: it must not return into the code it was forked from."""
    code = 1
    try:
        silence(output)
        answer = pickle.dumps(work())
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(answer)
        code = 0
    except BaseException:  # noqa: BLE001  the parent reads it in the output
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
