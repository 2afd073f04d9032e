"""Folders of MIDI files: good, mixed, odd and hopeless ones."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from aurl.data.midi_folder import MidiFolder
from aurl.errors import ConfigError, DataError
from aurl.music.corpus import Corpus
from aurl.music.midi_writer import midi_bytes, write_midi
from aurl.music.notes import Notes
from tests.music.test_midi import metre, midi, off, on


def piece(number: int) -> Notes:
    return Notes.build([0, 12, 24 + number], 12, [60, 64, 67], bar=36, tempo=90)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    for number in range(6):
        write_midi(piece(number), folder / f"set {number % 2}" / f"{number}.{'MID' if number == 3 else 'mid'}")
    return folder


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares the start of a worker process where it is not what the test is about."""
    monkeypatch.setattr("aurl.data.midi_folder.read_in_processes", lambda paths, _workers, read: map(read, paths))


def load(root: Path, **options: object) -> Corpus:
    return MidiFolder(root, **{"workers": 1, "cache": root.parent / "cache", **options}).load()  # type: ignore[arg-type]


def everything(corpus: Corpus) -> list[Notes]:
    return sorted(corpus.train + corpus.validation + corpus.test, key=lambda piece: piece.name)


def test_a_folder_is_read_and_split(root: Path) -> None:
    (root / "notes.txt").write_text("not listed")
    corpus = load(root)
    pieces = everything(corpus)
    assert corpus.name == "music"
    assert [p.name for p in pieces] == [f"set {n % 2}/{n}.{'MID' if n == 3 else 'mid'}" for n in (0, 2, 4, 1, 3, 5)]
    assert all(p.same_as(piece(int(p.name[6]))) for p in pieces)
    assert corpus.train
    assert corpus.validation
    assert corpus.test
    assert (corpus.rejected, corpus.cache_hits, corpus.warnings) == ((), 0, ())


def test_bad_files_are_reported_beside_the_good_ones(root: Path) -> None:
    (root / "a truncated.mid").write_bytes(midi_bytes(piece(0))[:60])
    (root / "b garbage.mid").write_bytes(bytes(range(256)) * 9)
    (root / "c empty.mid").touch()
    (root / "d text.mid").write_text("This is the readme.")
    (root / "e drums.mid").write_bytes(midi(on(0, 36, channel=9) + off(96, 36, channel=9)))
    (root / "f far.mid").write_bytes(midi(on(0xFFFFFFF, 60) + off(9, 60)))
    (root / "g no length.mid").write_bytes(midi(on(0, 60) + off(0, 60)))
    (root / "h broken link.mid").symlink_to(root / "nowhere.mid")
    (root / "i circle.mid").symlink_to(root / "i circle.mid")
    os.mkfifo(root / "j pipe.mid")
    corpus = load(root)
    assert len(everything(corpus)) == 6
    reasons = {file.path: file.reason for file in corpus.rejected}
    assert list(reasons) == sorted(reasons)
    expected = {
        "a truncated.mid": "damaged",
        "b garbage.mid": "not a MIDI file",
        "c empty.mid": "empty file",
        "d text.mid": "not a MIDI file",
        "e drums.mid": "drums only",
        "f far.mid": "ends at tick",
        "g no length.mid": "no note has a length",
        "h broken link.mid": "No such file",
        "i circle.mid": "symbolic links",
        "j pipe.mid": "not a regular file",
    }
    assert reasons.keys() == expected.keys()
    assert [path for path, reason in reasons.items() if expected[path] not in reason] == []
    again = load(root)
    assert again.cache_hits == 6
    assert again.rejected == corpus.rejected


@pytest.mark.usefixtures("in_process")
def test_the_cache_is_by_content(root: Path) -> None:
    first = load(root)
    second = load(root)
    assert (first.cache_hits, second.cache_hits) == (0, 6)
    assert second.fingerprint == first.fingerprint
    assert [p.name for p in second.train] == [p.name for p in first.train]

    (root / "set 0" / "0.mid").rename(root / "renamed.mid")
    write_midi(piece(7), root / "set 1" / "1.mid")
    third = load(root)
    assert third.cache_hits == 5
    assert sorted(int(p.onset[-1]) - 24 for p in everything(third)) == [0, 2, 3, 4, 5, 7]
    assert load(root).cache_hits == 6


@pytest.mark.usefixtures("in_process")
def test_a_damaged_cache_is_written_again(root: Path) -> None:
    load(root)
    (cache,) = (root.parent / "cache").iterdir()
    cache.write_bytes(b"disk error")
    assert load(root).cache_hits == 0
    assert load(root).cache_hits == 6


@pytest.mark.usefixtures("in_process")
def test_a_cache_that_cannot_be_written_is_a_warning(root: Path) -> None:
    (root.parent / "cache").write_text("a file where the folder should be")
    corpus = load(root)
    assert len(everything(corpus)) == 6
    assert len(corpus.warnings) == 1
    assert corpus.warnings[0].startswith(f"The cache {root.parent / 'cache'}/midi-")
    assert corpus.warnings[0].endswith("; files are read each time.")


@pytest.mark.usefixtures("in_process")
def test_the_cache_may_be_off_or_the_users(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(root.parent / "home"))
    load(root, cache=False)
    assert not (root.parent / "home").exists()
    load(root, cache=None)
    assert load(root, cache=None).cache_hits == 6
    assert len(list((root.parent / "home" / "aurl").iterdir())) == 1


def test_the_number_of_workers_changes_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurl.data.midi_pool.CHUNK", 2)
    one, three = load(root, cache=False), load(root, cache=False, workers=3)
    assert one.fingerprint == three.fingerprint
    assert [p.name for p in one.train] == [p.name for p in three.train]


@pytest.mark.usefixtures("in_process")
def test_links_are_followed_once(root: Path) -> None:
    outside = root.parent / "outside"
    write_midi(piece(9), outside / "9.mid")
    (outside / "back").symlink_to(root, target_is_directory=True)
    (root / "link").symlink_to(outside, target_is_directory=True)
    (root / "self").symlink_to(root, target_is_directory=True)
    assert [p.name for p in everything(load(root)) if "link" in p.name] == ["link/9.mid"]
    assert len(everything(load(root))) == 7


@pytest.mark.usefixtures("in_process")
def test_whole_silent_bars_before_the_music_are_dropped(tmp_path: Path) -> None:
    write_midi(Notes.build([36 * 40 + 5, 36 * 41], 12, [60, 62], bar=36), tmp_path / "late.mid")
    assert load(tmp_path).train[0].onset.tolist() == [5, 36]


@pytest.mark.usefixtures("in_process")
def test_a_name_that_is_not_text_is_shown_as_text(root: Path) -> None:
    write_midi(piece(8), root / os.fsdecode(b"caf\xe9.mid"))
    (root / os.fsdecode(b"na\xefve.mid")).touch()
    corpus = load(root)
    assert "caf\ufffd.mid" in [p.name for p in everything(corpus)]
    assert corpus.rejected[0].path == "na\ufffdve.mid"


@pytest.mark.usefixtures("in_process")
def test_one_file_is_a_corpus(tmp_path: Path) -> None:
    write_midi(piece(0), tmp_path / "only.midi")
    corpus = load(tmp_path)
    assert [p.name for p in corpus.train] == [p.name for p in corpus.validation] == ["only.midi"]
    assert "cannot be split" in corpus.warnings[0]


def test_roots_that_are_no_folder(tmp_path: Path) -> None:
    (tmp_path / "song.mid").write_bytes(b"MThd")
    for root, message in {
        tmp_path / "missing": "there is no such folder. Give one that holds .mid or .midi files.",
        tmp_path / "song.mid" / "below": "there is no such folder. Give one that holds .mid or .midi files.",
        tmp_path / "song.mid": "is a file. Give the folder that holds it.",
        tmp_path / ("x" * 300): "cannot be read (File name too long). Give a folder that you may read.",
    }.items():
        with pytest.raises(DataError) as error:
            load(root)
        assert str(error.value) == f"data.root={root}: {message}"
    with pytest.raises(DataError, match=r"data\.root is empty"):
        MidiFolder("").load()


@pytest.mark.usefixtures("in_process")
def test_a_folder_without_a_usable_file(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").touch()
    with pytest.raises(DataError) as error:
        load(tmp_path)
    assert str(error.value) == f"data.root={tmp_path}: holds no .mid or .midi file. Give another folder."
    for number in range(7):
        (tmp_path / f"{number}.mid").touch()
    with pytest.raises(DataError) as error:
        load(tmp_path)
    shown = "; ".join(f"{number}.mid: empty file" for number in range(5))
    assert str(error.value) == (
        f"data.root={tmp_path}: none of 7 MIDI files can be used. {shown} and 2 more. Give other files."
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folders_without_permission(root: Path) -> None:
    (root / "set 0").chmod(0)
    try:
        corpus = load(root)
        assert [(file.path, file.reason) for file in corpus.rejected] == [
            ("set 0", "cannot be read: Permission denied")
        ]
        root.chmod(0)
        with pytest.raises(DataError, match="cannot be read"):
            load(root)
    finally:
        root.chmod(0o755)
        (root / "set 0").chmod(0o755)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation": -0.1}, r"data\.validation=-0\.1, data\.test=0\.1: need"),
        ({"validation": 0.5, "test": 0.5}, r"below 1 in sum"),
        ({"validation": float("nan")}, r"data\.validation=nan"),
        ({"workers": -1}, r"data\.workers=-1: needs at least 1, or 0"),
    ],
)
def test_values_outside_their_range(options: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MidiFolder("anywhere", **options)  # type: ignore[arg-type]


@pytest.mark.usefixtures("in_process")
def test_progress_is_shown_on_a_terminal_only(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {}
    for terminal in (False, True):
        stream = io.StringIO()
        monkeypatch.setattr(stream, "isatty", lambda terminal=terminal: terminal)
        monkeypatch.setattr(sys, "stderr", stream)
        load(root)
        shown[terminal] = stream.getvalue()
    assert shown[False] == ""
    assert "Reading MIDI" in shown[True]


def fine(step: int) -> bytes:
    """Notes of a fraction of a quarter, in ticks of 480."""
    return midi(b"".join(on(0, 60) + off(step, 60) for _ in range(64)))


@pytest.mark.usefixtures("in_process")
def test_the_grid_is_what_the_folder_needs_and_its_user_hears_of_it(root: Path) -> None:
    assert load(root, resolution="auto", cache=False).resolution == 12
    for number in range(3):
        (root / f"fine {number}.mid").write_bytes(fine(60) + bytes(number))
    corpus = load(root, resolution="auto", cache=False)
    assert corpus.resolution == 24
    assert corpus.warnings[0] == (
        "Notes lie on a grid of 24 ticks to the quarter note, because 12 move 46% of them; data.resolution=12 or "
        "another number chooses otherwise."
    )
    assert not any(corpus.lost.values())
    coarse = load(root, resolution=12, cache=False)
    assert coarse.resolution == 12
    assert coarse.lost["moved"] == 96
    assert coarse.warnings[0].startswith("46% of the notes begin at another time than written, so a finer data.resol")


@pytest.mark.usefixtures("in_process")
def test_an_upbeat_does_not_become_the_metre_and_6_8_stays(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    change = b"\x00\xff\x58\x04\x04\x02\x18\x08"
    pickup = midi(metre(1, 2) + on(0, 60) + off(480, 60) + change + (on(0, 62) + off(480, 62)) * 32)
    (folder / "pickup.mid").write_bytes(pickup)
    (folder / "jig.mid").write_bytes(midi(metre(6, 3) + (on(0, 60) + off(240, 60)) * 48))
    corpus = load(folder, cache=False)
    pieces = {piece.name: piece for piece in (*corpus.train, *corpus.validation)}
    assert (pieces["pickup.mid"].metre, pieces["pickup.mid"].bars) == ((4, 4), 9)
    assert pieces["pickup.mid"].onset[:2].tolist() == [36, 48]
    assert (pieces["jig.mid"].metre, pieces["jig.mid"].bars) == ((6, 8), 8)


@pytest.mark.usefixtures("in_process")
def test_the_songs_of_a_type_2_file_are_pieces_of_their_own(root: Path) -> None:
    data = bytearray(midi(on(0, 60) + off(480, 60), on(0, 72) + off(960, 72)))
    data[9] = 2
    (root / "two.mid").write_bytes(data)
    for again in (False, True):
        corpus = load(root)
        songs = [piece for piece in everything(corpus) if piece.name.startswith("two")]
        assert [(song.name, song.pitch.tolist()) for song in songs] == [("two.mid #1", [60]), ("two.mid #2", [72])]
        assert (corpus.cache_hits > 0) == again


@pytest.mark.usefixtures("in_process")
def test_tracks_and_drums_are_kept_where_they_are_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    bass = b"\x00\xc0\x21" + on(0, 40) + off(480, 40)
    for number in range(3):
        drums = (on(0, 36 + number, channel=9) + off(480, 36 + number, channel=9)) * 4
        (folder / f"{number}.mid").write_bytes(midi(bass, drums))
    for cached in range(2):
        corpus = load(folder, tracks=True)
        assert corpus.cache_hits == 3 * cached
        assert all([track[:2] for track in piece.tracks] == [(33, False), (0, True)] for piece in everything(corpus))
        assert all(len(piece) == 5 for piece in everything(corpus))
    merged = load(folder)
    assert merged.warnings[0] == "80% of the notes are drums, which are left out (data.tracks=true keeps them)."


@pytest.mark.parametrize(("key", "value"), [("resolution", 13), ("pedal", "on")])
def test_what_cannot_be_chosen_is_a_config_error(root: Path, key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"data.{key}={value}: allowed are"):
        load(root, **{key: value})
