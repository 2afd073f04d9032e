"""Snapshots from the command line, and what they say to bad input."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from aurl.cli import main
from tests.dashboard.runs import make, step

pytest.importorskip("playwright.sync_api")


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    make(tmp_path / "outputs" / "run1", [step(n) for n in range(1, 30)])
    return tmp_path / "outputs"


@pytest.mark.slow
@pytest.mark.two_process
def test_a_run_as_html_and_as_png(outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, picture = tmp_path / "run.html", tmp_path / "run.png"
    assert main(["dashboard", str(outputs), "--snapshot", "latest", "-o", str(page)]) == 0
    text = page.read_text()
    assert "data:image/png" in text
    assert "loss/total" in text
    assert "<script" not in text
    assert main(["dashboard", str(outputs), "--snapshot", "run1:config", "-o", str(picture), "--theme", "dark"]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main(["dashboard", str(outputs), "--snapshot", "run2", "-o", str(page)]) == 2
    assert "--snapshot run2: no such page or run." in capsys.readouterr().err


class Closing(logging.Handler):
    """As that of absl, which closes the standard error that it writes to."""

    closed = False

    def close(self) -> None:
        self.closed = True
        super().close()


@pytest.mark.slow
@pytest.mark.two_process
def test_the_handlers_of_a_process_stay_open(outputs: Path, tmp_path: Path) -> None:
    handler = Closing()
    assert main(["dashboard", str(outputs), "--snapshot", "latest", "-o", str(tmp_path / "run.html")]) == 0
    assert not handler.closed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--snapshot", "runs"], "say where to, -o FILE.html or -o FILE.png"),
        (["--snapshot", "runs", "-o", "page.pdf"], "a snapshot is .html or .png"),
        (["--snapshot", "runs", "-o", "/no/such/folder/page.png"], "there is no folder /no/such/folder"),
    ],
)
def test_bad_input_is_told(
    outputs: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dashboard", str(outputs), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_directory_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dashboard", str(tmp_path / "nothing"), "--snapshot", "runs", "-o", str(tmp_path / "p.html")]) == 2
    assert "no such directory" in capsys.readouterr().err
