"""Mutants: which there are, which tests are run for them, and that a test that asserts something notices one."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.mutate import known_equivalent, mirrored_tests, mutants_of, run_tests, sample

SOURCE = '''"""A module."""

from __future__ import annotations

LIMIT = 3


def few(x: int) -> bool:
    """Whether there are few."""
    if x < LIMIT and x != -1:
        print(x + 1)
    return True
'''


def project(root: Path, test: str) -> Path:
    for name, text in {
        "aurl/__init__.py": "", "aurl/room/__init__.py": "", "aurl/room/few.py": SOURCE, "tests/room/test_few.py": test,
        "pyproject.toml": "[tool.pytest.ini_options]\nmarkers = ['slow']\n",
    }.items():  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_the_faults_of_a_module() -> None:
    found = {(mutant.before, mutant.after) for mutant in mutants_of(SOURCE, "aurl/few.py")}
    assert found == {
        ("3", "4"),
        ("if x < LIMIT and x != -1", "if not (x < LIMIT and x != -1)"),
        ("x < LIMIT and x != -1", "x < LIMIT or x != -1"),
        ("x < LIMIT", "x <= LIMIT"),
        ("x != -1", "x == -1"),
        ("1", "2"),
        ("print(x + 1)", "..."),
        ("x + 1", "x - 1"),
        ("True", "False"),
    }
    assert all("def few" in mutant.source for mutant in mutants_of(SOURCE, "aurl/few.py"))


def test_the_same_seed_takes_the_same_faults_and_another_one_others(tmp_path: Path) -> None:
    project(tmp_path, "")
    first = [mutant.name for mutant in sample(tmp_path, 4, 1)]
    assert first == [mutant.name for mutant in sample(tmp_path, 4, 1)]
    assert first != [mutant.name for mutant in sample(tmp_path, 4, 2)]
    assert len(sample(tmp_path, 500, 1)) == len(mutants_of(SOURCE, ""))
    assert sample(tmp_path, 4, 1, "room")
    assert first[0].startswith("aurl/room/few.py: ")


def test_tests_of_a_module_mirror_it_or_import_it(tmp_path: Path) -> None:
    project(tmp_path, "")
    assert mirrored_tests(tmp_path, "aurl/room/few.py") == ["tests/room/test_few.py"]
    (tmp_path / "tests" / "test_other.py").write_text("from aurl.room.few import few\n")
    (tmp_path / "tests" / "test_third.py").write_text("from aurl.room import few\n")
    (tmp_path / "tests" / "test_alien.py").write_text("from aurl.room.fewer import few\n")
    assert mirrored_tests(tmp_path, "aurl/room/few.py") == [
        "tests/room/test_few.py", "tests/test_other.py", "tests/test_third.py",
    ]  # fmt: skip
    (tmp_path / "aurl/room/lonely.py").write_text("")
    assert mirrored_tests(tmp_path, "aurl/room/lonely.py") == ["tests/room/test_few.py"], "those of its folder"


def test_equivalent_mutants_are_named_with_their_reason(tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("# a comment\n\naurl/room/few.py: 3 -> 4  # nobody counts that far\n")
    assert known_equivalent(listed) == {"aurl/room/few.py: 3 -> 4"}
    assert known_equivalent(tmp_path / "none") == set()
    for name in known_equivalent():
        assert (Path("aurl").parent / name.partition(": ")[0]).exists(), name


@pytest.mark.two_process
def test_a_test_that_asserts_something_notices(tmp_path: Path) -> None:
    test = "from aurl.room.few import few\n\n\ndef test_few():\n    assert few(1)\n"
    project(tmp_path, test)
    assert run_tests(tmp_path, ["tests/room/test_few.py"])
    fault = next(mutant for mutant in mutants_of(SOURCE, "aurl/room/few.py") if mutant.after == "False")
    (tmp_path / fault.file).write_text(fault.source)
    assert not run_tests(tmp_path, ["tests/room/test_few.py"])
