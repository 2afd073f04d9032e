"""`aurl dashboard DIR`: look at runs in the browser while they train."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from aurl.errors import DONE, ConfigError


def run(args: list[str]) -> int:
    """Serve until interrupted; prints the address to open.

    Raises:
        ConfigError: the address cannot be listened on, or DIR is a file.
    """
    options = _parser().parse_args(args)
    if options.directory.exists() and not options.directory.is_dir():
        raise ConfigError(f"{options.directory}: is a file; give the folder that holds runs, such as outputs")
    if options.snapshot is not None or options.output is not None:
        return _snapshot(options)
    from aurl.dashboard.guard import is_loopback
    from aurl.dashboard.serving import serve
    from aurl.machine.env import default_cache

    def tell(address: str) -> None:
        if options.json:
            print(json.dumps({"url": address, "directory": str(options.directory)}), flush=True)
            return
        if not options.directory.is_dir():
            print(f"{options.directory} is not there yet; its runs will appear when it is", flush=True)
        print(f"The dashboard of {options.directory} is at\n\n    {address}\n\nCtrl+C ends it.", flush=True)
        if not is_loopback(options.host):
            print(_open_to_network(options.host), file=sys.stderr, flush=True)

    serve(
        options.directory,
        host=options.host,
        port=options.port,
        with_token=not options.no_token,
        writing=not options.read_only,
        cache=default_cache(),
        tell=tell,
    )
    return DONE


def _snapshot(options: argparse.Namespace) -> int:
    """Write one page into a file instead of serving it."""
    from aurl.dashboard.snapshot import write_snapshot
    from aurl.machine.env import default_cache

    if options.output is None:
        raise ConfigError(f"--snapshot {options.snapshot}: say where to, -o FILE.html or -o FILE.png")
    page = options.snapshot or "runs"
    write_snapshot(
        options.directory, page, options.output, theme=options.theme, width=options.width, cache=default_cache()
    )
    print(json.dumps({"file": str(options.output), "page": page}) if options.json else f"{options.output}: {page}")
    return DONE


def _open_to_network(host: str) -> str:
    return (
        f"Warning: --host {host} makes the dashboard reachable for the network, over plain HTTP: whoever sees the "
        "traffic sees the token. Safer: leave --host out and come through ssh -L 8420:127.0.0.1:8420 THIS_MACHINE."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "aurl dashboard",
        description="Look at runs in the browser, while they train and after. Only your own words about runs are kept.",
    )
    parser.add_argument(
        "directory", nargs="?", type=Path, default=Path("outputs"), help="the folder of runs; outputs by default"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 127.0.0.1 by default")
    parser.add_argument("--port", type=_port, help="8420 or the next free one by default; 0 takes any")
    parser.add_argument(
        "--no-token",
        action="store_true",
        help="ask for no token; on this machine's own address alone, and only to read",
    )
    parser.add_argument("--read-only", action="store_true", help="no names, notes, tags or trash from the page")
    parser.add_argument("--json", action="store_true", help="print the address, or the file, as one JSON object")
    still = parser.add_argument_group("snapshots", "write one page into a file instead of serving")
    still.add_argument("--snapshot", metavar="PAGE", help="runs, compare, alerts, or a run: latest, latest:music, ...")
    still.add_argument("-o", "--output", type=Path, metavar="FILE", help="ends in .html or .png")
    still.add_argument("--theme", choices=("light", "dark"), default="light", help="light by default")
    still.add_argument("--width", type=_pixels, default=1280, metavar="PIXELS", help="of the page; 1280 by default")
    return parser


def _pixels(text: str) -> int:
    if not text.isdecimal() or not 320 <= int(text) <= 4000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a width from 320 to 4000 pixels")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, 0 to 65535")
    return int(text)
