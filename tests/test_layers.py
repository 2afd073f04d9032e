"""The house holds: which room may import from which, how full a room may be, and that `import aurl` stays light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "aurl"
# From the ground up. A room imports only from rooms on floors before its own, so not from others of its own floor.
FLOORS = (
    ("errors", "record", "scalars"),
    ("machine", "formats"),
    ("runs", "music"),
    ("show",),
    ("anomaly", "sinks"),
    ("monitor", "rundir", "eventlog"),
    ("models", "data", "quality"),
    ("lint", "compare", "library"),
    ("train", "integrations"),
    ("figures", "report", "dashboard", "terminal"),
    ("config",),
    ("run",),
    ("sweeps",),
    ("cli",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
TOP = {"aurl", "aurl.__main__"}  # what a newcomer types: they may name any room
# The lowest floor that may load what is slow to load or optional.
HEAVY = {"torch": FLOOR["models"], "lightning": FLOOR["train"], "hydra": FLOOR["config"], "omegaconf": FLOOR["config"]}
MOST_IN_ROOT, MOST_IN_A_ROOM = 8, 24


def name_of(path: Path) -> str:
    parts = ["aurl", *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, inside functions and for type checkers too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = inner & FILES.keys()
            found.update(modules)
            if modules != inner:
                found.add(node.module)
    return found


def room(name: str) -> str:
    return name.split(".")[1]


@pytest.mark.parametrize("name", sorted(FILES.keys() - TOP))
def test_a_room_imports_only_from_floors_before_its_own(name: str) -> None:
    own = room(name)
    assert own in FLOOR, f"give the room {own} its floor in {Path(__file__).name} and docs/architecture.md"
    for other in imports(FILES[name]) - {"aurl"}:
        if other in FILES and room(other) != own:
            assert FLOOR[room(other)] < FLOOR[own], f"{name} must not import {other}"
        heavy = other.split(".")[0]
        assert FLOOR[own] >= HEAVY.get(heavy, 0), f"{name} must not import {heavy}"


def test_old_names_are_for_those_outside() -> None:
    for name, path in FILES.items():
        assert not {"aurl.rundir", "aurl.eventlog"} & imports(path), f"{name} is to import from aurl.runs"


def test_no_import_goes_in_a_circle() -> None:
    edges = {name: imports(path) & FILES.keys() for name, path in FILES.items() if name not in TOP}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"import cycle: {' -> '.join((*trail, name))}"
        if name not in done:
            for other in edges.get(name, ()):
                visit(other, (*trail, name))
            done.add(name)

    for name in edges:
        visit(name, ())


def test_no_room_is_overfull() -> None:
    held = Counter(path.parent for path in FILES.values())
    assert held[PACKAGE] <= MOST_IN_ROOT
    overfull = {str(folder.relative_to(PACKAGE)): number for folder, number in held.items() if number > MOST_IN_A_ROOM}
    assert not overfull


# Names borne by two classes, each for a reason: the same idea in another library's terms.
SHARED_NAMES = {
    "AurlCallback": "one for each trainer, named alike on purpose (docs/library.md)",
}


def test_no_class_name_means_two_things() -> None:
    bearers: dict[str, list[str]] = defaultdict(list)
    for name, path in FILES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bearers[node.name].append(name)
    twice = {name: places for name, places in bearers.items() if len(places) > 1 and name not in SHARED_NAMES}
    assert not twice


@pytest.mark.parametrize("statement", ["import aurl", "import aurl; aurl.Monitor"])
def test_importing_aurl_loads_no_heavy_package(statement: str) -> None:
    program = f"{statement}\nimport sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "aurl" in loaded
    assert not {"torch", "hydra", "omegaconf", "wandb", "rich", "polars", "tensorboard", "numpy"} & set(loaded)


def test_the_page_on_architecture_draws_the_same_tower() -> None:
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawn = [set(re.findall(r"`(\w+)`", row)) for row in re.findall(r"^\| \d+ \| ([^|]*) \|", page, re.MULTILINE)]
    assert drawn == [set(rooms) for rooms in FLOORS]
