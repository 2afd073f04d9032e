"""From findings to incidents: one begins when something is first found, and ends when it has not been for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from aurl.anomaly.statistics.roles import Role
from aurl.record import Json, Kind, Record, Severity

ACUTE = frozenset({"loss_spike", "gradient_explosion", "nan_values", "data_stall"})
_CHRONIC = 4  # times as many clean looks until something chronic is over
_RARE = 10  # a look at anything but a step counts for so many
_PAST = 16
_APART = frozenset({Role.MEMORY, Role.OTHER})  # roles whose metrics have incidents of their own
_SEVERITIES = tuple(severity.value for severity in Severity)


@dataclass(slots=True)
class Incident:
    """One thing that is wrong.

    Attributes:
        id: counts from 1 over the run.
        type: the anomaly type.
        detector: name of the detector that found it.
        metric: the metric it was first seen in.
        severity: rank of the highest so far, 0 for info to 3 for fatal; `told` the highest that was written, or -1.
        opened, last: observations at which it was first and last found.
        onset_step, last_step: steps at which it began and was last found.
        count: findings so far; `untold` those since the last alert.
        quiet: looks since the last finding; `hold` how many of them a finding stays true.
        episode: id of the incident that this one goes back to, its own without one.
        jump: how far the loss lay above its level when it was first told, in log.
        cause: what is thought to be behind it, a sentence; `root` its name, see `aurl.anomaly.causes`.
    """

    id: int
    type: str
    detector: str
    metric: str
    opened: int
    onset_step: int
    last: int = 0
    last_step: int = 0
    severity: int = 0
    told: int = -1
    count: int = 0
    untold: int = 0
    quiet: float = 0
    hold: int = 0
    episode: int = 0
    jump: float = 0.0
    cause: str | None = None
    root: str = ""

    @property
    def is_news(self) -> bool:
        """Whether it is worse than what was told of it."""
        return self.severity > self.told


class Incidents:
    """The incidents of a run: at most one is open for a type, or for a type and a metric of memory.

    Attributes:
        open: by key.
        past: the last sixteen that ended, oldest first.

    Args:
        cooldown: looks without a finding after which an acute incident is over. Chronic ones need four times as many;
            looks, or half of the time that it lasted; looks at evaluations, samples and the machine count for ten.
    """

    def __init__(self, cooldown: int = 50) -> None:
        self.cooldown = cooldown
        self.open: dict[str, Incident] = {}
        self.past: list[Incident] = []
        self._born = 0

    def take(self, finding: Record, detector: str, index: int, role_of: Callable[[str], Role]) -> Incident:
        """Count a finding in; returns its incident, new or known."""
        fields = finding.fields
        type_, metric, onset = str(fields["type"]), str(fields["metric"]), fields["onset_step"]
        key = f"{type_}/{metric}" if role_of(metric) in _APART else type_
        incident = self.open.get(key)
        if incident is None:
            self._born += 1
            began = onset if isinstance(onset, int) else finding.step
            incident = self.open[key] = Incident(self._born, type_, detector, metric, index, began, episode=self._born)
        hold = fields.get("hold")
        incident.last, incident.last_step = index, finding.step
        incident.count += 1
        incident.untold += 1
        incident.quiet = 0
        incident.hold = hold if isinstance(hold, int) else 0
        incident.severity = max(incident.severity, _SEVERITIES.index(str(fields["severity"])))
        return incident

    def rest(self, looked: Iterable[str], kind: Kind | str, worth: float = 1.0) -> list[Incident]:
        """Count a look of these detectors in which they found nothing; returns the incidents that are over by it.

        Args:
            worth: what a look counts for, more in a log of few records.
        """
        names = set(looked)
        over = []
        for key, incident in list(self.open.items()):
            if incident.detector in names:
                incident.quiet += max(worth, 1.0 if kind is Kind.STEP else _RARE)
                if incident.quiet > max(self._patience(incident), incident.hold):
                    del self.open[key]
                    self.past = [*self.past[1 - _PAST :], incident]
                    over.append(incident)
        return over

    def close(self) -> list[Incident]:
        """End all that are open."""
        over = list(self.open.values())
        self.open.clear()
        self.past = [*self.past, *over][-_PAST:]
        return over

    def known(self) -> list[Incident]:
        """Those that are open and the last that ended, in the order in which they began."""
        return sorted([*self.past, *self.open.values()], key=lambda incident: incident.id)

    def state_dict(self) -> dict[str, Json]:
        return {
            "born": self._born,
            "open": {key: asdict(incident) for key, incident in self.open.items()},
            "past": [asdict(incident) for incident in self.past],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._born = state["born"]
        self.open = {key: Incident(**saved) for key, saved in state["open"].items()}
        self.past = [Incident(**saved) for saved in state["past"]]

    def _patience(self, incident: Incident) -> int:
        """Quiet looks until it is over; what comes and goes for long must be gone for half as long."""
        if incident.type in ACUTE:
            return self.cooldown
        return max(_CHRONIC * self.cooldown, (incident.last - incident.opened) // 2)
