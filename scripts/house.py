"""Prints the measures of the house: python scripts/house.py

How full the rooms are, circles and arrows upward between them, class names that mean two things, how long files and
functions are, and how many lines of tests stand beside the code.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.test_layers import FILES, FLOOR, PACKAGE, SHARED_NAMES, TOP, imports, room  # noqa: E402


def main() -> None:
    """Print all measures."""
    held = Counter(path.parent for path in FILES.values())
    fullest, most = held.most_common(1)[0]
    arrows = {
        (room(name), room(other))
        for name in FILES.keys() - TOP
        for other in imports(FILES[name]) & (FILES.keys() - TOP)
    }
    arrows = {(a, b) for a, b in arrows if a != b and b in FLOOR}
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES.values()}
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in FILES.values()]
    functions = [
        node.end_lineno - node.lineno + 1
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    ]
    tests = _lines(ROOT / "tests")
    print(f"files in the root of the package   {held[PACKAGE]}")
    print(f"fullest room                       {most} files, {fullest.relative_to(ROOT)}")
    print(f"rooms, arrows between them         {len({a for a, _ in arrows})}, {len(arrows)}")
    print(f"arrows that do not go downward     {sum(FLOOR[b] >= FLOOR[a] for a, b in arrows if a in FLOOR)}")
    print(f"class names that mean two things   {len(_doubles(trees))}")
    print(f"longest file, median file          {max(lengths)}, {median(lengths):g} lines")
    print(f"median function                    {median(functions):g} lines")
    print(f"lines of code, of tests, ratio     {sum(lengths)}, {tests}, {tests / sum(lengths):.2f}")
    print(f"`import aurl`                      {_import_seconds():.3f} s of CPU")


def _doubles(trees: dict[Path, ast.Module]) -> set[str]:
    bearers: dict[str, set[Path]] = defaultdict(set)
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bearers[node.name].add(path)
    return {name for name, paths in bearers.items() if len(paths) > 1} - SHARED_NAMES.keys()


def _lines(folder: Path) -> int:
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in folder.rglob("*.py"))


def _import_seconds() -> float:
    program = "import time; import aurl; print(time.process_time())"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return float(shown.stdout)


if __name__ == "__main__":
    main()
