"""The page of `aurl watch`: what it says, at any size."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from aurl.record import Kind, Record
from aurl.runs.listing import RunSummary
from aurl.terminal.page import View, compose
from aurl.terminal.panels import choose
from aurl.terminal.state import State


def state_of(*extra: Record, steps: int = 60) -> State:
    state = State()
    state.take(Record(Kind.START, 0, {}, {"steps": 100, "model": "VAE", "device": "cpu"}, 0.0))
    for step in range(1, steps + 1):
        scalars = {"loss/total": 5.0 / step, "grad/norm": 1.0, "throughput/tokens": 900.0}
        fields = {"epoch": 1, "epochs": 2, "eta": 40.0, "eta_low": 30.0, "eta_high": 70.0}
        state.take(Record(Kind.STEP, step, scalars, fields, float(step)))
    state.take(Record(Kind.EVAL, steps, {"val/loss/total": 0.3}, {}, 61.0))
    for record in extra:
        state.take(record)
    return state


def spike(step: int, **fields: object) -> Record:
    about = {"type": "loss_spike", "severity": "critical", "metric": "loss/total", "message": "a spike"}
    return Record(Kind.ALERT, step, {}, {**about, "suggestions": ["lower optim.lr"], **fields}, 50.0)


PLAIN = View()


def page(state: State, view: View = PLAIN, width: int = 100, height: int = 40) -> str:
    run = RunSummary(Path("runs/one"), "running", document={"id": "one", "name": "chorales", "started": 0.0})
    return "\n".join(line.plain for line in compose(run, state, view, (width, height), 65.0))


def test_it_says_how_the_run_stands() -> None:
    text = page(state_of(spike(30)))
    for part in ("chorales", "one", "running", "1min", "VAE", "60%", "step 60/100", "epoch 1/2", "ETA 40s (30s-1min)"):
        assert part in text, part
    for part in (
        "900 tokens/s",
        "loss/total",
        "val/loss/total 0.3",
        "critical at step 30",
        "a spike",
        "lower optim.lr",
    ):
        assert part in text, part
    assert text.count("▲") == 2  # under the curve and in the list


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("height", [3, 10, 24, 80])
def test_it_fits_any_terminal(width: int, height: int) -> None:
    lines = page(state_of(spike(30)), width=width, height=height).splitlines()
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


def test_nothing_logged_yet() -> None:
    text = page(State())
    assert "no scalars yet" in text
    assert "no alerts" in text


def test_hostile_text_stays_on_its_line() -> None:
    evil = "\x1b[2J\nfake line\u202e[red]x[/red]"
    text = page(state_of(spike(10, message=evil), Record(Kind.NOTE, 1, {}, {"message": evil}, 0.0)))
    assert "\x1b" not in text
    assert "\\x1b[2J\\nfake line" in text
    assert "[red]x[/red]" in text


def test_values_that_are_no_numbers() -> None:
    state = state_of(Record(Kind.STEP, 61, {"loss/total": math.nan, "grad/norm": math.inf}, {}, 62.0))
    text = page(state, View(log=True))
    assert "nan" in text
    assert "x" in text.splitlines()[-8:][0] or "x" in text


@pytest.mark.parametrize("value", [1.79e308, -1.79e308, 0.0, 5e-324])
def test_values_at_the_ends_of_what_a_float_holds(value: float) -> None:
    one = State()
    one.take(Record(Kind.STEP, 1, {"loss/total": value}, {}, 1.0))
    assert "loss/total" in page(one)
    one.take(Record(Kind.STEP, 2, {"loss/total": -value}, {}, 2.0))
    assert "loss/total" in page(one)


def test_a_run_that_went_back_shows_its_new_way_only() -> None:
    state = state_of(spike(50))
    state.take(Record(Kind.NOTE, 20, {}, {"message": "back", "resumed_from": 20}, 70.0))
    assert state.step == 20
    assert state.alerts == []
    assert max(span.step for span in state.curves["loss/total"].spans()) == 20


def test_the_end_of_an_incident_is_no_alert() -> None:
    assert state_of(spike(30, status="end")).alerts == []


def test_losses_come_first_and_validation_lies_over_training() -> None:
    curves = state_of().curves
    assert choose(curves)[0].names == ("loss/total", "val/loss/total")
    assert [panel.names for panel in choose(curves, ["grad/norm", "nope"])] == [("grad/norm",)]
