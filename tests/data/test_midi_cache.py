"""The cache of MIDI files read before."""

from __future__ import annotations

from pathlib import Path

import pytest

from aurl.data.midi_cache import MidiCache, content_key
from aurl.machine.env import default_cache
from aurl.music.notes import Notes


def test_pieces_come_back_by_content(tmp_path: Path) -> None:
    cache = MidiCache(tmp_path / "made" / "here", tmp_path)
    pieces = {content_key(bytes([n])): Notes.build([n], 12, 60, tempo=90.0) for n in range(3)}
    assert cache.load() == {}
    cache.save(pieces)
    read = MidiCache(tmp_path / "made" / "here", tmp_path).load()
    assert read.keys() == pieces.keys()
    assert all(read[key].same_as(pieces[key]) for key in pieces)
    assert [file.name for file in cache.path.parent.iterdir()] == [cache.path.name]


def test_other_folders_and_other_readers_have_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = MidiCache(tmp_path, tmp_path / "a").path
    assert MidiCache(tmp_path, tmp_path / "b" / ".." / "a").path == here
    assert MidiCache(tmp_path, tmp_path / "b").path != here
    monkeypatch.setattr("aurl.data.midi_cache.READER_VERSION", 99)
    assert MidiCache(tmp_path, tmp_path / "a").path != here


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "no keys"])
def test_a_damaged_cache_counts_as_empty_and_is_written_again(tmp_path: Path, damage: str) -> None:
    cache = MidiCache(tmp_path, tmp_path)
    pieces = {content_key(b"x"): Notes.build([0], 12, 60)}
    cache.save(pieces)
    if damage == "no keys":
        from aurl.music.pack import write_pack

        write_pack(cache.path, list(pieces.values()))
    else:
        whole = cache.path.read_bytes()
        cache.path.write_bytes({"empty": b"", "text": b"what is this", "cut": whole[:-40]}[damage])
    assert cache.load() == {}
    cache.save(pieces)
    assert cache.load().keys() == pieces.keys()


def test_a_cache_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        MidiCache(tmp_path / "file", tmp_path).save({content_key(b"x"): Notes.build([0], 12, 60)})


def test_the_default_follows_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere/cache")
    assert default_cache() == Path("/somewhere/cache/aurl")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/ada")
    assert default_cache() == Path("/home/ada/.cache/aurl")
