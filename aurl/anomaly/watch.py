"""Runs the detectors and makes episodes of what they find: few alerts, each with its cause."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from aurl.anomaly import causes, telling
from aurl.anomaly.base import Detector, Rule
from aurl.anomaly.incidents import Incident, Incidents
from aurl.anomaly.settings import Settings
from aurl.anomaly.statistics.context import Context
from aurl.anomaly.statistics.roles import Roles
from aurl.errors import CRASH, ConfigError
from aurl.record import Json, Kind, Record, Severity

_VERSION = 2  # of the memory
_PER = 1000  # observations in which at most so many alerts are told
_EXPECTED = 32  # observations after a restart in which jumps are half expected
_JUMPY = frozenset({"loss_spike", "gradient_explosion", "training_divergence", "throughput_degradation", "data_stall"})
_RISES = frozenset({"loss_spike", "gradient_explosion", "training_divergence", "loss_oscillation", "nan_values"})
_IGNORED = frozenset({Kind.ALERT, Kind.NOTE, Kind.CHECKPOINT, Kind.DATA, Kind.END})
_OF_THE_MACHINE = frozenset({"nan_values", "memory_overflow", "throughput_degradation", "data_stall", "gpu_idle"})
_Look = Callable[[Record], Iterable[Record]]


class Asked(NamedTuple):
    """Who is asked about records of one layout, by name.

    Attributes:
        names: all of them.
        each: about each record.
        closer: where something stands out, or while they follow something up.
        blocks: where eight training losses, or an epoch, are over.
        evaluated: about validation losses.
    """

    names: tuple[str, ...]
    each: tuple[tuple[str, _Look], ...]
    closer: tuple[tuple[str, Rule], ...]
    blocks: tuple[tuple[str, Rule], ...]
    evaluated: tuple[tuple[str, Rule], ...]


class TrueEnding(NamedTuple):
    """How a run ended, if not well: its status, the exit code, and why, a sentence."""

    status: str
    exit_code: int
    message: str


class Watch:
    """Shows each record to the detectors, and answers with alerts: when something begins, when it gets worse, its end.

    An alert's fields are those of `aurl.anomaly.base.alert`, and `status` (open, worse, end), `incident` (its number in
    the run), `episode` (the number of the incident that it goes back to), `chain` (the incidents of the episode,
    oldest first), `causes` (ranked, each with name, score and evidence) and `suppressed` (alerts left out by the cap).

    Attributes:
        detectors: by name.
        context: the shared statistics and the time axis.
        incidents: those that are open, and the last that ended.

    Args:
        detectors: by name; those of the same window share their statistics.
        cooldown: see `Incidents`.
        max_alerts: alerts told in 1,000 observations; more are counted, fatal ones always told.
        exit_code: of a run that finished while something critical was open, see `verdict`.
        roles: shell patterns of metric names by role, see `aurl.anomaly.statistics.roles.Roles`.
        config: the run's flat configuration, for advice that names its keys.

    Raises:
        ConfigError: a setting out of range, or an unknown role.
    """

    def __init__(
        self,
        detectors: Mapping[str, Detector],
        *,
        cooldown: int = 50,
        max_alerts: int = 10,
        exit_code: int = 0,
        roles: Mapping[str, str | Sequence[str]] | None = None,
        config: Mapping[str, Json] | None = None,
    ) -> None:
        if cooldown < 1:
            raise ConfigError(f"anomaly.cooldown={cooldown}: allowed is 1 or more")
        if max_alerts < 1:
            raise ConfigError(f"anomaly.max_alerts={max_alerts}: allowed is 1 or more")
        self.detectors = dict(detectors)
        self.max_alerts, self.exit_code = max_alerts, exit_code
        self.settings = Settings(config)
        self.incidents = Incidents(cooldown)
        self._roles = Roles(roles)
        self._contexts: dict[int, Context] = {}
        for detector in self.detectors.values():
            if isinstance(detector, Rule):
                detector.context = self._shared(detector.window)
                detector.settings = self.settings
                detector.context.least = min(detector.context.least, detector.scale)
        self.context = next(iter(self._contexts.values()), None) or self._shared(96)
        rules = {name: one for name, one in self.detectors.items() if isinstance(one, Rule)}
        self._blank = {name: copy.deepcopy(rule.state_dict()) for name, rule in rules.items()}
        self._era = 0
        self._asked: dict[int, Asked] = {}  # by layout
        self._told_at: dict[bool, list[int]] = {False: [], True: []}  # when, apart for infos
        self._suppressed = 0

    def observe(self, record: Record) -> list[Record]:
        """The alerts to write because of this record, mostly none."""
        if record.kind in _IGNORED:
            return []
        for context in self._contexts.values():
            context.update(record)
        ended = self._begin_anew(record) if self.context.era != self._era else []
        asked = self._asked.get(self.context.layout.number)
        if asked is None:
            asked = self._choose(record)
        findings = self._ask(asked, record)
        if not findings and not self.incidents.open:
            return ended
        return ended + self._judge(record, findings, asked.names)

    def _ask(self, asked: Asked, record: Record) -> list[tuple[str, Record]]:
        """What the detectors find in a record."""
        context = self.context
        findings: list[tuple[str, Record]] = []
        for name, look in asked.each:
            for finding in look(record):
                findings.append((name, finding))  # noqa: PERF401  the usual case is none
        quiet = context.quiet
        for name, rule in asked.closer:
            if not quiet or rule.following:
                findings += [(name, finding) for finding in rule.look_closer(record)]
        if context.stretch_ended:
            for name, rule in asked.blocks:
                findings += [(name, finding) for finding in rule.next_block()]
        if context.validation is not None:
            for name, rule in asked.evaluated:
                findings += [(name, finding) for finding in rule.evaluated(context.validation)]
        return findings

    def verdict(self) -> TrueEnding | None:
        """What a run that came to the end of its plan really is; None for one with which all is well."""
        lost = self.incidents.open.get("nan_values")
        if lost is not None and lost.severity >= Severity.FATAL.rank and not lost.quiet:
            message = f"{lost.metric} is not finite since step {lost.onset_step}: the weights are lost"
            return TrueEnding("failed", CRASH, message)
        grave = [one for one in self.incidents.open.values() if one.severity >= Severity.CRITICAL.rank]
        if not grave or not self.exit_code:
            return None
        worst = max(grave, key=lambda one: (one.severity, -one.id))
        return TrueEnding("done", self.exit_code, f"finished with {worst.type} of step {worst.onset_step} open")

    def state_dict(self) -> dict[str, Json]:
        """The memory of detectors, statistics and incidents; JSON values."""
        return {
            "version": _VERSION,
            "detectors": {name: detector.state_dict() for name, detector in self.detectors.items()},
            "contexts": {str(window): context.state_dict() for window, context in self._contexts.items()},
            "incidents": self.incidents.state_dict(),
            "told_at": [self._told_at[False], self._told_at[True]],
            "suppressed": self._suppressed,
            "risen": self.settings.has_risen,
            "era": self._era,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> bool:
        """Take the memory back; detectors that are new since then start empty.

        Returns:
            False for the memory of another version of aurl, which means something else: it begins anew then.
        """
        if state.get("version") != _VERSION:
            return False
        for name, detector in self.detectors.items():
            if name in state["detectors"]:
                detector.load_state_dict(dict(state["detectors"][name]))
        for window, saved in state["contexts"].items():
            if int(window) in self._contexts:
                self._contexts[int(window)].load_state_dict(saved)
        self.incidents.load_state_dict(state["incidents"])
        self._told_at = dict(zip((False, True), state["told_at"], strict=True))
        self._suppressed, self._era = state["suppressed"], state["era"]
        self.settings.has_risen = state["risen"]
        return True

    def _shared(self, window: int) -> Context:
        if window not in self._contexts:
            self._contexts[window] = Context(window, self._roles)
        return self._contexts[window]

    def _choose(self, record: Record) -> Asked:
        """The detectors that have something to look at in records like this one."""
        each: list[tuple[str, _Look]] = []
        rules: list[tuple[str, Rule]] = []
        for name, one in self.detectors.items():
            if not isinstance(one, Rule):
                each.append((name, one.observe))
            elif one.wants(record):
                rules.append((name, one))
                if one.overrides("look"):
                    each.append((name, one.look))
        if len(self._asked) > 256:
            self._asked.clear()
        names = tuple(dict.fromkeys(name for name, _ in (*each, *rules)))
        closer, blocks, evaluated = (
            tuple(pair for pair in rules if pair[1].overrides(hook)) for hook in ("look_closer", "block", "evaluated")
        )
        self._asked[self.context.layout.number] = found = Asked(names, tuple(each), closer, blocks, evaluated)
        return found

    def _begin_anew(self, record: Record) -> list[Record]:
        """The run went back: what the rules remember is of a future that is no more, and open incidents are over."""
        self._era = self.context.era
        for name, state in self._blank.items():
            self.detectors[name].load_state_dict(copy.deepcopy(state))
        return [telling.end(record, over, self._episode(over)) for over in self.incidents.close() if over.told >= 0]

    def _judge(self, record: Record, findings: list[tuple[str, Record]], looking: tuple[str, ...]) -> list[Record]:
        """Findings become incidents; those that are news are told, and those that are over."""
        touched: dict[int, tuple[Incident, Record]] = {}
        lost = self.incidents.open.get("nan_values")
        if lost is not None and lost.severity == Severity.FATAL.rank:
            # The weights are lost: what else training shows is no news.
            findings = [pair for pair in findings if pair[1].fields["type"] in _OF_THE_MACHINE]
        for name, finding in findings:
            expected = self._milder_if_expected(finding)
            incident = self.incidents.take(expected, name, self.context.index, self._roles)
            self.settings.has_risen |= incident.type in _RISES and telling.rank(expected) >= Severity.WARNING.rank
            known = touched.get(incident.id)
            if known is None or telling.rank(expected) > telling.rank(known[1]):
                touched[incident.id] = (incident, expected)
        found = {name for name, _ in findings}
        over = self.incidents.rest([name for name in looking if name not in found], record.kind, self.context.worth)
        alerts = [telling.end(record, incident, self._episode(incident)) for incident in over if incident.told >= 0]
        for incident, finding in touched.values():
            if incident.is_news:
                alerts += self._tell(incident, finding)
        return alerts

    def _tell(self, incident: Incident, finding: Record) -> list[Record]:
        if not self._may_tell(incident):
            self._suppressed += 1
            return []
        known = self.incidents.known()
        ranked = causes.rank(incident, known, self.context, self.settings)
        if incident.told < 0 and self.context.training_loss is not None:
            incident.jump = self.context.training_loss.rise
        causes.blame(incident, ranked, known, self.context)
        suppressed, self._suppressed = self._suppressed, 0
        return [telling.begin(finding, incident, self._episode(incident), ranked, suppressed)]

    def _may_tell(self, incident: Incident) -> bool:
        """Whether the cap lets it be told; infos have one of their own, so that they use up nobody's."""
        index, info = self.context.index, incident.severity == 0
        self._told_at[info] = [at for at in self._told_at[info] if at > index - _PER]
        if len(self._told_at[info]) >= self.max_alerts and incident.severity < Severity.FATAL.rank:
            return False
        self._told_at[info].append(index)
        return True

    def _episode(self, incident: Incident) -> list[Incident]:
        return [other for other in self.incidents.known() if other.episode == incident.episode]

    def _milder_if_expected(self, finding: Record) -> Record:
        """Just after a restart, jumps are half expected: one degree milder."""
        rank = telling.rank(finding)
        if finding.fields["type"] not in _JUMPY or not 0 < rank < Severity.FATAL.rank:
            return finding
        restarts = [fact.at for fact in self.context.history.facts if fact.kind == "restart"]
        if not restarts or self.context.index - restarts[-1] > _EXPECTED:
            return finding
        return telling.with_fields(finding, severity=tuple(Severity)[rank - 1].value)
