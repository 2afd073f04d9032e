"""What README and docs/ say is so: links, commands, keys and defaults, formats, programs."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator
from functools import cache, reduce
from importlib.util import find_spec
from operator import getitem
from pathlib import Path
from typing import Any

import pytest

from aurl.cli import COMMANDS, main
from aurl.cli.export import export
from aurl.config.build import to_plain
from aurl.config.compose import compose
from aurl.config.flags import is_multirun, source_of, split_argv
from aurl.config.overrides import expand
from aurl.config.phrases import dotted
from aurl.config.preflight import preflight
from aurl.config.resolvers import register
from aurl.machine.conf import conf_dir
from aurl.music.corpus import load_chorales
from aurl.record import Kind
from aurl.runs.eventlog import read_records
from aurl.sinks.textlog import LINE
from tests import markdown
from tests.conftest import Trainer

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, *sorted(DOCS.rglob("*.md"))]
FOUNDATION = [
    "configuration",
    "data",
    "models",
    "logging",
    "run-directory",
    "samples",
    "checkpoints",
    "library",
    "cluster",
    "reports",
    "import-and-replay",
    "wandb",
    "notifications",
    "tensorboard",
    "compare",
    "dashboard",
]
CONFIGURATION = DOCS / "configuration.md"
OWN_PAGE = ("anomaly.", "quality.")  # whose keys are described elsewhere
ONE_RUN = re.compile(r"outputs/\w+/2026-[\w-]+")

OURS = [README, *(DOCS / f"{name}.md" for name in FOUNDATION)]

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
our_page = pytest.mark.parametrize("page", OURS, ids=lambda page: page.name)


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in markdown.links(page):
        if "://" not in link:
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), link
            assert not anchor or anchor in markdown.anchors(target), link


def test_every_page_is_in_the_readme() -> None:
    assert {f"docs/{page.relative_to(DOCS)}" for page in DOCS.rglob("*.md")} <= set(markdown.links(README))


@our_page
def test_the_commands_of_aurl_that_are_named_exist(page: Path) -> None:
    written = [*markdown.inline_code(page), *(block.text for block in markdown.blocks(page, "bash"))]
    named = {word for text in written for word in re.findall(r"(?:^|\n)aurl ([a-z]\w*)", text)}
    assert named <= COMMANDS.keys()


def commands(page: Path) -> Iterator[list[str]]:
    """The arguments of every `train` and `check` in the page's shell examples."""
    for block in markdown.blocks(page, "bash"):
        for line in block.text.splitlines():
            for text in re.findall(r"(?:python train\.py|aurl train|aurl check|make train ARGS=)([^;&]*)", line):
                words = shlex.split(text.lstrip(), comments=True)
                yield [word for part in words for word in (shlex.split(part) if "make train" in line else [part])]


@pytest.mark.slow
@our_page
def test_commands_compose_and_validate(page: Path) -> None:
    register()
    for arguments in commands(page):
        flags, overrides = split_argv([word for word in arguments if "$" not in word])
        if not any(launcher_is_missing(word) for word in overrides):
            [first, *_] = expand(overrides, is_multirun(flags), source_of(flags))
            assert preflight(first, source=source_of(flags)), arguments


def launcher_is_missing(override: str) -> bool:
    plugin = {"launcher=joblib": "hydra_joblib_launcher", "launcher=slurm": "hydra_submitit_launcher"}.get(override)
    return plugin is not None and find_spec(f"hydra_plugins.{plugin}") is None


@pytest.mark.slow
@our_page
def test_sessions_print_what_is_shown(page: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`...` in a page stands for any text."""
    for block in markdown.blocks(page, "console"):
        for session in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, shown = session.partition("\n")
            main(shlex.split(command)[1:])
            output = capfd.readouterr()
            pattern = re.escape(shown.rstrip()).replace(re.escape("..."), "(.|\n)*")
            assert re.fullmatch(pattern, (output.out + output.err).rstrip()), command


@cache
def composed(*overrides: str) -> dict[str, Any]:
    return to_plain(compose(list(overrides)))


def default_rows() -> Iterator[tuple[int, str, str, tuple[str, ...]]]:
    """Line, key and default of every row of the tables of keys, and the overrides that the table is about."""
    lines = markdown.read(CONFIGURATION).splitlines()
    for number, (key, default, _) in markdown.rows(CONFIGURATION, "key", "default", "meaning"):
        above = next(line for line in reversed(lines[:number]) if line.startswith(("<!-- composed with:", "#")))
        found = re.search(r"composed with: (.*) -->", above)
        yield number, key.strip("`"), default, tuple(found[1].split()) if found else ()


@cache
def nodes() -> frozenset[str]:
    """All dotted keys of `conf/`, inner ones included."""
    variants = {variant for *_, variant in default_rows()} | {("logging=[memory]",)}
    return frozenset(key for variant in variants for key in dotted(composed(*variant)))


def leaves() -> set[str]:
    return nodes() - {key.rpartition(".")[0] for key in nodes()}


def shown(found: object) -> str:
    """A value as yaml and the command line have it."""
    if isinstance(found, list):
        return f"[{', '.join(map(shown, found))}]"
    return "null" if found is None else str(found).lower() if isinstance(found, bool) else str(found)


def test_defaults_are_those_of_conf() -> None:
    """AURL_UPDATE_SNAPSHOTS=1 writes the defaults of today into the tables."""
    lines = markdown.read(CONFIGURATION).splitlines()
    wrong = []
    for number, key, default, variant in default_rows():
        truth = f"`{shown(reduce(getitem, key.split('.'), composed(*variant)))}`"
        if default != truth:
            lines[number] = lines[number].replace(f"| {default} |", f"| {truth} |", 1)
            wrong.append(f"{key}: {default}, in conf/ {truth}")
    if os.environ.get("AURL_UPDATE_SNAPSHOTS") == "1":
        CONFIGURATION.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert not wrong, "docs/configuration.md; AURL_UPDATE_SNAPSHOTS=1 corrects it"


def test_every_key_is_described() -> None:
    described = {key for _, key, *_ in default_rows()}
    assert not {key for key in leaves() - described if not key.endswith("_target_") and not key.startswith(OWN_PAGE)}


def test_every_option_is_described() -> None:
    described = {}
    for _, (group, names, _) in markdown.rows(CONFIGURATION, "group", "options", "default"):
        described[group.split("`")[1]] = set(re.findall(r"`(\w+)`", names))
    assert described == {group: options(group) for group in described}
    groups = {path.parent.relative_to(conf_dir()).as_posix() for path in conf_dir().rglob("*/*.yaml")}
    assert {
        group for group in groups - described.keys() if not group.startswith(("anomaly/", "quality", "hydra"))
    } == set()


def options(group: str) -> set[str]:
    return {path.stem for path in (conf_dir() / group).glob("*.yaml")}


@every_page
def test_keys_and_options_in_the_text_exist(page: Path) -> None:
    own = set(re.findall(r"conf/[\w/]*/(\w+)\.yaml", markdown.read(page)))  # options that the page itself makes
    tops = {key.partition(".")[0] for key in nodes()}
    for code in markdown.inline_code(page):
        for word in code.split():
            key, sign, given = word.partition("=")
            if sign and (conf_dir() / key).is_dir():
                names = re.findall(r"\w+", given) if given != "[]" else []
                assert set(names) - {"OPTION", "null", "mine"} - own <= options(key), word
            elif key.partition(".")[0] in tops and re.fullmatch(r"[a-z_]+(\.[a-z_][\w/]*)+", key):
                is_file = re.search(r"\.(md|html|json|yaml|safetensors|py|txt)$", key)
                assert is_file or key in nodes(), word


def test_the_text_logs_expressions_are_quoted_exactly() -> None:
    quoted = {block.before.strip("`:"): block.text for block in markdown.blocks(DOCS / "logging.md", "regex")}
    assert quoted == {name: f"{pattern.pattern}\n" for name, pattern in LINE.items()}


@our_page
def test_excerpts_of_the_text_log_are_in_its_format(page: Path) -> None:
    for block in markdown.blocks(page, "log"):
        for line in block.text.splitlines():
            assert any(pattern.fullmatch(line) for pattern in LINE.values()), line


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    trainer = Trainer(tmp_path_factory.mktemp("docs"))
    return trainer("run", "trainer.epochs=1", "sample.image=true", "probe_seconds=5").folder


def programs() -> Iterator[Any]:
    for page in OURS:
        for number, block in enumerate(markdown.blocks(page, "python")):
            yield pytest.param(block.text, id=f"{page.stem}-{number}")


@pytest.mark.parametrize("program", list(programs()))
def test_programs_run(program: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    export(run, tmp_path / "handover", "best")
    exec(compile(ONE_RUN.sub(str(run), program), "example", "exec"), {"notes": load_chorales().test[0].window(0, 2)})


def test_every_key_of_run_json_is_described(run: Path) -> None:
    table = markdown.rows(DOCS / "run-directory.md", "key", "meaning")
    described = {name for _, (keys, _) in table for name in re.findall(r"`(\w+)`", keys)}
    assert json.loads((run / "run.json").read_text()).keys() <= described


def test_every_kind_of_record_is_described_with_its_fields(run: Path) -> None:
    described: dict[str, str] = {}
    for _, (kind, _, scalars, fields) in markdown.rows(
        DOCS / "run-directory.md", "kind", "written", "scalars", "fields"
    ):
        described[kind.strip("`")] = described.get(kind.strip("`"), "") + scalars + fields
    assert described.keys() == {kind.value for kind in Kind}
    for record in read_records(run):
        told = described[str(record.kind)]
        assert "..." in told or all(f"`{name}`" in told for name in record.fields), record


def test_every_file_of_a_run_is_described(run: Path) -> None:
    table = markdown.rows(DOCS / "run-directory.md", "path", "what it is", "when")
    described = [name for _, (cell, *_) in table for name in re.findall(r"`([^`]+)`", cell)]
    patterns = [
        re.compile(re.sub(r"\\?<\w+\\?>|\d{3,}", r"\\d+", re.escape(name)) + (".*" if name[-1] == "/" else ""))
        for name in described
    ]
    for path in (path for path in run.rglob("*") if path.is_file()):
        name = path.relative_to(run).as_posix()
        beside = path.with_suffix(".mid").relative_to(run).as_posix()  # a picture stands in the row of its music
        assert any(pattern.fullmatch(name) or pattern.fullmatch(beside) for pattern in patterns), name
