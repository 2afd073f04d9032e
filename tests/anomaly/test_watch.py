"""Episodes: what is told of an incident, its cause, and that all of it survives a checkpoint."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aurl.anomaly.detectors
from aurl.anomaly.base import Detector, alert
from aurl.anomaly.settings import Settings
from aurl.anomaly.watch import Watch
from aurl.errors import ConfigError
from aurl.record import Kind, Record, Severity
from tests.anomaly.runs import alerts, first, healthy, records, watch, with_evals


class Marked(Detector):
    """Finds what a record's `mark` says: 1 info, 2 warning, 3 critical, 4 fatal."""

    def __init__(self, type: str = "loss_spike") -> None:
        self.type = type

    def observe(self, record: Record) -> Iterable[Record]:
        mark = int(record.scalars.get("mark", 0))
        if mark:
            yield alert(record, self.type, list(Severity)[mark - 1], "marked", metric="mark", value=float(mark))


def marks(values: Iterable[int], **options: Any) -> list[tuple[int, str, str, object]]:
    watching = Watch({"marked": Marked()}, **options)
    run = [Record(Kind.STEP, step, {"loss/total": 1.0, "mark": float(mark)}) for step, mark in enumerate(values, 1)]
    told = [one for record in run for one in watching.observe(record)]
    return [(one.step, str(one.fields["status"]), str(one.fields["severity"]), one.fields["count"]) for one in told]


def test_one_alert_when_it_begins_one_when_it_worsens_one_at_its_end() -> None:
    values = [0, 2, 2, 2, 3, 2, 0, 0, 2, *[0] * 12]
    assert marks(values, cooldown=10) == [
        (2, "open", "warning", 1),
        (5, "worse", "critical", 3),
        (20, "end", "info", 6),
    ]


def test_what_comes_back_after_the_cooldown_is_a_new_incident() -> None:
    assert [one[:2] for one in marks([2, *[0] * 11, 2], cooldown=10)] == [(1, "open"), (12, "end"), (13, "open")]


def test_the_cap_counts_and_lets_the_fatal_through() -> None:
    watching = Watch({"a": Marked("a"), "b": Marked("b"), "c": Marked("c")}, max_alerts=2)
    told = watching.observe(Record(Kind.STEP, 1, {"loss/total": 1.0, "mark": 2.0}))
    assert [one.fields["type"] for one in told] == ["a", "b"]
    worse = watching.observe(Record(Kind.STEP, 2, {"loss/total": 1.0, "mark": 4.0}))
    assert [one.fields["severity"] for one in worse] == ["fatal"] * 3
    assert worse[0].fields["suppressed"] == 1


@pytest.mark.parametrize("bad", [{"cooldown": 0}, {"max_alerts": 0}])
def test_values_out_of_range_name_the_key(bad: dict[str, int]) -> None:
    [(key, value)] = bad.items()
    with pytest.raises(ConfigError, match=f"anomaly.{key}={value}"):
        Watch({}, **bad)  # type: ignore[arg-type]


def causes(run: list[Record], type: str, **config: Any) -> list[str]:
    found = first(run, type, watch(config=config))
    return [str(cause["name"]) for cause in found.fields["causes"]]  # type: ignore[union-attr, index]


def test_a_jump_of_the_rate_is_the_cause_of_what_follows() -> None:
    columns = healthy()
    columns["lr"][400:] *= 50.0
    columns["grad/norm"][401:] *= 30.0
    columns["loss/total"][401:] *= 6.0
    columns["loss/total"][420:] = math.nan
    assert causes(records(columns), "loss_spike")[0] == "learning_rate_issue"
    found = first(records(columns), "nan_values")
    assert str(found.fields["cause"]).startswith("learning_rate_issue: ")
    chain = [link["type"] for link in found.fields["chain"]]  # type: ignore[union-attr, index]
    assert chain[0] == "learning_rate_issue"
    assert {"gradient_explosion", "nan_values"} <= set(chain)


def test_a_bad_batch_that_ends_in_nan_is_one_episode() -> None:
    columns = healthy()
    columns["loss/total"][400] *= 20.0
    columns["grad/norm"][400] *= 200.0
    columns["loss/total"][401:] = math.nan
    run = records(columns)
    assert causes(run, "loss_spike")[0] == "bad_batch"
    found = first(run, "nan_values")
    assert str(found.fields["cause"]).startswith("bad_batch: ")
    assert len({one.fields["episode"] for one in alerts(run)}) == 1


def test_a_bad_batch_that_never_goes_away_is_damage() -> None:
    columns = healthy()
    columns["loss/total"][400:] *= 5.0
    columns["grad/norm"][400:] *= 30.0
    run = records(columns)
    assert causes(run, "loss_spike")[0] == "bad_batch"
    assert causes(run, "training_divergence")[0] == "damaged_weights"
    assert len({one.fields["episode"] for one in alerts(run)}) == 1


def test_a_gradient_that_leaves_first_is_the_cause() -> None:
    columns = healthy()
    columns["grad/norm"][397:400] *= 300.0
    columns["loss/total"][402:] = math.nan
    assert "gradient_explosion" in causes(records(columns), "nan_values")[:2]


def test_a_sudden_nan_in_half_precision_is_an_overflow() -> None:
    columns = healthy()
    columns["loss/total"][400:] = math.nan
    run = records(columns)
    assert causes(run, "nan_values", **{"trainer.precision": "fp16"})[0] == "overflow"
    assert causes(run, "nan_values")[0] == "bad_batch"


def test_a_discriminator_that_wins_explains_what_follows() -> None:
    rng = np.random.default_rng(0)
    columns = {
        "loss/disc": 1.0 + 0.1 * rng.random(900),
        "loss/adv": 1.0 + 0.1 * rng.random(900),
        "gan/d_accuracy": np.where(np.arange(900) < 300, 0.7, 0.99),
        "sample/diversity": np.where(np.arange(900) < 400, 0.8, 0.1),
    }
    run = records(columns)
    for i, score in enumerate([0.6] * 8 + [0.2] * 10):
        run.insert(50 * (i + 1) + i, Record(Kind.QUALITY, 50 * (i + 1), {"quality/overall": score + 0.01 * (i % 3)}))
    assert causes(run, "mode_collapse")[0] == "discriminator_domination"
    assert str(first(run, "quality_degradation").fields["cause"]).startswith("discriminator_domination")


def test_after_a_restart_jumps_are_milder_and_explained() -> None:
    columns = healthy()
    columns["loss/total"][410] *= 3.0
    run = records(columns)
    run.insert(400, Record(Kind.START, 400, fields={"resumed_from": 400}))
    [found] = [one for one in alerts(run) if one.fields["type"] == "loss_spike"]
    assert found.fields["severity"] == "info"
    assert str(found.fields["cause"]).startswith("restart: resumed from step 400")


def test_a_step_that_goes_back_begins_anew() -> None:
    columns = healthy()
    run = records(columns)
    again = [Record(Kind.STEP, step, {"loss/total": 4.0 + 0.01 * (step % 7)}) for step in range(1, 300)]
    assert [
        one.fields["severity"] for one in alerts([*run, *again]) if one.step < 40 and one.fields["severity"] != "info"
    ] == []


def test_advice_names_the_users_key_and_a_value() -> None:
    columns = healthy()
    columns["loss/total"][400:] = math.nan
    found = first(records(columns), "nan_values", watch(config={"optim": {"lr": 3e-3}, "trainer": {"clip_norm": 0.0}}))
    assert "lower optim.lr from 0.003 to 0.001" in found.fields["suggestions"]  # type: ignore[operator]
    assert "set trainer.clip_norm to 1 (it is 0)" in found.fields["suggestions"]  # type: ignore[operator]


def test_advice_without_a_config_uses_what_was_seen() -> None:
    columns = healthy()
    columns["lr"][:] = 3e-4
    columns["loss/total"][400:] = math.nan
    found = first(records(columns), "nan_values")
    assert "lower the learning rate from 0.0003 to 0.0001" in found.fields["suggestions"]  # type: ignore[operator]


def test_settings_find_other_trainers_keys() -> None:
    settings = Settings({"model": {"dropout": 0.1}, "training": {"learning_rate": 2e-5, "max_grad_norm": 1}})
    assert settings.scale("lr", 0.5) == "lower training.learning_rate from 2e-05 to 1e-05"
    assert settings.put("clip_norm", 0.5) == "set training.max_grad_norm to 0.5 (it is 1)"
    assert settings.value("dropout") == 0.1
    assert settings.value("free_bits") is None
    assert Settings().scale("beta", 0.5) == "lower the weight of the KL term, to 0.5 times its value"


def troubled() -> list[Record]:
    """A run with several incidents, a resume, evaluations and samples."""
    columns = healthy(600)
    columns["loss/total"][200] *= 5.0
    columns["loss/total"][300:330] *= 4.0
    columns["lr"][420:] *= 30.0
    columns["loss/total"][430:] *= 3.0
    columns["grad/norm"][425:430] *= 500.0
    run = with_evals(records(columns), [2.0, 1.5, 1.2, 1.0, 1.3, 1.4, 1.6, 1.8, 2.0, 2.2, 2.4, 2.6], 50)
    run.insert(250, Record(Kind.SAMPLE, 240, {"sample/notes": 20.0}))
    run.insert(300, Record(Kind.QUALITY, 290, {"quality/overall": 0.5, "quality/copied_fraction": 0.9}))
    return run


@pytest.mark.parametrize("split", [1, 40, 202, 305, 427, 460])
def test_a_resumed_run_says_what_the_uninterrupted_one_does(split: int) -> None:
    run = troubled()
    whole, before, after = watch(), watch(), watch()
    expected = [one for record in run for one in whole.observe(record)]
    told = [one for record in run[:split] for one in before.observe(record)]
    after.load_state_dict(json.loads(json.dumps(before.state_dict(), allow_nan=False)))
    told += [one for record in run[split:] for one in after.observe(record)]
    assert told == expected
    assert len(expected) >= 6


def test_detectors_that_are_new_since_the_checkpoint_start_empty() -> None:
    old = watch(detectors={"gpu_idle": None})
    for record in troubled():
        old.observe(record)
    new = watch()
    new.load_state_dict(json.loads(json.dumps(old.state_dict())))
    assert new.context.index == 600


def test_memory_is_bounded_whatever_is_logged() -> None:
    watching, sizes = watch(), []
    rng = np.random.default_rng(0)
    for step in range(6000):
        scalars = {"loss/total": float(rng.lognormal()), "grad/norm": float(rng.lognormal(0, 2)), f"x{step}": 1.0}
        watching.observe(Record(Kind.STEP, step, scalars))
        if step % 2000 == 1999:
            sizes.append(len(json.dumps(watching.state_dict())))
    assert sizes[2] < 1.3 * sizes[1]


NAMES = (
    "loss/total", "loss/recon", "loss/kl", "loss/adv", "loss/disc", "val/loss/total", "grad/norm", "lr", "time/step",
    "time/data", "kl/beta", "kl/active_units", "gan/d_accuracy", "update/ratio", "dead/fraction", "grad/layer_ratio",
    "sample/diversity", "quality/overall", "quality/copied_fraction", "system/ram_gb", "system/ram_total_gb",
    "system/gpu_percent", "throughput/tokens", "amp/loss_scale",
)  # fmt: skip
KINDS = (Kind.STEP, Kind.STEP, Kind.STEP, Kind.EVAL, Kind.EPOCH, Kind.SYSTEM, Kind.SAMPLE, Kind.QUALITY)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_no_values_whatever_raise_or_leave_json(data: st.DataObject) -> None:
    watching = watch(warmup=8, confirm=2, zscore=1.0)
    names = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=12, unique=True))
    seed = data.draw(st.integers(0, 2**31))
    odd = data.draw(st.lists(st.floats(), min_size=1, max_size=12))
    rng = np.random.default_rng(seed)
    step = 0
    for _ in range(150):
        step += int(rng.integers(-1, 4))
        scalars = {name: float(rng.lognormal(0, 1)) if rng.random() < 0.7 else float(rng.choice(odd)) for name in names}
        for found in watching.observe(Record(KINDS[rng.integers(len(KINDS))], max(0, step), scalars)):
            assert json.loads(json.dumps(dict(found.fields)))["status"] in {"open", "worse", "end"}
    assert json.loads(json.dumps(watching.state_dict(), allow_nan=False)).keys() >= {"detectors", "contexts"}


def test_incident_numbers_rise() -> None:
    numbers = [int(str(one.fields["incident"])) for one in alerts(troubled()) if one.fields["status"] == "open"]
    assert all(b > a for a, b in pairwise(numbers))


def test_the_memory_of_another_version_is_left_alone() -> None:
    """Those of commit 513491f have no version, and other names inside."""
    run, fresh = records(healthy(80)), watch()
    for record in run[:40]:
        fresh.observe(record)
    state = json.loads(json.dumps(fresh.state_dict()))
    old = {key: value for key, value in state.items() if key != "version"}
    after = watch()
    blank = json.dumps(after.state_dict())
    assert not after.load_state_dict(old)
    assert json.dumps(after.state_dict()) == blank
    assert after.load_state_dict(state)
    assert after.state_dict() == fresh.state_dict()


def ending(watching: Watch, run: Iterable[Record]) -> tuple[str, int] | None:
    for record in run:
        watching.observe(record)
    found = watching.verdict()
    return found and (found.status, found.exit_code)


def test_a_run_whose_loss_is_nan_at_its_end_has_failed() -> None:
    columns = healthy(100)
    assert ending(watch(exit_code=3), records(columns)) is None
    columns["loss/total"][20:] = math.nan
    assert ending(watch(), records(columns)) == ("failed", 1)
    columns["loss/total"][25:] = 1.0
    assert ending(watch(), records(columns)) is None, "it has come back, and 0 is the usual exit code"


def test_a_run_that_finished_with_something_critical_open_has_the_exit_code_that_was_asked_for() -> None:
    columns = healthy(300)
    columns["loss/total"][200:] *= 9.0
    assert ending(watch(exit_code=3), records(columns)) == ("done", 3)
    assert ending(watch(), records(columns)) is None
    with pytest.raises(ConfigError, match=r"anomaly\.exit_code=-1: allowed is 0 to 255"):
        watch(exit_code=-1)


def test_after_a_rise_no_advice_raises_the_rate() -> None:
    settings = Settings({"optim.lr": 0.001, "optim._target_": "torch.optim.AdamW"})
    assert settings.scale("lr", 10.0).startswith("raise optim.lr from 0.001 to 0.01")
    settings.has_risen = True
    assert settings.scale("lr", 10.0).startswith("lower optim.lr from 0.001 to 0.00033")


def test_advice_makes_sense_of_values_that_make_none() -> None:
    settings = Settings({"optim.lr": 1e30, "optim._target_": "torch.optim.AdamW", "trainer.precision": "fp32"})
    assert settings.scale("lr", 1 / 3) == "set optim.lr to 0.002 (it is 1e+30)"
    assert settings.put("precision", "fp32") == ""
    columns = healthy(100)
    columns["loss/total"][50] = math.nan
    [found] = alerts(records(columns), watch(config={"trainer.precision": "fp32"}))
    said: Any = found.fields["suggestions"]
    assert said
    assert not [one for one in said if "fp32" in one or not one]


def test_no_detector_knows_that_records_wait() -> None:
    """What makes them fast lies below: its author sees records, curves and `found`."""
    below = re.compile(r"\b(quiet|settle|stretch_ended|layout|Record[L]ayout|MetricBatch|Asked|_soft|_base)\b")
    folder = Path(aurl.anomaly.detectors.__file__).parent
    assert {path.name: found for path in folder.glob("*.py") if (found := below.findall(path.read_text("utf-8")))} == {}


def test_state_is_saved_by_named_fields() -> None:
    folder = Path(aurl.anomaly.__file__).parent
    told = [
        path.name for path in folder.rglob("*.py") if re.search(r"__dict__|self\.__init__\(", path.read_text("utf-8"))
    ]
    assert told == []


def test_a_state_is_taken_back_by_a_watch_that_has_seen_another_run() -> None:
    fresh, used = watch(), watch()
    columns = healthy(400)
    for record in records(columns | {"grad/norm": 1e-6 * columns["grad/norm"]}):
        used.observe(record)
    before = watch()
    run = records(columns)
    for record in run[:100]:
        before.observe(record)
    state = json.loads(json.dumps(before.state_dict()))
    told = []
    for one in (fresh, used):
        one.load_state_dict(json.loads(json.dumps(state)))
        lost = [replace(record, scalars=record.scalars | {"grad/norm": 1e-5}) for record in run[100:160]]
        told.append([(a.step, a.fields["type"]) for record in lost for a in one.observe(record)])
    assert told[0] == told[1]
    assert "gradient_vanishing" in {type_ for _, type_ in told[0]}


def test_nothing_is_quiet_after_the_step_went_back() -> None:
    one = watch()
    run = records({name: column for name, column in healthy(200).items() if name in {"loss/total", "lr"}})
    for record in run:
        one.observe(record)
    assert one.context.quiet
    one.observe(replace(run[-1], step=50))
    assert not one.context.quiet
    assert not one.context.stretch_ended
    loss = one.context.training_loss
    assert loss is not None
    assert loss.seen == 1


def mixture(seed: int) -> list[Record]:
    """A run of a VAE-GAN with everything between its steps: evaluations, probes, gaps, NaN, zeros, jumps, restarts."""
    rng = np.random.default_rng(seed)
    names = [name for name in ("loss/recon", "loss/kl", "loss/adv", "loss/disc") if rng.random() < 0.5]
    names += ["loss/total", "grad/norm", "lr", "time/step", "time/data"]
    noise = rng.choice([0.003, 0.03, 0.3])
    levels = dict(zip(names, rng.lognormal(size=len(names)), strict=True))
    made: list[Record] = []
    step = 0
    for number in range(400):
        step = max(1, step - 40) if rng.random() < 0.004 else step + 1
        if rng.random() < 0.01:
            levels[names[rng.integers(len(names))]] *= rng.choice([0.01, 0.5, 2.0, 30.0])
        scalars = {name: float(levels[name] * np.exp(noise * rng.standard_normal())) for name in names}
        if rng.random() < 0.02:
            scalars[names[rng.integers(len(names))]] = float(rng.choice([0.0, -1.0, math.nan, math.inf, 1e6]))
        if number % 25 == 0:
            scalars |= {"grad/layer_ratio": 0.3, "update/ratio": 1e-3}
        made.append(Record(Kind.STEP, step, scalars, time=float(number)))
        if number % 17 == 0:
            made.append(Record(Kind.EVAL, step, {"val/loss/total": float(rng.lognormal(0, 0.1))}, time=float(number)))
    return made


@pytest.mark.parametrize("seed", range(12))
def test_values_that_wait_change_no_alert(seed: int) -> None:
    def told(*, settle: bool, resume: int = 0) -> list[tuple[int, object, object, object]]:
        watching, found = watch(), []
        for number, record in enumerate(mixture(seed), 1):
            alerts_now = watching.observe(record)
            found += [(number, one.fields["type"], one.fields["status"], one.fields["severity"]) for one in alerts_now]
            if settle:
                watching.context.settle()
            if resume and number % resume == 0:
                state = json.loads(json.dumps(watching.state_dict()))
                watching = watch()
                watching.load_state_dict(state)
        return found

    waited = told(settle=False)
    assert waited
    assert waited == told(settle=True)
    assert waited == told(settle=False, resume=11)
