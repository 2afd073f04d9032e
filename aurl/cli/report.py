"""`aurl report RUN...`: the HTML summary of a run, also of a failed or killed one."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from aurl.errors import DONE, ConfigError
from aurl.runs.listing import resolve_run


def run(args: list[str]) -> int:
    """Write `report.html` and `report.md` of each run.

    Raises:
        AurlError: no such run, or the file cannot be written.
    """
    parser = argparse.ArgumentParser(
        "aurl report", description="Write a run's report: one HTML file that needs no network, and a Markdown summary."
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a run directory, a run id, or latest")
    parser.add_argument("-o", "--output", type=Path, help="the HTML file; report.html in the run by default")
    parser.add_argument("--root", type=Path, default=Path("outputs"), help="where run ids are looked up")
    parser.add_argument("--json", action="store_true", help="one JSON array of the files on stdout, nothing else")
    options = parser.parse_args(args)
    from aurl.report.writing import write_report

    if options.output is not None and len(options.runs) > 1:
        raise ConfigError(
            f"-o {options.output}: is one file for {len(options.runs)} runs; give one run, or leave -o out"
        )
    folders = [resolve_run(spec, options.root) for spec in options.runs]
    try:
        written = [write_report(folder, options.output) for folder in folders]
    except OSError as error:
        place = error.filename or options.output
        raise ConfigError(
            f"{place}: cannot be written ({error.strerror}); free space, or give another file with -o"
        ) from error
    if options.json:
        print(
            json.dumps(
                [{"run": str(folder), "report": str(path)} for folder, path in zip(folders, written, strict=True)]
            )
        )
    else:
        for path in written:
            print(path)
    return DONE
