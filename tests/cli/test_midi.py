"""`aurl midi`: what aurl hears in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aurl.cli import main
from aurl.music.midi_writer import write_midi
from aurl.music.notes import Notes
from aurl.music.score import Instrument, Metre, Tempo
from tests.music.test_midi import QUARTER, midi, off, on

KEYS = {
    *("path", "notes", "end", "seconds", "metre", "metres", "first_bar", "tempo", "tempos"),
    *("resolution", "tracks", "lost"),
}


def heard(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert main(["midi", "--json", *arguments]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def band(tmp_path: Path) -> Path:
    tracks = (Instrument(33, False, "bass"), Instrument(0, True, "kit"))
    notes = Notes.build(
        np.arange(40) * 12, 6, [40, 36] * 20, track=[0, 1] * 20, tracks=tracks,
        metres=(Metre(0, 4, 4), Metre(192, 6, 8)), tempos=(Tempo(0, 90.0), Tempo(240, 60.0)),
    )  # fmt: skip
    write_midi(notes, tmp_path / "band.mid")
    return tmp_path / "band.mid"


def test_a_band_is_told_with_its_tracks_metres_and_tempi(band: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = heard(capsys, str(band))
    assert row.keys() >= KEYS
    assert (row["path"], row["notes"], row["end"], row["resolution"]) == (str(band), 40, 39.5, 12)
    assert (row["metre"], row["metres"], row["first_bar"]) == ([6, 8], [[0, 4, 4], [16, 6, 8]], 0)
    assert row["tempos"] == [[0, 90], [20, 60]]
    assert row["seconds"] == pytest.approx(20 * 60 / 90 + 19.5)
    assert row["tracks"] == [
        {"name": "bass", "program": 33, "drum": False, "notes": 20},
        {"name": "kit", "program": 0, "drum": True, "notes": 20},
    ]
    assert not any(row["lost"].values())
    assert row["lost"].keys() >= {"merged", "moved", "dropped"}


def test_the_pieces_of_a_type_2_file_have_a_row_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray(midi(QUARTER, QUARTER + QUARTER))
    data[9] = 2
    (tmp_path / "two.mid").write_bytes(data)
    rows = heard(capsys, str(tmp_path / "two.mid"))
    assert [(row["end"], row["piece"]) for row in rows] == [(1, 1), (2, 2)]


def test_all_kinds_of_files_in_a_folder_and_the_ones_that_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for ending in ("mid", "MIDI", "kar", "rmi", "smf"):
        (tmp_path / f"a.{ending}").write_bytes(midi(QUARTER))
    (tmp_path / "b.mid").write_bytes(b"MThd")
    (tmp_path / "c.txt").write_text("no music")
    rows = heard(capsys, str(tmp_path))
    assert len(rows) == 6
    assert [Path(row["path"]).name for row in rows if "error" in row] == ["b.mid"]
    assert main(["midi", str(tmp_path / "b.mid")]) == 2
    assert "b.mid: damaged: ends within its header" in capsys.readouterr().err


def test_the_pedal_and_the_grid_can_be_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    held = b"\x00\xb0\x40\x7f" + on(0, 60) + off(60, 60) + b"\x83\x60\xb0\x40\x00"
    path = tmp_path / "held.mid"
    path.write_bytes(midi(held))
    assert [row["end"] for row in heard(capsys, str(path))] == [1.125]
    assert [row["end"] for row in heard(capsys, str(path), "--pedal", "ignore")] == [0.125]
    fine = tmp_path / "fine.mid"
    fine.write_bytes(midi(b"".join(on(0, 60) + off(60, 60) for _ in range(32))))
    assert [(row["resolution"], row["lost"]["moved"]) for row in heard(capsys, str(fine))] == [(24, 0)]
    assert [row["lost"]["moved"] for row in heard(capsys, str(fine), "--resolution", "12")] == [16]


def test_people_read_a_paragraph(band: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["midi", str(band)]) == 0
    assert capsys.readouterr().out == (
        f"{band}\n"
        "  40 notes, 39.5 quarter notes, 32.8 s\n"
        "  metre 6/8; begins in 4/4, 6/8 at 16\n"
        "  tempo 90, 1 changes, 60 to 90\n"
        "  grid  12 ticks to the quarter note; nothing lost\n"
        "  track bass: program 33, 20 notes\n"
        "  track kit: drums, 20 notes\n"
    )


@pytest.mark.parametrize("arguments", [["--resolution", "13"], ["no such file.mid"]])
def test_what_cannot_be_done_is_exit_2(band: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["midi", *([str(band)] if arguments[0].startswith("-") else []), *arguments]) == 2
    assert arguments[-1] in capsys.readouterr().err
