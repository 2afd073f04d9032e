"""Where profiles come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aurl.errors import ConfigError, DataError
from aurl.music.corpus import Corpus
from aurl.music.midi_writer import write_midi
from aurl.quality.reference import sources
from aurl.quality.reference.selection import MetricSelection
from aurl.quality.reference.sources import fit_corpus, hold_out, open_profile, read_folder, shipped, training_profile


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, chorales: Corpus) -> Path:
    place = tmp_path_factory.mktemp("corpus")
    for index, piece in enumerate(chorales.train[:12]):
        write_midi(piece, place / "sub" / f"{index}.mid")
    (place / "broken.MID").write_bytes(b"MThd")
    (place / "notes.txt").write_text("no music")
    return place


@pytest.mark.parametrize(("name", "lengths"), [("chorales", {4, 8, 16}), ("mixed", {4, 8, 16, 32, 64})])
def test_the_shipped_profiles(name: str, lengths: set[int], chorales: Corpus) -> None:
    profile = shipped(name)
    assert profile.name == name
    assert set(profile.references) == lengths
    assert all(len(ref.real) >= 97 and len(ref.held_out) >= 40 for ref in profile.references.values())
    assert set(profile.at(8).real.names) == set(MetricSelection.preset().measures)
    assert (profile.index is not None) == (name == "chorales")
    real = [profile.score(piece).overall for piece in chorales.validation]
    assert np.mean(real) > 0.85


def test_the_shipped_profiles_are_small_and_explained() -> None:
    place = Path(sources.__file__).with_name("profiles")
    assert sum(path.stat().st_size for path in place.glob("*.npz")) < 300_000
    assert (place / "PROFILES.md").is_file()


def test_a_folder_becomes_a_profile(folder: Path) -> None:
    profile, warnings = open_profile(str(folder))
    assert profile.name == folder.name
    assert profile.index is not None
    assert set(profile.references) == {4, 8}
    assert len(warnings) == 1
    assert warnings[0].startswith(f"1 files of {folder} were left out, such as {folder}/broken.MID: damaged")
    pieces, _ = read_folder(folder)
    assert profile.index.copied_fraction(pieces[0]) == 1.0


def test_a_file_or_a_name_or_neither(folder: Path, tmp_path: Path) -> None:
    shipped("mixed").save(tmp_path / "mine")
    assert open_profile(str(tmp_path / "mine"))[0].name == "mixed"
    assert open_profile("chorales")[0].name == "chorales"
    with pytest.raises(ConfigError, match=r"reference=coral: .* \(chorales, mixed\)\. Did you mean 'chorales'\?"):
        open_profile("coral")
    with pytest.raises(ConfigError, match="no such profile"):
        shipped("jazz")
    with pytest.raises(DataError, match="cannot be read as a profile"):
        open_profile(str(folder / "notes.txt"))


def test_a_folder_without_music(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"no MIDI file there can be read. It needs files that end in \.kar, \.mid, \.midi"
    ):
        open_profile(str(tmp_path))


def test_a_small_corpus_gets_the_mixed_profile_and_a_warning(chorales: Corpus) -> None:
    profile, warning = fit_corpus(chorales.train[:3], 16, name="three")
    assert profile.name == "mixed"
    assert warning.startswith("three: a profile needs 20 windows")
    assert warning.endswith("The mixed profile is used: scores say how like its music samples are.")
    assert profile.index is not None
    assert profile.index.copied_fraction(chorales.train[0]) == 1.0


def test_a_tenth_is_held_out_whatever_the_order(chorales: Corpus) -> None:
    pieces = list(chorales.train[:50])
    kept, held_out = hold_out(pieces)
    assert (len(kept), len(held_out)) == (45, 5)
    assert {p.name for p in hold_out(pieces[::-1])[1]} == {p.name for p in held_out}
    assert hold_out(pieces[:39])[1] == []


def test_the_training_profile_is_cached(chorales: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, validation = chorales.train[:30], chorales.validation[:5]
    first, warning = training_profile(train, validation, 4, name="mine", cache=tmp_path)
    assert warning == ""
    (saved,) = tmp_path.glob("profile-*.npz")
    monkeypatch.setattr(sources, "fit_or_mixed", None)  # would fail if it were called
    again, _ = training_profile(train, validation, 4, name="mine", cache=tmp_path)
    piece = chorales.test[0].window(0, 4)
    assert again.score(piece).overall == first.score(piece).overall
    monkeypatch.undo()
    training_profile(train[:29], validation, 4, name="mine", cache=tmp_path)
    assert len(list(tmp_path.glob("profile-*.npz"))) == 2
    saved.write_bytes(b"torn")
    assert training_profile(train, validation, 4, name="mine", cache=tmp_path)[0].name == "mine"
