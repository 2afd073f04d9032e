"""Published corpora by name, on small folders laid out as each documents itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from aurl.data.known import CORPORA, KnownCorpus
from aurl.data.midi_pool import read_outcome
from aurl.errors import ConfigError, DataError
from aurl.music.corpus import Corpus
from aurl.music.midi_writer import write_midi
from aurl.music.notes import Notes

LAYOUTS = {
    "lakh": [f"lmd_matched/A/A/{letter}/TRAAA{letter}/{number}.mid" for letter in "ABCDEFGH" for number in range(2)],
    "maestro": [f"maestro-v3.0.0/{year}/piece{year}.midi" for year in range(2004, 2012)],
    "pop909": [f"POP909/{n:03}/{n:03}.mid" for n in range(1, 9)],
    "nottingham": [f"nottingham-dataset/MIDI/ashover{n}.mid" for n in range(8)],
    "jsb": [f"JSB Chorales/{split}/{n}.mid" for split in ("train", "valid", "test") for n in range(4)],
    "asap": [f"asap-dataset/Bach/Fugue/bwv_{n}/midi_score.mid" for n in range(846, 854)],
    "vgmidi": [f"vgmidi/unlabelled/{split}/{n}.mid" for split in ("train", "test") for n in range(6)],
    "gigamidi": [
        f"GigaMIDI/{split}/no-drums/{n}.mid"
        for split in ("training-V1.1-80%", "validation-V1.1-10%", "test-V1.1-10%")
        for n in range(3)
    ],
}
STRAY = {
    "pop909": ["POP909/001/versions/001-v1.mid"],
    "nottingham": ["nottingham-dataset/MIDI/melody/ashover0.mid", "nottingham-dataset/ABC_cleaned/x.mid"],
    "jsb": ["JSB Chorales/readme/0.mid"],
    "asap": ["asap-dataset/Bach/Fugue/bwv_846/Shi05M.mid"],
    "maestro": ["maestro-v3.0.0/extra.midi"],
}


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurl.data.midi_folder.read_in_processes", lambda paths, _workers, read: map(read, paths))
    assert read_outcome


def lay_out(root: Path, corpus: str) -> None:
    for number, path in enumerate([*LAYOUTS[corpus], *STRAY.get(corpus, [])]):
        write_midi(Notes.build([0, 12, 24 + number], 12, [60, 64, 67]), root / path)
    if corpus == "maestro":
        rows = ["canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration"]
        for year in range(2004, 2012):
            split = {2004: "test", 2005: "validation"}.get(year, "train")
            rows.append(f'"Bach, J. S.",Title,{split},{year},{year}/piece{year}.midi,x.wav,60.0')
        (root / "maestro-v3.0.0" / "maestro-v3.0.0.csv").write_text("\n".join(rows) + "\n")


def load(root: Path, corpus: str) -> Corpus:
    return KnownCorpus(corpus, root, cache=False, workers=1, tracks=True).load()


def names(pieces: tuple[Notes, ...]) -> set[str]:
    return {piece.name for piece in pieces}


@pytest.mark.parametrize("corpus", CORPORA)
@pytest.mark.parametrize("inside", [False, True])
def test_the_wanted_files_of_a_copy_are_found_and_no_others(tmp_path: Path, corpus: str, inside: bool) -> None:
    lay_out(tmp_path, corpus)
    top = LAYOUTS[corpus][0].split("/")[0]
    found = load(tmp_path / top if inside else tmp_path, corpus)
    prefix = f"{top}/" if inside else ""
    assert {prefix + name for split in ("train", "validation", "test") for name in names(getattr(found, split))} == set(
        LAYOUTS[corpus]
    )
    assert found.train
    assert found.validation


def test_the_splits_of_a_table_count(tmp_path: Path) -> None:
    lay_out(tmp_path, "maestro")
    found = load(tmp_path, "maestro")
    assert names(found.test) == {"maestro-v3.0.0/2004/piece2004.midi"}
    assert names(found.validation) == {"maestro-v3.0.0/2005/piece2005.midi"}
    assert len(found.train) == 6


def test_the_splits_of_folders_count(tmp_path: Path) -> None:
    lay_out(tmp_path, "jsb")
    found = load(tmp_path, "jsb")
    assert all("/train/" in name for name in names(found.train))
    assert all("/valid/" in name for name in names(found.validation))
    assert (len(found.train), len(found.validation), len(found.test)) == (4, 4, 4)


def test_without_a_validation_split_some_training_pieces_serve(tmp_path: Path) -> None:
    lay_out(tmp_path, "vgmidi")
    found = load(tmp_path, "vgmidi")
    assert all("/test/" in name for name in names(found.test))
    assert all("/train/" in name for name in names(found.validation))
    assert any("no validation split of its own" in warning for warning in found.warnings)


def test_versions_of_one_song_share_a_split(tmp_path: Path) -> None:
    lay_out(tmp_path, "lakh")
    found = load(tmp_path, "lakh")
    songs = [{name.rsplit("/", 1)[0] for name in names(part)} for part in (found.train, found.validation, found.test)]
    assert sum(map(len, songs)) == len(set.union(*songs)) == 8


def test_files_of_a_hash_folder_are_no_song(tmp_path: Path) -> None:
    for number in range(12):
        write_midi(Notes.build([0, 12, 24 + number], 12, 60), tmp_path / "lmd_full" / "a" / f"a{number}.mid")
    found = load(tmp_path, "lakh")
    assert found.train
    assert found.validation


@pytest.mark.parametrize("corpus", CORPORA)
def test_a_wrong_folder_says_where_to_get_the_corpus(tmp_path: Path, corpus: str) -> None:
    (tmp_path / "x.txt").touch()
    with pytest.raises(DataError) as error:
        load(tmp_path, corpus)
    assert CORPORA[corpus].home in str(error.value)


def test_an_unknown_corpus_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'lakh'"):
        KnownCorpus("lahk", tmp_path)
