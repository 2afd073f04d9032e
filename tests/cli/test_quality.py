"""`aurl quality` and `aurl profile`."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from aurl.cli import main
from aurl.music.corpus import Corpus, load_chorales
from aurl.music.midi_writer import write_midi
from tests.quality.reference.test_selection import TEN


@pytest.fixture(scope="module")
def chorales() -> Corpus:
    return load_chorales()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, chorales: Corpus) -> Path:
    place = tmp_path_factory.mktemp("midi")
    for index, piece in enumerate(chorales.validation[:3]):
        write_midi(piece, place / f"{index}.mid")
    (place / "torn.mid").write_bytes(b"MThd\0\0")
    return place


def test_json_lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quality", str(folder), str(folder / "0.mid"), "--reference", "chorales", "--json"]) == 0
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [Path(document["path"]).name for document in documents] == ["0.mid", "1.mid", "2.mid", "torn.mid"]
    for document in documents[:3]:
        assert tuple(document["metrics"]) == TEN
        assert document["profile"].startswith("chorales, ")
        assert document["metrics"]["overall_quality"] > 0.6
        assert document["copied_fraction"] < 0.3
        assert document["raw"]["density"] > 1
    assert set(documents[3]) == {"path", "error"}


def test_the_table_names_the_profile(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quality", str(folder)]) == 0
    said = capsys.readouterr()
    assert "Mean of 3 files, against mixed" in said.out
    for name in TEN:
        assert name.replace("_", " ") in said.out
    assert "torn.mid: damaged" in said.err


def test_bars_and_published(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quality", str(folder / "0.mid"), "--bars", "4", "--published", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["bars"] <= 4
    assert document["profile"] == "mixed, 4 bars"
    assert document["published"]["muspy_pitch_range"] > 10


def test_a_folder_is_compared_as_a_set_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["quality", str(folder), str(folder / "0.mid"), "--reference", "chorales", "--published"]
    assert main([*arguments, "--json"]) == 0
    *files, whole = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert [Path(document["path"]).name for document in files] == ["0.mid", "1.mid", "2.mid", "torn.mid"]
    assert (whole["path"], whole["files"]) == (str(folder), 3)
    assert whole["profile"].startswith("chorales, ")
    known = {name: area for name, area in whole["overlap"].items() if area is not None}
    assert len(known) > 10
    assert all(0 <= area <= 1 for area in known.values())
    assert all(whole["divergence"][name] >= 0 for name in known)
    assert (whole["frechet"], whole["frechet_real"]) == (None, [None, None])  # too few files
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "3 files as a set, against chorales" in " ".join(said.split())
    assert "KL divergence" in said


def test_a_picture(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quality", str(folder), "--picture", str(tmp_path / "p.svg"), "--json"]) == 0
    assert "mixed" in "".join(ET.parse(tmp_path / "p.svg").getroot().itertext())
    for path, message in ((tmp_path / "p.png", "name that ends in .svg"), (tmp_path / "no" / "p.svg", "no folder")):
        assert main(["quality", str(folder), "--picture", str(path)]) == 2
        assert message in capsys.readouterr().err


def test_a_folder_that_may_not_be_listed(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "private").mkdir()
    scandir = os.scandir

    def guarded(path: str) -> object:  # a test that runs as root is allowed everything
        if str(path).endswith("private"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    assert main(["quality", str(folder), "--json"]) == 0
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 4
    assert "private: cannot be listed: Permission denied." in " ".join(said.err.split())


def test_nothing_to_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quality", str(tmp_path)]) == 2
    assert "no MIDI files" in capsys.readouterr().err
    assert main(["quality", str(tmp_path / "missing.mid"), "--json"]) == 2
    assert "No such file" in json.loads(capsys.readouterr().out)["error"]
    assert main(["quality", str(tmp_path), "--reference", "nothing"]) == 2
    assert "reference=nothing: no such file or folder" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["quality"], ["quality", "x", "--bars", "0"], ["profile"]])
def test_bad_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2


def test_a_profile_of_a_folder(
    tmp_path: Path, chorales: Corpus, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for index, piece in enumerate(chorales.train[:10]):
        write_midi(piece, tmp_path / "corpus" / f"{index}.mid")
    made = tmp_path / "mine.npz"
    assert main(["profile", str(tmp_path / "corpus"), "-o", str(made), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["name"], document["pieces"], document["rejected"]) == ("corpus", 10, [])
    assert document["windows"]["4"] >= 20
    assert main(["quality", str(tmp_path / "corpus" / "0.mid"), "--reference", str(made), "--json"]) == 0
    scored = json.loads(capsys.readouterr().out)
    assert scored["profile"].startswith("corpus, ")
    assert scored["copied_fraction"] == 1.0
    assert main(["profile", str(folder), "-o", str(made), "--bars", "64"]) == 2
    assert "a profile needs 20 windows" in capsys.readouterr().err
    assert main(["profile", str(made), "-o", str(made)]) == 2
    assert "not a folder" in capsys.readouterr().err
    assert main(["profile", str(tmp_path / "corpus"), "-o", "/proc/no/where"]) == 2
    assert "choose another place" in capsys.readouterr().err
