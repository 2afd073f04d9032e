"""`aurl check [overrides]`: is this configuration sound, and are the files it names there?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aurl.cli.streams import tell
from aurl.errors import DONE, AurlError
from aurl.machine.garbage import collector_held

HELP = """usage: aurl check [overrides] [-m] [--json] [--config-dir DIR]

Composes the configuration that `aurl train` would run with these overrides, checks every key and value against the
code that takes it, and looks for the files and folders it names. Nothing is run. With -m every job of the sweep is
checked. Exit code 0 if all is well, 2 if not.

  aurl check model=vae optim.lr=1e-3
  aurl check data=midi_folder data.root=/path/to/midi --json"""


def run(args: list[str]) -> int:
    """Print `ok: N values, M components`, or with `--json` one document; all faults are raised as one error."""
    if {"-h", "--help"} & set(args):
        print(HELP)
        return DONE
    as_json = "--json" in args
    try:
        with collector_held():
            report = _check([argument for argument in args if argument != "--json"])
    except AurlError as error:
        if not as_json:
            raise
        print(json.dumps({"ok": False, "faults": list(getattr(error, "problems", [str(error)]))}))
        return error.exit_code
    print(json.dumps(report) if as_json else _sentence(report))
    return DONE


def _check(argv: list[str]) -> dict[str, Any]:
    from aurl.config.flags import is_multirun, source_of, split_argv
    from aurl.config.overruled import overruled
    from aurl.config.places import missing_places
    from aurl.config.preflight import preflight
    from aurl.config.resolvers import register
    from aurl.config.resume import with_saved
    from aurl.run import trial

    register()
    flags, overrides = split_argv(argv)
    flags, overrides = with_saved(flags, overrides)
    configs = preflight(overrides, is_multirun(flags), source_of(flags), inspect=missing_places, construct=trial.faults)
    if not is_multirun(flags):
        for sentence in overruled(overrides, configs[0], source_of(flags)):
            tell(f"aurl: note: {sentence}")
    values, components = _count(configs[0])
    return {"ok": True, "jobs": len(configs), "values": values, "components": components}


def _sentence(report: Mapping[str, Any]) -> str:
    jobs = f", {report['jobs']} jobs checked" if report["jobs"] > 1 else ""
    return f"ok: {report['values']} values, {report['components']} components{jobs}"


def _count(node: object) -> tuple[int, int]:
    """How many single values and how many nodes with a `_target_` lie in a config."""
    if isinstance(node, Mapping):
        below = [_count(value) for key, value in node.items() if key != "_target_"]
        return sum(values for values, _ in below), sum(count for _, count in below) + ("_target_" in node)
    return 1, 0
