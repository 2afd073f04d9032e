"""`aurl doctor`: is this machine fit for training, what is missing, and what to do about it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from aurl import __version__
from aurl.cli.checkup import PROBLEM, CheckupLine, examine
from aurl.errors import CRASH, DONE

_COLOURS = {"ok": "green", "warn": "yellow", "problem": "red"}


def run(args: list[str]) -> int:
    """Print the report, or with `--json` one document; 1 where there is a problem, else 0."""
    options = _parser().parse_args(args)
    findings = examine(options.outputs)
    problems = sum(finding.status == PROBLEM for finding in findings)
    if options.json:
        report = {"aurl": __version__, "ok": problems == 0, "findings": [asdict(finding) for finding in findings]}
        print(json.dumps(report))
    else:
        _show(findings, problems)
    return CRASH if problems else DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("aurl doctor", description="Report on this machine and its packages.")
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), help="where runs will lie; outputs by default")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of lines")
    return parser


def _show(findings: Sequence[CheckupLine], problems: int) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, emoji=False)
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        line = Text.assemble(
            (f"{finding.status:<8}", _COLOURS[finding.status]), f"{finding.name:<{width}}  {finding.detail}"
        )
        console.print(line, soft_wrap=True)
        if finding.advice:
            console.print(Text(f"{'':8}{'':{width}}  -> {finding.advice}"), soft_wrap=True)
    console.print(f"aurl {__version__}: {_verdict(findings, problems)}", soft_wrap=True)


def _verdict(findings: Sequence[CheckupLine], problems: int) -> str:
    warnings = sum(finding.status == "warn" for finding in findings)
    if problems:
        return f"{problems} problem{'s' if problems > 1 else ''} to solve before training"
    return f"fit for training{f', {warnings} to know about' if warnings else ''}"
