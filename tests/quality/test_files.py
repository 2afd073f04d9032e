"""Many files scored, some of them bad."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from aurl.music.corpus import Corpus
from aurl.music.midi_writer import write_midi
from aurl.quality.files import FileScore, FileScorer, score_files
from aurl.quality.reference.profile import Profile


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory, chorales: Corpus) -> list[Path]:
    place = tmp_path_factory.mktemp("files")
    made = [place / f"{index}.mid" for index in range(5)]
    for path, piece in zip(made, chorales.validation, strict=False):
        write_midi(piece, path)
    (place / "empty.mid").touch()
    return [*made[:2], place / "empty.mid", place / "missing.mid", *made[2:]]


class Deadly(FileScorer):
    """Ends its process at one file, as a fault in a C library would."""

    def __call__(self, path: Path) -> FileScore:
        if path.name == "3.mid":
            os._exit(1)
        return super().__call__(path)


def test_scores_and_reasons_come_in_order(paths: list[Path], profile: Profile) -> None:
    results = list(score_files(paths, FileScorer(profile)))
    assert [result.path for result in results] == paths
    assert [bool(result.scored) for result in results] == [True, True, False, False, True, True, True]
    assert "empty file" in results[2].error
    assert "No such file" in results[3].error
    assert results[2].to_json() == {"path": str(paths[2]), "error": results[2].error}


def test_a_document_has_no_nan(paths: list[Path], profile: Profile) -> None:
    result = FileScorer(profile, published=True)(paths[0])
    document = result.to_json()
    assert document["profile"] == "sixty chorales, 8 bars"
    assert document["copied_fraction"] is None
    assert document["metrics"]["dynamic_range"] is None
    assert document["published"]["muspy_polyphony"] > 1
    values = [*document["metrics"].values(), *document["raw"].values(), *document["published"].values()]
    assert not any(isinstance(value, float) and math.isnan(value) for value in values)


def test_only_the_first_bars_count(paths: list[Path], profile: Profile) -> None:
    result = FileScorer(profile, bars=4)(paths[1])
    assert result.scored is not None
    assert (result.scored.bars, result.scored.profile_name) == (4, "sixty chorales, 4 bars")


@pytest.mark.slow
def test_processes_give_the_same_and_a_death_costs_one_file(paths: list[Path], profile: Profile) -> None:
    alone = [result.to_json() for result in score_files(paths, FileScorer(profile))]
    assert [result.to_json() for result in score_files(paths, FileScorer(profile), workers=2)] == alone
    results = list(score_files(paths, Deadly(profile), workers=2))
    dead = [result for result in results if "the process that read it died" in result.error]
    assert [result.path.name for result in dead] == ["3.mid"]
    assert [r.to_json() for r in results if r not in dead] == [d for d in alone if not d["path"].endswith("3.mid")]
