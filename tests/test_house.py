"""One idea, one place: what several rooms ask of the same thing, they are answered alike."""

from __future__ import annotations

import ast
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

import aurl
from aurl.cli.watch import _follow
from aurl.compare.comparing import compare
from aurl.compare.grouping import varying
from aurl.config.compose import compose as composed
from aurl.dashboard.live.catalog import Catalog
from aurl.dashboard.store.store import RunStore
from aurl.figures.curves import group, read_curves
from aurl.record import Kind, Record
from aurl.runs.codec import encode
from aurl.runs.listing import RunSummary, find_runs
from aurl.runs.settings import flatten, group_key, is_bookkeeping
from aurl.runs.tail import Follower


def lines(*steps: int) -> bytes:
    return b"".join(encode(Record(Kind.STEP, step, {"loss/total": float(step)}, {}, float(step))) for step in steps)


def rewritten(log: Path, *steps: int) -> None:
    log.write_bytes(lines(*steps))


def replaced(log: Path, *steps: int) -> None:
    (log.parent / "copy").write_bytes(lines(*steps))
    (log.parent / "copy").rename(log)


@pytest.mark.parametrize("change", [rewritten, replaced])
@pytest.mark.parametrize("then", [(7, 8, 9), (1, 2, 3), (1,), (7,), (7, 8)])
def test_sinks_the_dashboard_and_the_terminal_follow_a_log_alike(
    tmp_path: Path, change: Callable[..., None], then: tuple[int, ...]
) -> None:
    log = tmp_path / "events" / "records.jsonl"
    log.parent.mkdir()
    log.write_bytes(lines(1, 2))
    (tmp_path / "run.json").write_text(json.dumps({"status": "running", "updated": time.time()}))
    follower, store, terminal = Follower(log.parent), RunStore(tmp_path), _follow(tmp_path)

    def seen() -> tuple[list[int], list[float], list[float]]:
        shown.extend(record.step for record in follower.records())
        store.refresh()
        curve = store.curve("loss/total")
        _, state = next(terminal)
        assert curve is not None
        return shown, curve.x.tolist(), [span.step for span in state.curves["loss/total"].spans()]

    shown: list[int] = []
    assert seen() == ([1, 2], [1, 2], [1, 2])
    change(log, *then)
    found, dashboard, drawn = seen()
    assert found == [1, 2, *(step for step in then if step not in (1, 2))]  # a sink takes nothing back
    assert dashboard == list(then)
    assert drawn == list(then)


def runs_of(root: Path, configs: Sequence[Mapping[str, Any]]) -> list[RunSummary]:
    for number, config in enumerate(configs):
        with aurl.Monitor.open(root / f"run_{number}", logging=[], anomaly="off", config=config) as monitor:
            for step in (1, 2, 3):
                monitor.step(step, {"loss/total": 3.0 / step})
    return find_runs(root)


def groups(root: Path, found: Sequence[RunSummary]) -> tuple[list[set[str]], list[set[str]], list[set[str]]]:
    """The runs' names in groups: of compare, of plot and of the dashboard."""
    catalog = Catalog(root)
    catalog.look()
    shown: dict[str, set[str]] = {}
    for entry in catalog.entries():
        shown.setdefault(str(entry.row["group"]), set()).add(entry.path.name)
    parts: Iterable[set[str]] = ({run.path.name for run in part.runs} for part in compare([root]).groups)
    plotted = ({curves.run.path.name for curves in part.members} for part in group([read_curves(run) for run in found]))
    return sorted(parts, key=sorted), sorted(plotted, key=sorted), sorted(shown.values(), key=sorted)


def test_compare_plot_and_the_dashboard_group_runs_alike(tmp_path: Path) -> None:
    seeds = [{"model": "vae", "optim.lr": 0.001, "seed": seed, "data.workers": seed // 3 * 2} for seed in (1, 2, 3, 4)]
    others = [{"model": "vae", "optim.lr": 1, "seed": 1}, {"model": "vae", "optim": {"lr": 1.0}, "seed": 2}]
    found = runs_of(tmp_path, [*seeds, *others])
    compared, plotted, shown = groups(tmp_path, found)
    assert compared == plotted == shown == [{"run_0", "run_1", "run_2", "run_3"}, {"run_4", "run_5"}]


def test_they_agree_for_every_key() -> None:
    config = OmegaConf.to_container(composed([]), resolve=True)
    assert isinstance(config, dict)
    own = ("notify.bell", "logging.console.stderr", "data.seed", "random_seed", "of_ones_own", "model/size", "pictures")
    for key in (*flatten(config), *own):
        first, second = {"base": 1, "seed": 5, key: "one"}, {"base": 1, "seed": 6, key: "two"}
        same = group_key(first) == group_key(second)
        assert same == is_bookkeeping(key)
        assert bool(varying([first, second], [5, 6])) != same, key


def test_runs_from_before_and_after_the_move_are_one_experiment(tmp_path: Path) -> None:
    def config(seed: int, optim: str, detector: str, metric: str, **more: object) -> dict[str, Any]:
        return {
            "seed": seed, "optim": {"_target_": optim, "lr": 0.1}, "logging": {},
            "anomaly": {"detectors": {"spike": {"_target_": detector, "zscore": 5}}},
            "quality": {"metrics": {"range": {"_target_": metric}}}, **more,
        }  # fmt: skip

    before = ("aurl.optim.AdamW", "aurl.anomaly.loss_spike.LossSpike", "aurl.quality.pitch_range.PitchRange")
    after = (
        "aurl.train.optim.AdamW",
        "aurl.anomaly.detectors.loss_spike.LossSpike",
        "aurl.quality.metrics.pitch_range.PitchRange",
    )
    found = runs_of(tmp_path, [config(1, *before), config(2, *after, trainer={"_target_": "aurl.train.loop.Loop"})])
    for answer in groups(tmp_path, found):
        assert answer == [{"run_0", "run_1"}]


PACKAGE = Path(aurl.__file__).parent
SHORT = 26  # nodes of a syntax tree: three small statements, which two modules may have alike
_ASIDE = frozenset({"annotation", "returns", "ctx", "type_comment", "kind"})


def body_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[object, ...]:
    """What a function does, its own names numbered, annotations and the docstring left out."""
    body = function.body[ast.get_docstring(function) is not None :]
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    names = {argument.arg: 0 for argument in every if argument} | {function.name: 0}
    nodes = [node for statement in body for node in ast.walk(statement)]
    names |= {node.id: 0 for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    numbered = {name: number for number, name in enumerate(names)}

    def told(node: object) -> object:
        if isinstance(node, ast.Name):
            return numbered.get(node.id, node.id)
        if isinstance(node, ast.arg):
            return numbered.get(node.arg, node.arg)
        if isinstance(node, ast.AST):
            return (type(node).__name__, *(told(getattr(node, name)) for name in node._fields if name not in _ASIDE))
        return tuple(map(told, node)) if isinstance(node, list) else (type(node).__name__, node)

    return len(nodes), *map(told, body)


def functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_two_modules_hold_the_same_function() -> None:
    places: dict[tuple[object, ...], set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for function in functions(path.read_text(encoding="utf-8")):
            length, *body = body_of(function)
            if int(str(length)) >= SHORT:
                places.setdefault(tuple(body), set()).add(f"{path.relative_to(PACKAGE)}")
    assert not [found for found in places.values() if len(found) > 1]


def test_copies_are_found_under_other_names() -> None:
    one = "def a(x: int) -> int:\n  'Doc.'\n  total = 0\n  for y in x:\n    total += y\n  return total"
    other = "def b(values):\n  found = 0\n  for at in values:\n    found += at\n  return found"
    bodies = [body_of(function) for text in (one, other, other.replace("+=", "-=")) for function in functions(text)]
    assert bodies[0] == bodies[1] != bodies[2]
