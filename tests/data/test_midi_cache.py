"""The cache of MIDI files read before."""

from __future__ import annotations

from pathlib import Path

import pytest

from aurl.data.midi_cache import MidiCache, ReadFile, Reading, content_key
from aurl.machine.env import default_cache
from aurl.music.grid import Lost
from aurl.music.notes import Notes


def file(onset: int = 0, count: int = 1) -> ReadFile:
    """A file of so many pieces."""
    return ReadFile((Notes.build([onset], 12, 60, tempo=90.0),) * count, Lost(moved=onset))


def test_pieces_come_back_by_content(tmp_path: Path) -> None:
    cache = MidiCache(tmp_path / "made" / "here", tmp_path, Reading())
    pieces = {content_key(bytes([n])): file(n, count=n + 1) for n in range(3)}
    assert cache.load() == {}
    cache.save(pieces)
    read = MidiCache(tmp_path / "made" / "here", tmp_path, Reading()).load()
    assert read.keys() == pieces.keys()
    for key, (wanted, lost) in pieces.items():
        assert len(read[key].pieces) == len(wanted)
        assert all(found.same_as(each) for found, each in zip(read[key].pieces, wanted, strict=True))
        assert read[key].lost == lost
    assert [file.name for file in cache.path.parent.iterdir()] == [cache.path.name]


def test_other_folders_and_other_readers_have_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = MidiCache(tmp_path, tmp_path / "a", Reading()).path
    assert MidiCache(tmp_path, tmp_path / "b" / ".." / "a", Reading()).path == here
    assert MidiCache(tmp_path, tmp_path / "b", Reading()).path != here
    for other in (Reading(24), Reading("ms"), Reading(pedal="ignore"), Reading(tracks=True)):
        assert MidiCache(tmp_path, tmp_path / "a", other).path != here
    monkeypatch.setattr("aurl.data.midi_cache.READER_VERSION", 99)
    assert MidiCache(tmp_path, tmp_path / "a", Reading()).path != here


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "no keys"])
def test_a_damaged_cache_counts_as_empty_and_is_written_again(tmp_path: Path, damage: str) -> None:
    cache = MidiCache(tmp_path, tmp_path, Reading())
    pieces = {content_key(b"x"): file()}
    cache.save(pieces)
    if damage == "no keys":
        from aurl.music.pack import write_pack

        write_pack(cache.path, [piece for each in pieces.values() for piece in each.pieces])
    else:
        whole = cache.path.read_bytes()
        cache.path.write_bytes({"empty": b"", "text": b"what is this", "cut": whole[:-40]}[damage])
    assert cache.load() == {}
    cache.save(pieces)
    assert cache.load().keys() == pieces.keys()


def test_a_cache_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        MidiCache(tmp_path / "file", tmp_path, Reading()).save({content_key(b"x"): file()})


def test_the_default_follows_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere/cache")
    assert default_cache() == Path("/somewhere/cache/aurl")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/ada")
    assert default_cache() == Path("/home/ada/.cache/aurl")
