from __future__ import annotations

import json
from pathlib import Path

import pytest

from aurl.cli import main
from aurl.cli.generate import parse_settings
from aurl.errors import ConfigError
from aurl.music.midi import read_midi
from aurl.music.midi_writer import write_midi
from aurl.music.notes import Notes
from tests.cli.test_train import ROOT
from tests.conftest import TINY


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outputs")
    assert ROOT.is_dir()
    assert main(["train", *TINY, f"paths.outputs={folder}", "trainer.steps=40", "optim.lr=3e-3", "model=vae"]) == 0
    return folder


def generate(outputs: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    assert main(["generate", "latest", "--root", str(outputs), "--no-audio", "--json", *arguments]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_pieces_are_written_and_told_and_repeat_with_their_seed(
    outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = generate(outputs, capsys, "n=3", "-o", str(tmp_path / "a"))
    second = generate(outputs, capsys, "n=1", "seed=2", "-o", str(tmp_path / "b"))
    assert [piece["seed"] for piece in first] == [0, 1, 2]
    assert Path(str(first[2]["path"])).read_bytes() == Path(str(second[0]["path"])).read_bytes()
    assert all(Path(str(piece["path"])).with_suffix(".png").is_file() for piece in first)


def test_a_prompt_is_continued(outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prompt = Notes.build([0, 12, 24, 36], [12] * 4, [60, 64, 67, 72])
    write_midi(prompt, tmp_path / "prompt.mid")
    [piece] = generate(outputs, capsys, "n=1", f"prompt={tmp_path / 'prompt.mid'}", "-o", str(tmp_path))
    assert piece["mode"] == "continuation"
    written = read_midi(str(piece["path"]))
    assert {(0, 60), (12, 64), (24, 67), (36, 72)} <= set(
        zip(written.onset.tolist(), written.pitch.tolist(), strict=True)
    )


@pytest.mark.parametrize("word", ["m=3", "n=three", "n=0", "n"])
def test_settings_that_cannot_be_used_are_named(word: str) -> None:
    with pytest.raises(ConfigError, match=word.split("=", maxsplit=1)[0]):
        parse_settings([word])


def test_a_setting_out_of_range_is_a_usage_error(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "latest", "--root", str(outputs), "temperature=-1"]) == 2
    assert "sample.temperature=-1" in capsys.readouterr().err


def test_every_token_means_something_when_asked_for(
    outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pieces = generate(outputs, capsys, "n=6", "valid=true", "temperature=3", "top_p=1", "-o", str(tmp_path))
    assert {piece["valid_tokens"] for piece in pieces} == {1.0}
    wild = generate(outputs, capsys, "n=6", "temperature=3", "top_p=1", "-o", str(tmp_path))
    assert min(float(str(piece["valid_tokens"])) for piece in wild) < 1.0
    with pytest.raises(ConfigError, match="valid=perhaps: has to be true or false"):
        parse_settings(["valid=perhaps"])


def test_an_earlier_file_stays(outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [first] = generate(outputs, capsys, "n=1", "-o", str(tmp_path))
    before = Path(str(first["path"])).read_bytes()
    [second] = generate(outputs, capsys, "n=1", "temperature=2", "-o", str(tmp_path))
    assert Path(str(first["path"])).read_bytes() == before
    assert Path(str(second["path"])).name == Path(str(first["path"])).stem + "_2.mid"
