"""What watches a run, and what its alerts may do: the node `anomaly` of a config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aurl.anomaly.base import POLICIES, Detector
from aurl.anomaly.recovery import Recovery
from aurl.anomaly.watch import Watch
from aurl.errors import ConfigError

_LAST_CODE = 255
Policy = Literal["observe", "warn", "recover", "stop"]


class Detection:
    """The detectors of a run, and the policy that says what follows from their alerts.

    Args:
        detectors: by name; null leaves one out.
        policy: what alerts may do.
        zscore, iqr, window, warmup, confirm: what the detectors share; in a config they refer to these keys.
        cooldown, max_alerts, roles: see `aurl.anomaly.watch.Watch`.
        exit_code: of a run that finished while a critical alert was open, 0 to 255; 3 for scripts that must notice.
        recovery: what `policy=recover` may do; null for its defaults.

    Raises:
        ConfigError: an unknown policy, or no exit code.
    """

    def __init__(
        self,
        *,
        detectors: Mapping[str, Detector | None] | None = None,
        policy: Policy = "warn",
        zscore: float = 5.0,
        iqr: float = 1.5,
        window: int = 96,
        warmup: int = 16,
        cooldown: int = 50,
        confirm: int = 3,
        max_alerts: int = 10,
        roles: Mapping[str, str | Sequence[str]] | None = None,
        exit_code: int = 0,
        recovery: Recovery | None = None,
    ) -> None:
        if policy not in POLICIES:
            raise ConfigError(f"anomaly.policy={policy}: allowed are {', '.join(POLICIES)}")
        if not 0 <= exit_code <= _LAST_CODE:
            raise ConfigError(f"anomaly.exit_code={exit_code}: allowed is 0 to {_LAST_CODE}")
        self.exit_code = exit_code
        self.detectors = {name: one for name, one in (detectors or {}).items() if one is not None}
        self.policy, self.cooldown, self.max_alerts, self.roles = policy, cooldown, max_alerts, roles
        self.shared = {"zscore": zscore, "iqr": iqr, "window": window, "warmup": warmup, "confirm": confirm}
        self.recovery = recovery or Recovery()

    def watch(self, config: Mapping[str, Any] | None = None) -> Watch:
        """The detectors, and what makes episodes of their findings.

        Args:
            config: the run's flat configuration, which advice refers to.

        Raises:
            ConfigError: a setting out of range, or an unknown role.
        """
        return Watch(
            self.detectors,
            cooldown=self.cooldown,
            max_alerts=self.max_alerts,
            exit_code=self.exit_code,
            roles=self.roles,
            config=config,
        )
