"""Sentences: each with its evidence, none stronger than it."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest

import aurl.compare
from aurl.compare.insights.all import MOST, told
from aurl.compare.insights.insight import label, listed, number, p_value
from aurl.compare.model import Comparison
from aurl.compare.report.html import html
from tests.compare.made import METRIC, grid, made, made_run, searched

KEYS = {"kind", "claim", "metric", "configs", "n", "diff", "ci", "p", "method", "runs", "picture", "caveats"}
STRONG = re.compile(
    r"\b(better|worse|beats?|outperform\w*|superior|inferior|significant\w*|proves?|proven|clearly|obviously|"
    r"definitely|optimal|undoubtedly)\b",
    re.IGNORECASE,
)
QUALITY, COPIED = "quality/mean/overall", "quality/mean/copied_fraction"


def alert(kind: str, severity: str, cause: str | None = None) -> dict[str, object]:
    return {"type": kind, "severity": severity, "message": "m", "cause": cause, "onset_step": 50, "step": 60}


@lru_cache
def cases() -> dict[str, Comparison]:
    failing = [
        replace(run, alerts=(alert("loss_spike", "critical", "bad batch"),)) if run.fate == "failed" else run  # type: ignore[arg-type]
        for run in grid(fail=[f"b_0.001_{seed}" for seed in range(4)])
    ]
    weighed = [
        replace(run, finals={**run.finals, QUALITY: 0.5 + 0.01 * at, COPIED: 0.3})
        for at, run in enumerate(grid(effect=1.0))
    ]
    hit = [replace(run, alerts=(alert("overfitting", "critical"),)) for run in grid()]  # type: ignore[arg-type]
    corner = [run for run in grid(effect=0.3) if run.config != {"model": "a", "optim.lr": 1e-3}]
    corner += [made_run(model, 1.1, {"model": model, "optim.lr": 1e-3}, seed=1) for model in "cd"]
    return {
        "grid": made(grid()),
        "nothing differs": made(grid(effect=0.0, noise=0.3)),
        "practically equal": made(grid(effect=0.0, noise=0.001), rope=0.5),
        "two seeds": made(grid(seeds=2)),
        "search": searched(),
        "search to an edge": searched(diverging=1e-3),
        "search that diverges": searched(diverging=0.005),
        "failing": made(failing),
        "alerts": made(hit),
        "objectives": made(weighed, objectives={QUALITY: "max", COPIED: "min"}),
        "higher is wanted": made(grid(), mode="max"),
        "baseline": made(grid(), baseline="model=b, optim.lr=0.001"),
        "still falling": made(grid(end=0.05)),
        "corner": made(corner),
        "one run": made(grid()[:1]),
        "all failed": made([replace(run, fate="failed", finals={}, why="failed") for run in grid()]),
    }


NAMES = (
    "grid", "nothing differs", "practically equal", "two seeds", "search", "search to an edge", "search that diverges",
    "failing", "alerts", "objectives", "higher is wanted", "baseline", "still falling", "corner", "one run",
    "all failed",
)  # fmt: skip


def test_the_names_are_those_of_all_cases() -> None:
    assert tuple(cases()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_sentence_has_its_evidence(name: str) -> None:
    comparison = cases()[name]
    known = {run.id for run in comparison.runs}
    assert len(comparison.insights) <= MOST
    weights = [insight.weight for insight in told(comparison)]
    assert weights == sorted(weights, reverse=True)
    for insight in comparison.insights:
        evidence = json.loads(json.dumps(insight["evidence"], allow_nan=False))
        assert evidence.keys() >= KEYS
        assert evidence["runs"]
        assert {*evidence["runs"]} <= known
        assert evidence["method"]
        assert evidence["n"]
        text = str(insight["text"])
        assert re.search(r"\d", text), text
        assert text.endswith("."), text
        assert "nan" not in text.lower().split()


@pytest.mark.parametrize("name", NAMES)
def test_strong_words_need_a_claim(name: str) -> None:
    for insight in told(cases()[name]):
        if STRONG.search(insight.text):
            assert insight.kind == "difference", insight.text
            assert insight.claim
            assert insight.p is not None
            assert insight.p < 0.05
            assert insight.ci is not None
            assert insight.ci[0] * insight.ci[1] > 0


def test_no_template_holds_a_strong_word_but_that_of_a_claimed_difference() -> None:
    folder = Path(str(aurl.compare.__file__)).with_name("insights")
    found = []
    for file in folder.glob("*.py"):
        tree = ast.parse(file.read_text())
        documented = {
            id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, _HOLDERS) and _has_text(node)
        }
        constants = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        found += [
            (file.name, node.value) for node in constants if id(node) not in documented and STRONG.search(node.value)
        ]
    allowed = {" is better than ", "better", "worse"}  # the template of a claim, and its verdicts
    assert {text for _, text in found} <= allowed, found
    assert {file for file, _ in found} == {"differences.py"}


_HOLDERS = (ast.Module, ast.FunctionDef, ast.ClassDef)


def _has_text(node: ast.Module | ast.FunctionDef | ast.ClassDef) -> bool:
    first = node.body[0] if node.body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("grid", "difference", "model=a, optim.lr=0.001 is better than"),
        ("grid", "importance", "model matters"),
        ("nothing differs", "undecided", "not distinguishable"),
        ("nothing differs", "no importance", "cannot be said"),
        ("practically equal", "equivalent", "practically equal"),
        ("two seeds", "too few runs", "Nothing is claimed"),
        ("search", "importance", "optim.lr matters"),
        ("search", "negligible", "model.width hardly matters"),
        ("search that diverges", "failing setting", "Failures go with optim.lr >="),
        ("search to an edge", "edge", "upper end"),
        ("failing", "failures", "4 of 20 runs failed"),
        ("failing", "failures", "loss spike in 4, probably bad batch"),
        ("alerts", "alerts", "overfitting in 20 runs"),
        ("objectives", "front", "Pareto front"),
        ("objectives", "copying", "copies: 30 %"),
        ("higher is wanted", "difference", "model=b"),
        ("baseline", "difference", "is better than model=b"),
        ("still falling", "longer", "had not come to rest"),
        ("corner", "corner", "Not tried: "),
        ("all failed", "failures", "20 of 20 runs failed"),
    ],
)
def test_what_is_said(name: str, kind: str, words: str) -> None:
    texts = [insight.text for insight in told(cases()[name]) if insight.kind == kind]
    assert any(words in text for text in texts), [(i.kind, i.text) for i in told(cases()[name])]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("nothing differs", "difference"),
        ("two seeds", "difference"),
        ("grid", "longer"),
        ("grid", "corner"),
        ("grid", "edge"),
    ],
)
def test_what_is_not_said(name: str, kind: str) -> None:
    assert kind not in [insight.kind for insight in told(cases()[name])]


def test_a_configuration_that_fails_more_is_not_called_better() -> None:
    """`b` fails four times in five; whatever its survivor reaches, no sentence praises it."""
    runs = [
        replace(run, finals={METRIC: 0.1}) if run.id == "b_0.001_4" else run
        for run in grid(fail=[f"b_0.001_{seed}" for seed in range(4)])
    ]
    for insight in told(made(runs)):
        assert not insight.text.startswith("model=b, optim.lr=0.001 is better")


def test_words_of_numbers() -> None:
    assert label("val/loss/total") == "validation loss (val/loss/total)"
    assert label("system/ram_gb").startswith("RAM of")
    assert label("x") == "x (x)"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed([f"n{at}" for at in range(6)]) == "n0, n1, n2, n3 and 2 more"
    assert listed(["a=1, b=2", "a=2, b=2"]) == "a=1, b=2 and a=2, b=2"
    assert p_value(1e-9) == "p < 0.0001"
    assert number(0.123456) == "0.1235"


def test_a_difference_is_that_of_the_winner_from_the_loser() -> None:
    """Also where the baseline wins, whose claims stand the other way round."""
    for comparison in (made(grid()), made(grid(), baseline="model=a, optim.lr=0.001")):
        first = next(insight for insight in told(comparison) if insight.kind == "difference")
        assert first.text.startswith("model=a")
        assert first.diff is not None
        assert first.diff < 0
        assert first.ci is not None
        assert first.ci[0] < first.diff < first.ci[1] < 0


@pytest.mark.parametrize("name", NAMES)
def test_every_sentence_links_to_a_picture_that_the_report_has(name: str) -> None:
    text = html(cases()[name])
    for target in re.findall(r'href="#(\w+)"', text):
        assert f'id="{target}"' in text
