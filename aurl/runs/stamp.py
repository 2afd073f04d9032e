"""Names of run directories that no two runs share."""

from __future__ import annotations

import hashlib
import os
import secrets
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from aurl.errors import RunError


def stamp() -> str:
    """`<YYYY-MM-DD_HH-MM-SS>_<4 hex>`, local time.

    The ranks of one torchrun job get the same one, from the start of the agent that is their parent; two runs
    started in the same second differ in the four hexadecimal digits.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return _agent_stamp(os.getppid())
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{secrets.token_hex(2)}"


def fresh_folder(parent: Path) -> Path:
    """Make a folder named by a stamp that nobody else has.

    Raises:
        RunError: the parent cannot be written.
    """
    name = stamp()
    try:
        parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                (parent / name).mkdir()
            except FileExistsError:  # the same second and digits, or another rank of the same job
                name = f"{stamp()}_{secrets.token_hex(2)}"
            else:
                return parent / name
    except OSError as error:
        raise RunError(f"{parent}: cannot be written ({error.strerror}); choose another folder") from error


@lru_cache(maxsize=1)
def _agent_stamp(agent: int) -> str:
    import psutil

    started = psutil.Process(agent).create_time()
    key = f"{os.environ['TORCHELASTIC_RUN_ID']} {os.environ.get('MASTER_PORT')} {agent} {started}"
    return f"{datetime.fromtimestamp(started):%Y-%m-%d_%H-%M-%S}_{hashlib.sha256(key.encode()).hexdigest()[:4]}"
