"""Opens and finishes one run of the package wandb, with everything off that it would do by itself."""

from __future__ import annotations

import netrc
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from aurl.errors import DataError
from aurl.formats.wandb_file import last_history
from aurl.sinks.identity import Identity

if TYPE_CHECKING:
    import wandb

Mode = Literal["auto", "online", "offline"]
_LOG_FLUSH_SECONDS = 1.0  # of the file on disk; 15 by default, which a kill of wandb-core would lose


def chosen_mode(mode: Mode) -> str:
    """`online` or `offline`: as asked for, else as WANDB_MODE says, else online where a key is configured."""
    wanted = mode if mode != "auto" else os.environ.get("WANDB_MODE", "auto")
    if wanted == "auto":
        return "online" if _has_key() else "offline"
    return "online" if wanted in ("online", "run", "shared") else "offline"


def begin(mode: str, known: Identity, folder: Path, timeout: float, **arguments: Any) -> wandb.Run:
    """A run of the package wandb, whose files go to `folder / "wandb"`.

    Args:
        mode: online or offline.
        timeout: seconds that the server has to answer, when online.
        arguments: of `wandb.init`: project, entity, group, tags, ...; None leaves one out.

    Raises:
        wandb.Error: the server does not answer, or refuses; nothing stays behind on disk.
    """
    import wandb

    settings = wandb.Settings(
        mode="online" if mode == "online" else "offline",
        init_timeout=timeout,
        console="off",
        disable_git=True,
        disable_code=True,
        save_code=False,
        git_commit=known.commit,
        symlink=False,
        quiet=True,
        silent=True,
        x_disable_meta=True,  # names the user, the home folder and the command line with its secrets
        x_disable_stats=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
        x_transaction_log_flush_interval=_LOG_FLUSH_SECONDS,
        x_graphql_timeout_seconds=timeout / 3,  # the sink waits for answers about tables and artifacts
        x_graphql_retry_max=1,
    )
    given = {key: value for key, value in arguments.items() if value is not None}
    before = set(_folders(folder))
    try:
        return wandb.init(dir=str(folder), settings=settings, resume="allow", **given)
    except BaseException:
        for made in set(_folders(folder)) - before:  # it holds nothing, and `wandb sync` would stumble over it
            shutil.rmtree(made, ignore_errors=True)
        wandb.teardown(exit_code=1)
        raise


def finish(run: wandb.Run, exit_code: int, timeout: float) -> bool:
    """End the run; False when the server took longer than so many seconds. What it lacks is on disk then."""
    import wandb
    from wandb.sdk.mailbox.mailbox_handle import HandleAbandonedError

    done = False

    def work() -> None:
        nonlocal done
        with suppress(wandb.Error, HandleAbandonedError):  # its service has crashed
            run.finish(exit_code=exit_code)
            wandb.teardown()
            done = True

    thread = threading.Thread(target=work, name="aurl-wandb-finish", daemon=True)
    thread.start()
    thread.join(timeout)
    return done


def reached(folder: Path) -> tuple[float | None, int]:
    """The time of the newest history row of earlier sessions of a run, None where there is none; and the next row."""
    time, rows = None, 0
    for path in folder.glob("wandb/*run-*/run-*.wandb"):
        with suppress(DataError):  # not one of W&B's: it tells nothing
            for row in last_history(path, _pass_over):
                time = max(time or 0.0, float(row.get("_timestamp") or 0.0))
                rows = max(rows, int(row.get("_step", -1)) + 1)
    return time, rows


@contextmanager
def own_folders(folder: Path) -> Iterator[None]:
    """Let wandb keep beside the run what it would keep in the home folder: a later `wandb sync` needs it."""
    places = {"WANDB_DATA_DIR": folder / "wandb" / "data", "WANDB_CACHE_DIR": folder / "wandb" / "cache"}
    changes = {name: str(place) for name, place in places.items()} | {"WANDB_ERROR_REPORTING": "false"}
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        shutil.rmtree(places["WANDB_CACHE_DIR"], ignore_errors=True)


def _pass_over(at: int, why: str) -> None:
    """What is damaged or torn tells nothing of how far W&B has come; older rows, or none, are what is known then."""


def _folders(folder: Path) -> list[Path]:
    return list((folder / "wandb").glob("*run-*"))


def _has_key() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    path = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    try:
        return netrc.netrc(path).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
