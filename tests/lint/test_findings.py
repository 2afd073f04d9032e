from __future__ import annotations

import math
import random
from pathlib import Path

from aurl.anomaly.base import alert
from aurl.lint.findings import Finding, _together, examine
from aurl.lint.log import TableLog
from aurl.lint.overrides import read
from aurl.lint.report import plain, report, summary
from aurl.record import Json, Kind, Record, Severity
from tests.lint.files import Rows

PATH = Path("a.csv")


def told(step: int, severity: Severity, status: str, incident: int = 1, **fields: Json) -> Record:
    made = alert(Record(Kind.STEP, step), "loss_spike", severity, f"at {step}", metric="loss", value=float(step))
    own = {"status": status, "incident": incident, "episode": incident, "suggestions": ["do"], **fields}
    return Record(Kind.ALERT, step, fields={**made.fields, **own})


def test_the_alerts_of_one_incident_are_one_finding_at_its_worst() -> None:
    alerts = [
        told(10, Severity.INFO, "open", onset_step=8),
        told(12, Severity.WARNING, "worse", onset_step=12),
        told(15, Severity.CRITICAL, "worse", onset_step=14),
        told(90, Severity.INFO, "end"),
    ]
    (finding,) = _together(PATH, alerts)
    assert (finding.severity, finding.onset_step, finding.step, finding.ended) == (Severity.CRITICAL, 8, 12, 90)
    assert finding.worst.fields["message"] == "at 15"
    assert finding.is_alarming


def test_an_info_is_told_where_it_was_seen() -> None:
    (finding,) = _together(PATH, [told(10, Severity.INFO, "open")])
    assert (finding.step, finding.ended, finding.is_alarming) == (10, None, False)


def test_incidents_stay_apart() -> None:
    alerts = [told(10, Severity.INFO, "open"), told(20, Severity.FATAL, "open", 2), told(30, Severity.INFO, "end")]
    assert [finding.severity for finding in _together(PATH, alerts)] == [Severity.INFO, Severity.FATAL]


def test_the_keys_of_a_line() -> None:
    made = told(10, Severity.WARNING, "open", value=math.nan, message="b\ud800d")
    (finding,) = _together(Path("odd\udcff.csv"), [made])
    assert finding.as_json() == {
        "path": "odd?.csv", "type": "loss_spike", "severity": "warning", "metric": "loss", "step": 10, "onset_step": 10,
        "value": None, "message": "b?d", "cause": None, "suggestions": ["do"],
    }  # fmt: skip


def curve(rows: int, spike_at: int | None = None) -> TableLog:
    noise = random.Random(0)
    losses = [2 * math.exp(-at / 200) + 0.5 + noise.gauss(0, 0.01) for at in range(rows)]
    if spike_at is not None:
        losses[spike_at] *= 40
    return TableLog(Rows([{"step": at, "loss": loss, "lr": 1e-3} for at, loss in enumerate(losses)]), {})


def test_a_healthy_curve_has_none_and_one_spike_is_found() -> None:
    assert examine(curve(600), read([]).anomaly) == []
    (finding,) = examine(curve(600, spike_at=300), read([]).anomaly)
    assert (finding.worst.fields["type"], finding.step, finding.severity) == ("loss_spike", 300, Severity.CRITICAL)
    assert examine(curve(600, spike_at=300), read(["detectors.loss_spike=null"]).anomaly) == []


def lines(log: TableLog, findings: list[Finding], explain: bool = False) -> list[str]:
    return [line.plain for line in report(log, findings, explain=explain)]


def test_the_report_of_a_healthy_log() -> None:
    log = curve(60)
    assert lines(log, []) == [
        "given.csv  rows, 60 rows",
        "  steps: column 'step'; columns: loss -> loss/total, lr -> lr (--explain tells why)",
        "  healthy: 60 rows, 2 scalars, nothing to report",
        "",
    ]
    assert "  column 'loss' -> loss/total (training loss): 'loss' in its name" in lines(log, [], explain=True)


def test_the_report_of_an_episode() -> None:
    alerts = [
        told(10, Severity.CRITICAL, "open", onset_step=8, cause="bad_batch"),
        told(12, Severity.WARNING, "open", 2, episode=1),
        told(14, Severity.INFO, "open", 3),
        told(99, Severity.INFO, "end", 2, episode=1),
    ]
    assert lines(curve(60), _together(PATH, alerts))[2:] == [
        "  critical loss_spike  loss, step 8, seen at 10, until the end",
        "    at 10",
        "    cause: bad_batch",
        "    - do",
        "    warning loss_spike  loss, step 12, over by 99",
        "      at 12",
        "      - do",
        "  info loss_spike  loss, step 14, until the end",
        "    at 14",
        "",
    ]


def test_a_run_that_never_rests_fits_a_page() -> None:
    alerts = [told(step, Severity.WARNING, "open", step) for step in range(40)] + [told(50, Severity.FATAL, "open", 50)]
    shown = lines(curve(60), _together(PATH, alerts))
    assert sum("warning loss_spike" in line for line in shown) == 3
    assert sum("fatal loss_spike" in line for line in shown) == 1
    assert "  and 37 more loss_spike: --json lists them all" in shown


def test_names_from_a_log_cannot_steer_the_terminal() -> None:
    assert plain("loss\x1b[31m\r\n\ud800") == "loss\N{REPLACEMENT CHARACTER}[31m" + 3 * "\N{REPLACEMENT CHARACTER}"


def test_the_last_line_counts() -> None:
    warned, fatal = (_together(PATH, [told(1, severity, "open")]) for severity in (Severity.WARNING, Severity.FATAL))
    assert (
        summary([[], warned, fatal], 2).plain
        == "5 logs: 1 with critical findings, 1 with warnings, 1 healthy, 2 unreadable"
    )
    assert summary([[]], 0).plain == "1 log: 1 healthy"
