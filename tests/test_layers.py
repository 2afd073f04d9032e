"""Who may import whom: each layer only from those above it, and `import aurl` stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "aurl"
LAYERS = (
    ("record", "errors", "codec", "scalars", "rundir"),
    (
        "anomaly", "deferred", "dispatch", "early_stopping", "env", "eta", "eventlog", "git", "monitor", "music",
        "notify", "plan", "presets", "process", "recovery", "runfile", "samples", "secrets", "signals", "sinks",
        "summary", "system", "table",
    ),
    ("runs", "quality", "compare", "dashboard", "lint", "report", "replay", "importing", "figures", "terminal"),
    ("checkpoint", "checkpointer", "data", "engine", "gate", "models", "optim", "pictures", "probes", "sampler"),
    ("ending", "integrations", "loop", "loop_state", "rescue"),
    ("__main__", "build", "cli", "config", "nodes", "resume", "run", "trial"),
)  # fmt: skip
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
HEAVY = {"torch": 3, "lightning": 4, "hydra": 5, "omegaconf": 5}


def module_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Everything a file imports at run time, inside functions too; what only type checkers see is left out."""
    found: set[str] = set()

    class Walk(ast.NodeVisitor):
        def visit_If(self, node: ast.If) -> None:
            if "TYPE_CHECKING" not in ast.dump(node.test):
                self.generic_visit(node)

        def visit_Import(self, node: ast.Import) -> None:
            found.update(alias.name for alias in node.names)

        def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)

    Walk().visit(ast.parse(path.read_text()))
    return found


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downward_only(path: Path) -> None:
    own = module_of(path)
    assert own in RANK, f"give {own} its layer in {Path(__file__).name}"
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "aurl" and len(parts) > 1 and parts[1] in RANK:
            assert RANK[parts[1]] <= RANK[own], f"{own} must not import {name}"
        assert RANK[own] >= HEAVY.get(parts[0], 0), f"{own} must not import {name}"


def test_no_import_cycle() -> None:
    names = {path: ".".join(["aurl", *path.relative_to(PACKAGE).with_suffix("").parts]) for path in FILES}
    edges = {names[path]: imports(path) & set(names.values()) for path in FILES}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"import cycle: {' -> '.join((*trail, name))}"
        if name not in done:
            for other in edges[name]:
                visit(other, (*trail, name))
            done.add(name)

    for name in edges:
        visit(name, ())


@pytest.mark.parametrize("statement", ["import aurl", "import aurl; aurl.Monitor"])
def test_importing_aurl_loads_no_heavy_package(statement: str) -> None:
    program = f"{statement}\nimport sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "aurl" in loaded
    assert not {"torch", "hydra", "omegaconf", "wandb", "rich", "polars", "tensorboard", "numpy"} & set(loaded)
