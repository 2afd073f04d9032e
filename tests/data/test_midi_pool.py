"""Reading in worker processes, some of which die on purpose."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aurl.data import midi_pool
from aurl.data.midi_cache import ReadFile, content_key
from aurl.data.midi_pool import ReadOutcome, read_in_processes, read_outcome
from aurl.music.midi_writer import write_midi
from aurl.music.notes import Notes

PIECE = Notes.build([0, 12], 12, [60, 64])


def die_on_fatal(path: Path) -> ReadOutcome:
    if "fatal" in path.name:
        os._exit(139)
    if "raising" in path.name:
        raise MemoryError("too large")
    return ReadOutcome(path, file=ReadFile((PIECE,)))


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    return lambda size: monkeypatch.setattr(midi_pool, "CHUNK", size)


def test_every_file_gets_an_outcome(tmp_path: Path, small_chunks: Callable[[int], None]) -> None:
    small_chunks(3)
    paths = [tmp_path / f"{index}.mid" for index in range(10)]
    for path in paths[:-2]:
        write_midi(PIECE, path)
    paths[-2].write_bytes(b"junk")
    outcomes = {outcome.path: outcome for outcome in read_in_processes(paths, 2)}
    assert outcomes.keys() == set(paths)
    for path in paths[:-2]:
        file = outcomes[path].file
        assert file is not None
        assert file.pieces[0].same_as(PIECE)
        assert outcomes[path].key == content_key(path.read_bytes())
    assert "not a MIDI file" in outcomes[paths[-2]].reason
    assert "No such file" in outcomes[paths[-1]].reason


@pytest.mark.slow
def test_files_that_end_their_reader_are_singled_out(small_chunks: Callable[[int], None]) -> None:
    small_chunks(4)
    names = [f"{index}.mid" for index in range(12)]
    names[1], names[6] = "fatal.mid", "raising.mid"
    outcomes = {outcome.path.name: outcome for outcome in read_in_processes([*map(Path, names)], 2, die_on_fatal)}
    assert outcomes.keys() == set(names)
    assert outcomes["fatal.mid"].reason == "the process that read it died"
    assert outcomes["raising.mid"].reason == "reading it failed: MemoryError('too large')"
    assert all(outcomes[name].file is not None for name in names if name[0].isdigit())


def test_no_files_give_no_outcomes() -> None:
    assert list(read_in_processes([], 4)) == []


def test_a_reader_knows_its_own_reasons(tmp_path: Path) -> None:
    (tmp_path / "empty.mid").touch()
    assert read_outcome(tmp_path / "empty.mid") == ReadOutcome(tmp_path / "empty.mid", reason="empty file")


def test_a_script_without_a_main_guard_is_told_so(tmp_path: Path) -> None:
    write_midi(PIECE, tmp_path / "a.mid")
    script = tmp_path / "script.py"
    script.write_text(f"from aurl.data.sources import MidiFolder\nMidiFolder({str(tmp_path)!r}, cache=False).load()\n")
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 1
    assert "under `if __name__ == '__main__':`" in result.stderr.splitlines()[-1]
