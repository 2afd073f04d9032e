"""The two interpolations of `conf/hydra/aurl.yaml` that name run directories."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from datetime import datetime
from functools import lru_cache

from omegaconf import OmegaConf

from aurl.machine.secrets import mask_override

LONGEST_LABEL = 120


def register() -> None:
    """Make `${stamp:}` and `${job_label:...}` known to OmegaConf; as often as one likes."""
    OmegaConf.register_new_resolver("stamp", stamp, use_cache=True, replace=True)
    OmegaConf.register_new_resolver("job_label", job_label, replace=True)


def stamp() -> str:
    """`<YYYY-MM-DD_HH-MM-SS>_<4 hex>`, local time.

    The ranks of one torchrun job get the same one, from the start of the agent that is their parent; two runs
    started in the same second differ in the four hexadecimal digits.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return _agent_stamp(os.getppid())
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{secrets.token_hex(2)}"


def job_label(overrides: str) -> str:
    """What a sweep's job varies, fit for the name of a directory; secrets masked."""
    masked = ",".join(mask_override(part) for part in overrides.split(","))
    return re.sub(r"[^\w=.,+-]+", "_", masked)[:LONGEST_LABEL].rstrip("._,") or "job"


@lru_cache(maxsize=1)
def _agent_stamp(agent: int) -> str:
    import psutil

    started = psutil.Process(agent).create_time()
    key = f"{os.environ['TORCHELASTIC_RUN_ID']} {os.environ.get('MASTER_PORT')} {agent} {started}"
    return f"{datetime.fromtimestamp(started):%Y-%m-%d_%H-%M-%S}_{hashlib.sha256(key.encode()).hexdigest()[:4]}"
