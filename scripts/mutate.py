"""Do the tests notice when the code is wrong? Small faults are put into the package, one at a time, and its tests run.

    python scripts/mutate.py --count 30 --seed 1                # thirty faults, spread over the package by its size
    python scripts/mutate.py --count 30 --seed 1 --under compare/statistics --list

A mutant is one changed operator, number, condition or dropped call. For each, the tests that mirror its module run
(`tests/a/test_b.py` for `aurl/a/b.py`, and every test file that imports it), without the slow ones. A mutant that no
test notices has survived. Those that change nothing anybody could see are listed with the reason in
`scripts/equivalent_mutants.txt` and do not count. The working tree is copied, and left alone.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.txt")
_COPIED = (
    "aurl",
    "tests",
    "conf",
    "benchmarks",
    "scripts",
    "docs",
    "examples",
    "pyproject.toml",
    "README.md",
    "train.py",
)
_SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.Add: ast.Sub, ast.Sub: ast.Add,
    ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
_SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault.

    Attributes:
        file: the module, relative to the repository.
        line: where it lies, from 1.
        before, after: the line's expression as it was and as it is made, on one line each.
        source: the whole module with the fault.
    """

    file: str
    line: int
    before: str
    after: str
    source: str

    @property
    def name(self) -> str:
        """What it is called in the list of equivalent ones: not by its line, which moves."""
        return f"{self.file}: {self.before} -> {self.after}"


def mutants_of(source: str, file: str) -> list[Mutant]:
    """Every fault that can be put into a module, in the order of its text."""
    return [_one(source, file, at) for at in range(len(list(_places(ast.parse(source)))))]


def sample(root: Path, count: int, seed: int, under: str = "") -> list[Mutant]:
    """So many faults, each place in the package as likely as any other; the same ones for the same seed and code."""
    files = sorted(path for path in (root / "aurl" / under).rglob("*.py"))
    sources = {path.relative_to(root).as_posix(): path.read_text() for path in files}
    places = [(file, at) for file, source in sources.items() for at in range(len(list(_places(ast.parse(source)))))]
    chosen = random.Random(seed).sample(places, min(count, len(places)))
    return [_one(sources[file], file, at) for file, at in chosen]


def mirrored_tests(root: Path, file: str) -> list[str]:
    """The test files of a module: the one that mirrors it and those that import it, or else those of its folder."""
    module = Path(file)
    folder = root / "tests" / module.parent.relative_to("aurl")
    mirrored = folder / f"test_{module.stem.lstrip('_')}.py"
    found = [mirrored] if mirrored.exists() else []
    dotted = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    parent, _, leaf = dotted.rpartition(".")
    imports = re.compile(rf"(from|import) {re.escape(dotted)}\b|from {re.escape(parent)} import [^\n]*\b{leaf}\b")
    tests = sorted((root / "tests").rglob("test_*.py"))
    found += [path for path in tests if path not in found and imports.search(path.read_text())]
    if not found:
        found = sorted(folder.glob("test_*.py")) if folder.is_dir() else sorted((root / "tests").glob("test_*.py"))
    return [path.relative_to(root).as_posix() for path in found]


def known_equivalent(listed: Path = EQUIVALENT) -> set[str]:
    """Names of the mutants that change nothing; a line is `FILE: BEFORE -> AFTER  # reason`."""
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    return {line.partition("  # ")[0].strip() for line in lines if line.strip() and not line.startswith("#")}


def run_tests(root: Path, tests: Sequence[str], seconds: float = _SECONDS) -> bool:
    """Whether these tests pass; tests that never end do not."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not slow", *tests]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode in {0, 5}  # 5: no test was collected


def _one(source: str, file: str, at: int) -> Mutant:
    tree = ast.parse(source)
    node, change = list(_places(tree))[at]
    before, line = _spelled(node), getattr(node, "lineno", 0)
    change(node)
    ast.fix_missing_locations(tree)
    return Mutant(file, line, before, _spelled(node), ast.unparse(tree))


def _places(tree: ast.AST) -> Iterator[tuple[ast.AST, Callable[[ast.AST], None]]]:
    """Each node that can be changed, and the change, which is made in place; annotations and docstrings are no code."""
    for node in _code(tree):
        if isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPPED:
            yield node, _swap_comparison
        elif isinstance(node, (ast.BinOp, ast.BoolOp, ast.AugAssign)) and type(node.op) in _SWAPPED:
            if not _joins_text(node):
                yield node, _swap_operator
        elif isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
            yield node, _next_constant
        elif isinstance(node, (ast.If, ast.IfExp, ast.While)):
            yield node, _turn_condition
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield node, _drop_call


def _code(tree: ast.AST) -> Iterator[ast.AST]:
    for name, value in ast.iter_fields(tree):
        if name in {"annotation", "returns", "decorator_list"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not (isinstance(child, ast.If) and _is_for_types(child)):
                yield child
                yield from _code(child)


def _is_for_types(node: ast.If) -> bool:
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _joins_text(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.JoinedStr) or (isinstance(part, ast.Constant) and isinstance(part.value, str))
        for part in ast.walk(node)
    )


def _swap_comparison(node: ast.AST) -> None:
    assert isinstance(node, ast.Compare)
    node.ops[0] = _SWAPPED[type(node.ops[0])]()  # type: ignore[call-overload]


def _swap_operator(node: ast.AST) -> None:
    assert isinstance(node, (ast.BinOp, ast.BoolOp, ast.AugAssign))
    node.op = _SWAPPED[type(node.op)]()  # type: ignore[assignment]


def _next_constant(node: ast.AST) -> None:
    assert isinstance(node, ast.Constant)
    node.value = not node.value if isinstance(node.value, bool) else node.value + 1  # type: ignore[operator]


def _turn_condition(node: ast.AST) -> None:
    assert isinstance(node, (ast.If, ast.IfExp, ast.While))
    node.test = ast.UnaryOp(ast.Not(), node.test)


def _drop_call(node: ast.AST) -> None:
    assert isinstance(node, ast.Expr)
    node.value = ast.Constant(value=...)


def _spelled(node: ast.AST) -> str:
    """A node's code on one line; of a condition its test alone."""
    if isinstance(node, (ast.If, ast.While)):
        return f"if {ast.unparse(node.test)}"
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 120 else f"{text[:117]}..."


def _interval(hits: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    share, z = hits / count, 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * ((share * (1 - share) + z * z / (4 * count)) / count) ** 0.5 / (1 + z * z / count)
    return middle - half, middle + half


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--under", default="", help="a folder of the package, such as compare/statistics")
    parser.add_argument("--list", action="store_true", help="only say which mutants and tests it would be")
    arguments = parser.parse_args()
    mutants, equivalent = sample(ROOT, arguments.count, arguments.seed, arguments.under), known_equivalent()
    if arguments.list:
        for mutant in mutants:
            print(
                f"{mutant.file}:{mutant.line}: {mutant.before} -> {mutant.after}  {mirrored_tests(ROOT, mutant.file)}"
            )
        return 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "copy"
        place.mkdir()
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, place / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy2(source, place / name)
        return _judge(place, mutants, equivalent)


def _judge(place: Path, mutants: Sequence[Mutant], equivalent: set[str]) -> int:
    sound: dict[tuple[str, ...], bool] = {}
    noticed, survived, began = 0, 0, time.monotonic()
    for mutant in mutants:
        tests = mirrored_tests(place, mutant.file)
        if not sound.setdefault(tuple(tests), run_tests(place, tests) if tuple(tests) not in sound else True):
            print(f"unsound   {mutant.file}: its tests fail without a mutant", flush=True)
            continue
        if mutant.name in equivalent:
            print(f"no change {mutant.name}", flush=True)
            continue
        file = place / mutant.file
        before = file.read_text()
        file.write_text(mutant.source)
        try:
            passed = run_tests(place, tests)
        finally:
            file.write_text(before)
        noticed, survived = noticed + (not passed), survived + passed
        print(f"{'SURVIVED ' if passed else 'noticed  '} {mutant.name}  (line {mutant.line})", flush=True)
    count = noticed + survived
    if not count:
        return 0
    low, high = _interval(noticed, count)
    print(
        f"score {noticed / count:.3f} ({noticed} of {count} noticed, 95 % interval {low:.2f} to {high:.2f}), "
        f"{time.monotonic() - began:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
