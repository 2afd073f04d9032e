"""The whole comparison, on run directories as they are written, damaged and mixed."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aurl.cli.compare import write_report
from aurl.compare.comparing import compare
from aurl.compare.model import Comparison
from aurl.compare.report.document import to_json
from aurl.compare.report.screen import screen
from aurl.errors import AurlError, ConfigError, RunError
from tests.compare.runs import METRIC, curve, write_run, write_sweep

NUMBER = (int, float)
SHIFT = (0.0, 0.3, -0.2, 0.1, 0.4)


def clear_sweep(root: Path, **options: Any) -> list[Path]:
    """Two values of a setting, one of them better by 0.5 on each of five seeds."""
    rng = np.random.default_rng(0)
    finals = {name: [1.0 + extra + s + 0.02 * rng.normal() for s in SHIFT] for name, extra in (("a", 0.0), ("b", 0.5))}
    return write_sweep(root, finals, **options)


def warned(comparison: Comparison, *words: str) -> bool:
    return any(all(word in warning for word in words) for warning in comparison.warnings)


def test_json_has_the_keys_that_scripts_rely_on_and_no_others(tmp_path: Path) -> None:
    clear_sweep(tmp_path)
    write_run(tmp_path / "a_9", curve(1.0, 4), {"model.kind": "a"}, seed=9, status="failed")
    document = json.loads(json.dumps(to_json(compare([tmp_path])), allow_nan=False))
    assert list(document) == [
        "metric", "mode", "groups", "differences", "claims", "importance", "pareto", "best", "insights", "warnings",
    ]  # fmt: skip
    assert (document["metric"], document["mode"]) == (METRIC, "min")
    assert document["differences"] == {"model.kind": ["a", "b"]}
    for group in document["groups"]:
        assert list(group) == ["id", "config", "runs", "n", "mean", "median", "iqm", "ci"]
        assert all(isinstance(group[key], NUMBER) for key in ("n", "mean", "median", "iqm"))
        assert [isinstance(end, NUMBER) for end in group["ci"]] == [True, True]
        assert all(isinstance(run, str) for run in group["runs"])
    [claim] = document["claims"]
    assert list(claim) == [
        "a", "b", "delta", "ci", "p", "p_adjusted", "effect", "test", "n_a", "n_b", "verdict", "read_at",
    ]  # fmt: skip
    assert claim["read_at"] == {"step": 100, "of": 100}
    assert claim["verdict"] in {"better", "worse", "no evidence", "too few runs"}
    for row in document["importance"]:
        assert {"param", "importance", "ci", "method"} <= set(row)
    runs = {run for group in document["groups"] for run in group["runs"]}
    assert set(document["pareto"]) <= runs
    assert {"group", "run", "config", "why"} <= set(document["best"])
    assert document["best"]["run"] in runs
    assert all({"text", "evidence"} <= set(insight) for insight in document["insights"])
    assert all(isinstance(warning, str) for warning in document["warnings"])


def test_a_clear_sweep_is_told_and_its_groups_hold_their_runs(tmp_path: Path) -> None:
    clear_sweep(tmp_path)
    comparison = compare([tmp_path])
    assert [group.id for group in comparison.groups] == ["model.kind=a", "model.kind=b"]
    assert comparison.groups[0].n == 5
    [claim] = comparison.claims
    assert (claim.a, claim.verdict) == ("model.kind=a", "better")
    assert comparison.best_set == ("model.kind=a",)
    assert (comparison.budget, comparison.share) == (100, 0.1)
    assert comparison.warnings == ()
    assert comparison.run("a_0").best is not None
    assert comparison.target == pytest.approx(comparison.groups[1].mean)
    with pytest.raises(KeyError):
        comparison.run("nobody")
    with pytest.raises(KeyError):
        comparison.group("nothing")


def test_failed_unfinished_and_unreadable_runs_are_marked_and_kept_out_of_means(tmp_path: Path) -> None:
    clear_sweep(tmp_path)
    alerts = [{"type": "nan_values", "severity": "fatal", "onset_step": 30}]
    write_run(tmp_path / "f", curve(0.0, 5), {"model.kind": "a"}, seed=10, status="failed", alerts=alerts)
    write_run(tmp_path / "n", [*curve(1.0, 9), (100, math.nan)], {"model.kind": "a"}, seed=11)
    write_run(tmp_path / "p", curve(0.0, 5), {"model.kind": "a"}, seed=12, status="preempted")
    write_run(tmp_path / "c", curve(0.0, 5), {"model.kind": "a"}, seed=13, status="running", host="gone", updated=0.0)
    write_run(tmp_path / "u", curve(0.0), {"model.kind": "a"}, seed=14)
    (tmp_path / "u" / "run.json").write_text("{")
    comparison = compare([tmp_path])
    fates = {run.id: run.fate for run in comparison.runs if len(run.id) == 1}
    assert fates == {"f": "failed", "n": "failed", "p": "left out", "c": "failed", "u": "left out"}
    assert comparison.group("model.kind=a").failed == 3
    assert comparison.groups[0].n == 5
    assert comparison.budget == 100
    assert warned(comparison, "f is counted as failed", "nan values since step 30")
    assert warned(comparison, "p is left out", "preempted at step 50")
    assert warned(comparison, "u is left out", "unreadable")
    assert comparison.claims[0].verdict == "no evidence"
    assert warned(comparison, "survivors")


def test_one_run_is_a_report_without_claims(tmp_path: Path) -> None:
    comparison = compare([write_run(tmp_path / "a", curve(1.0))])
    assert [group.id for group in comparison.groups] == ["all runs"]
    assert comparison.claims == ()
    assert to_json(comparison)["groups"][0]["ci"] is None


@pytest.mark.parametrize("metric", [None, "loss/other"])
def test_runs_without_a_metric(tmp_path: Path, metric: str | None) -> None:
    write_run(tmp_path / "a", [(1, 2.0)], metric="lr")
    with pytest.raises(ConfigError, match="--metric") as caught:
        compare([tmp_path], metric=metric)
    assert caught.value.exit_code == 2


def test_a_run_without_the_metric_among_others(tmp_path: Path) -> None:
    clear_sweep(tmp_path)
    write_run(tmp_path / "x", curve(1.0), {"model.kind": "a", "odd": 1}, seed=3, metric="loss/total")
    comparison = compare([tmp_path])
    assert warned(comparison, "x is left out", f"has no {METRIC}")
    assert list(comparison.differences) == ["model.kind"]


def test_all_failed_is_still_a_report(tmp_path: Path) -> None:
    for seed in range(3):
        write_run(tmp_path / f"a{seed}", curve(1.0, 3), {"k": 1}, seed=seed, status="failed")
    comparison = compare([tmp_path])
    assert (comparison.groups[0].n, comparison.groups[0].failed, comparison.groups[0].mean) == (0, 3, None)
    assert warned(comparison, "nothing to rank")
    assert to_json(comparison)["claims"] == []


def test_identical_runs_are_told(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"a": [1.0, 1.0, 1.0], "b": [2.0, 2.0, 2.0]})
    comparison = compare([tmp_path])
    assert [claim.verdict for claim in comparison.claims] == ["no evidence"]
    assert warned(comparison, "identical")


def test_a_run_without_settings_belongs_to_no_group(tmp_path: Path) -> None:
    clear_sweep(tmp_path)
    for name, status in (("x", "done"), ("y", "failed")):
        (write_run(tmp_path / name, curve(1.0), status=status) / "config.json").unlink()
    comparison = compare([tmp_path])
    assert list(comparison.differences) == ["model.kind"]
    assert warned(comparison, "2 runs are left out", "x, y")
    alone = compare([tmp_path / "x"])
    assert alone.groups[0].n == 1


def test_runs_of_which_only_the_name_is_known_are_grouped_by_it(tmp_path: Path) -> None:
    for name in ("first", "second"):
        for number in range(3):
            run = write_run(tmp_path / f"{name}{number}", curve(1.0 + 0.1 * number), seed=None, name=name)
            (run / "config.json").unlink()
    comparison = compare([tmp_path])
    assert [(group.id, group.n) for group in comparison.groups] == [("name=first", 3), ("name=second", 3)]
    assert warned(comparison, "Nothing is known")
    assert warned(comparison, "no known seed")


def test_the_same_seed_twice_is_one_piece_of_evidence(tmp_path: Path) -> None:
    clear_sweep(tmp_path)
    write_run(tmp_path / "again", curve(1.0), {"model.kind": "a"}, seed=0)
    comparison = compare([tmp_path])
    assert comparison.group("model.kind=a").n == 5
    assert warned(comparison, "has the settings and the seed of")


def test_two_hundred_varying_settings_have_short_names(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(8):
        config = {f"key.{at}": float(rng.normal()) for at in range(200)}
        write_run(tmp_path / str(number), curve(1.0 + 0.1 * rng.normal()), config, seed=1)
    comparison = compare([tmp_path])
    assert len(comparison.differences) == 200
    assert len(comparison.groups) == 8
    assert max(len(group.id) for group in comparison.groups) < 60
    assert warned(comparison, "200 settings vary")
    assert len(comparison.warnings) < 25


def test_two_projects_mixed_are_told(tmp_path: Path) -> None:
    for seed in range(2):
        write_run(tmp_path / f"a{seed}", curve(1.0), {f"a.{at}": 1 for at in range(20)}, seed=seed, name="songs")
        write_run(tmp_path / f"b{seed}", curve(2.0), {f"b.{at}": 1 for at in range(20)}, seed=seed, name="images")
    assert warned(compare([tmp_path]), "different projects", "images, songs")
    alone = compare([tmp_path], filters={"name": "songs"})
    assert [group.id for group in alone.groups] == ["all runs"]


def test_different_intervals_and_lengths_are_told(tmp_path: Path) -> None:
    for seed in range(3):
        write_run(tmp_path / f"a{seed}", curve(1.0 + 0.1 * seed, 100, 10), {"k": 1}, seed=seed)
        write_run(tmp_path / f"b{seed}", curve(1.0 + 0.1 * seed, 9, 100), {"k": 2}, seed=seed)
    comparison = compare([tmp_path])
    assert (comparison.reading.kind, comparison.budget) == ("end", 1000), "that is what they were planned for"
    assert warned(comparison, "step 900 and step 1000", "own end")
    together = compare([tmp_path], at="budget")
    assert (together.reading.kind, together.budget) == ("budget", 900)
    assert warned(together, "step 900 and step 1000", "compared at step 900")
    assert to_json(together)["claims"][0]["read_at"] == {"step": 900, "of": 950}
    assert warned(comparison, "every 10 to 100 steps")
    assert compare([tmp_path], budget=500).budget == 500


def test_a_corrupt_log_among_good_ones(tmp_path: Path) -> None:
    clear_sweep(tmp_path, table=False)
    (tmp_path / "a_0" / "events" / "records.jsonl").write_bytes(b"\x00\xff" * 500)
    comparison = compare([tmp_path])
    assert comparison.run("a_0").fate == "left out"
    assert comparison.group("model.kind=b").n == 5
    assert warned(comparison, "a_0")


def test_resumed_runs_are_told(tmp_path: Path) -> None:
    clear_sweep(tmp_path, resumes=[{"time": 1.0, "step": 20}])
    assert warned(compare([tmp_path]), "10 runs were resumed")


def test_filters_and_baselines_name_what_there_is(tmp_path: Path) -> None:
    clear_sweep(tmp_path)
    only = compare([tmp_path], filters={"model.kind": "a"})
    assert [group.id for group in only.groups] == ["all runs"]
    against = compare([tmp_path], baseline="model.kind=b")
    assert (against.baseline, against.claims[0].b) == ("model.kind=b", "model.kind=b")
    for wrong, message in (
        ({"filters": {"model.kin": "a"}}, r"model.kin=a: no run has such a setting. Did you mean 'model.kind'"),
        ({"filters": {"model.kind": "z"}}, r"model.kind=z: no run has this value. There are: a, b"),
        ({"filters": {"model.kind": "a", "seed": "77"}}, r"seed=77: no run has this value"),
        ({"baseline": "model.kind=z"}, r"no group has it. Groups: model.kind=a; model.kind=b"),
        ({"baseline": "name=made"}, r"2 groups have it"),
        ({"rope": -1.0}, r"--rope"),
        ({"metric": "val/loss/totle"}, r"Did you mean 'val/loss/total'"),
    ):
        with pytest.raises(ConfigError, match=message):
            compare([tmp_path], **wrong)  # type: ignore[arg-type]


def test_a_metric_without_a_known_direction_needs_one(tmp_path: Path) -> None:
    write_run(tmp_path / "a", curve(1.0), metric="my/score")
    with pytest.raises(ConfigError, match="--mode min or max"):
        compare([tmp_path], metric="my/score")
    assert compare([tmp_path], metric="my/score", mode="max").mode == "max"


def test_without_validation_another_metric_is_chosen_and_said(tmp_path: Path) -> None:
    write_run(tmp_path / "a", curve(1.0), metric="loss/total")
    comparison = compare([tmp_path])
    assert comparison.metric == "loss/total"
    assert warned(comparison, "loss/total is compared instead")


def test_objectives_are_those_that_a_run_has(tmp_path: Path) -> None:
    others = {"quality/mean/overall": 0.5, "quality/mean/copied_fraction": 0.1, "system/ram_gb": 2.0}
    clear_sweep(tmp_path, others=others)
    comparison = compare([tmp_path])
    assert comparison.objectives == {
        METRIC: "min",
        "quality/mean/overall": "max",
        "quality/mean/copied_fraction": "min",
        "system/ram_gb": "min",
        "time/total": "min",
    }
    finals = comparison.run("a_0").finals
    assert finals["system/ram_gb"] == 2.0
    assert finals["time/total"] == 90.0
    assert compare([tmp_path], budget=50, last=1.0).run("a_0").finals["time/total"] == 40.0


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run there"):
        compare([tmp_path / "none"])
    with pytest.raises(AurlError):
        compare([tmp_path])


def test_a_total_of_other_terms_in_other_runs_is_told(tmp_path: Path) -> None:
    for seed in range(2):
        write_run(tmp_path / f"a{seed}", curve(1.0 + seed), {"k": 1}, seed=seed, others={"val/loss/recon": 1.0})
        terms = {"val/loss/recon": 1.0, "val/loss/kl": 1.0}
        write_run(tmp_path / f"b{seed}", curve(2.0 + seed), {"k": 2}, seed=seed, others=terms)
    assert warned(compare([tmp_path]), "not the same sum", "val/loss/kl is part of it in 2 of 4")
    assert not warned(compare([tmp_path], metric="val/loss/recon"), "not the same sum")
    assert not warned(compare([tmp_path], filters={"k": "1"}), "not the same sum")


def _train(root: Path, lr: float, final: float, points: int, *, start: float, message: str = "") -> None:
    """Five runs of a rate that fall to `final` with some noise, an evaluation every ten steps."""
    for seed in range(5):
        rng = np.random.default_rng([seed, points])
        at = np.arange(1, points + 1)
        values = final + start * np.exp(-at / 4) + 0.02 * rng.normal(size=points)
        pairs = [(int(10 * step), float(value)) for step, value in zip(at, values, strict=True)]
        write_run(root / f"{lr}_{seed}", pairs, {"lr": lr}, seed=seed, steps=400, message=message)


def test_runs_that_came_to_rest_and_stopped_do_not_turn_the_answer_round(tmp_path: Path) -> None:
    _train(tmp_path, 0.1, 2.0, 14, start=0.5, message="early stopping: no improvement in 3 evaluations")
    _train(tmp_path, 0.01, 1.0, 40, start=4.0)
    comparison = compare([tmp_path])
    [claim] = comparison.claims
    assert (claim.a, claim.verdict, claim.b) == ("lr=0.01", "better", "lr=0.1")
    assert claim.read_at == (140, 400, 400)
    assert warned(comparison, "5 runs of lr=0.1 came to rest and stopped at step 140", "before step 400")


def test_one_run_sets_a_short_step_alone_and_several_do_not(tmp_path: Path) -> None:
    for seed in range(4):
        write_run(tmp_path / f"a{seed}", curve(1.0 + 0.1 * seed, 40), {"k": 1}, seed=seed)
    write_run(tmp_path / "short", [(at, 3.0 - at / 100) for at in range(10, 101, 10)], {"k": 2}, seed=0, steps=400)
    assert warned(compare([tmp_path]), "compared at step 100 of the 400", "short alone sets this step")
    write_run(tmp_path / "short2", [(at, 3.0 - at / 100) for at in range(10, 111, 10)], {"k": 2}, seed=1, steps=400)
    told = compare([tmp_path])
    assert warned(told, "compared at step 100 of the 400", "2 runs of k=2 set this step")
    assert not warned(told, "alone")


def test_what_was_read_before_a_tenth_of_most_runs_steps_is_no_claim(tmp_path: Path) -> None:
    for seed in range(3):
        write_run(tmp_path / f"a{seed}", curve(1.0 + 0.01 * seed, 100), {"k": 1}, seed=seed)
        write_run(tmp_path / f"b{seed}", curve(2.0 + 0.011 * seed, 100), {"k": 2}, seed=seed)
    assert compare([tmp_path]).claims[0].verdict == "better"
    [claim] = compare([tmp_path], at="step=50").claims
    assert claim.verdict == "no evidence"
    assert "too early" in claim.reason
    assert claim.read_at == (50, 50, 1000)


@pytest.mark.parametrize("step", [0, 2])
def test_runs_with_one_evaluation_compare_and_are_shown(tmp_path: Path, step: int) -> None:
    for kind in "ab":
        for seed in range(3):
            write_run(tmp_path / f"{kind}{seed}", [(step, 1.0 + 0.1 * seed + (kind == "b"))], {"k": kind}, seed=seed)
    comparison = compare([tmp_path])
    assert comparison.claims[0].verdict == "better"
    assert [str(part) for part in screen(comparison)]
    for kind in ("markdown", "latex", "html"):
        write_report(comparison, kind, tmp_path / kind)


def test_a_search_with_conditional_settings_warns_of_nothing_but_its_runs(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    for at in range(24):
        config: dict[str, Any] = {"lr": float(10 ** rng.uniform(-4, -1)), "kind": "adam" if at % 2 else "sgd"}
        config["beta" if at % 2 else "momentum"] = float(rng.uniform(0, 1))
        write_run(tmp_path / f"{at}", curve(1.0 + (math.log10(config["lr"]) + 2.5) ** 2), config, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        comparison = compare([tmp_path])
    assert {row["param"] for row in comparison.impact.rows} == {"lr", "kind", "beta", "momentum"}
    assert all("null" not in group.id for group in comparison.groups)
    assert not any(insight["evidence"]["kind"] == "corner" for insight in comparison.insights)  # type: ignore[index,call-overload]


def test_a_finite_blow_up_is_a_failure_and_leaves_the_others_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    for lr, final in ((0.3, 0.8), (0.1, 1.0), (0.01, 1.3)):
        for seed in range(5):
            end = 1e6 if (lr, seed) == (0.3, 0) else final + 0.02 * rng.normal()
            write_run(
                tmp_path / f"{lr}_{seed}", [(10, final), (50, final), (60, end), (70, end)], {"lr": lr}, seed=seed
            )
    comparison = compare([tmp_path])
    assert comparison.group("lr=0.3").failed == 1
    assert comparison.run("0.3_0").why == "blew up: it ended at 1e+06, far beyond its like"
    assert warned(comparison, "0.3_0 is counted as failed", "blew up")
    verdicts = {(claim.a, claim.b): claim.verdict for claim in comparison.claims}
    assert verdicts["lr=0.1", "lr=0.01"] == "better"


def test_one_far_run_that_began_there_is_no_blow_up(tmp_path: Path) -> None:
    for seed in range(5):
        write_run(tmp_path / f"{seed}", curve(1e3 if seed == 4 else 1.0 + 0.01 * seed, start=1e4), {}, seed=seed)
    assert compare([tmp_path]).groups[0].n == 5
