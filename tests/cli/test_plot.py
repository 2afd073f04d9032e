"""`aurl plot`: figures in three formats, and what it says to bad input."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from aurl.cli import main
from tests.dashboard.runs import alert, make, step


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("outputs")
    for seed in (1, 2):
        records = [step(n, loss_total=4.0 / n + seed / 10, grad_norm=1.0) for n in range(1, 60)]
        make(root / f"seed{seed}", [*records, alert(20)], {"seed": seed})
    make(
        root / "evil",
        [step(1, loss_total=1.0), step(2, loss_total=-2.0)],
        {"seed": 3, "x": "$\\bad{"},
        name="$\\frac{\x1b[2J",
    )
    return root


@pytest.mark.parametrize(
    ("suffix", "magic"), [(".pdf", b"%PDF"), (".png", b"\x89PNG"), (".svg", b"<?xml")], ids=["pdf", "png", "svg"]
)
def test_each_format(
    outputs: Path, tmp_path: Path, suffix: str, magic: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / f"figure{suffix}"
    assert main(["plot", str(outputs), "-o", str(target), "--smooth", "0.5"]) == 0
    assert target.read_bytes().startswith(magic)
    assert "of 3 runs" in capsys.readouterr().out


def test_text_in_a_figure_is_text_and_names_are_no_formulas(outputs: Path, tmp_path: Path) -> None:
    target = tmp_path / "figure.svg"
    assert main(["plot", str(outputs), "loss/total", "-o", str(target), "--no-bands", "--log"]) == 0
    words = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", target.read_text()))
    assert "Loss" in words
    assert "$\\frac{\\x1b[2J" in words
    assert "seed1" in words


@pytest.mark.parametrize("axis", ["step", "epoch", "time", "relative"])
def test_each_abscissa(outputs: Path, tmp_path: Path, axis: str) -> None:
    target = tmp_path / "figure.svg"
    assert main(["plot", str(outputs / "seed1"), "loss/total", "--x", axis, "-o", str(target)]) == 0
    assert target.stat().st_size > 2000


def test_json_tells_what_was_drawn(outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "figure.svg"
    assert main(["plot", "grad/norm", "--outputs", str(outputs), "seed1", "-o", str(target), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"file": str(target), "runs": [str(outputs / "seed1")], "scalars": ["grad/norm"]}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "figure.gif"], "figures are .pdf, .png, .svg"),
        (["-o", "/no/such/folder/figure.pdf"], "there is no folder /no/such/folder"),
        (["seed1", "loss/totl", "-o", "f.pdf"], "loss/totl: no such run, and no such scalar in the runs. Did you mean"),
        (["{outputs}/nothing", "-o", "f.pdf"], "no such run"),
    ],
)
def test_bad_input_is_told(
    outputs: Path, here: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [argument.format(outputs=outputs) for argument in arguments]
    assert main(["plot", *filled, "--outputs", str(outputs)]) == 2
    assert message in capsys.readouterr().err
    assert not list(here.iterdir())


@pytest.mark.parametrize("arguments", [["--smooth", "1"], ["--width", "0"], ["--smooth", "much"]])
def test_settings_out_of_range(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["plot", "x", "-o", "f.pdf", *arguments])
    assert ended.value.code == 2
    assert "is not a w" in capsys.readouterr().err
