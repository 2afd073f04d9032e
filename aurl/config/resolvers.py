"""The two interpolations of `conf/hydra/aurl.yaml` that name run directories."""

from __future__ import annotations

import re

from omegaconf import OmegaConf

from aurl.machine.secrets import mask_override
from aurl.runs.stamp import stamp

LONGEST_LABEL = 120


def register() -> None:
    """Make `${stamp:}` and `${job_label:...}` known to OmegaConf; as often as one likes."""
    OmegaConf.register_new_resolver("stamp", stamp, use_cache=True, replace=True)
    OmegaConf.register_new_resolver("job_label", job_label, replace=True)


def job_label(overrides: str) -> str:
    """What a sweep's job varies, fit for the name of a directory; secrets masked."""
    masked = ",".join(mask_override(part) for part in overrides.split(","))
    return re.sub(r"[^\w=.,+-]+", "_", masked)[:LONGEST_LABEL].rstrip("._,") or "job"
