from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from aurl.data.module import MusicData
from aurl.errors import AurlError, ConfigError
from aurl.record import Json, Kind
from aurl.train.engine import Engine
from aurl.train.pictures.base import Picture, PictureFiles
from aurl.train.pictures.gallery import Gallery
from tests.train.pictures.parts import Scene, scene


class Dice(Picture):
    """Draws from every random generator and leaves the model in eval mode."""

    name = "dice"

    def draw(self, engine: Engine, data: MusicData) -> PictureFiles:
        torch.rand(3), random.random(), np.random.rand()
        engine.model.eval()
        return PictureFiles({".npz": b"data", ".png": b"picture"}, {"points": 3})


class Broken(Picture):
    name = "broken"

    def draw(self, engine: Engine, data: MusicData) -> PictureFiles:
        engine.model.eval()
        raise AurlError("no\nway")


class Told(list[tuple[Kind, int, dict[str, Json]]]):
    def say(self, kind: Kind, step: int, **fields: Json) -> None:
        self.append((kind, step, fields))


def opened(pictures: dict[str, Picture], folder: Path, say: Callable[..., None]) -> Gallery:
    gallery = Gallery(pictures)
    gallery.open(folder, say)
    return gallery


@pytest.fixture(scope="module")
def made() -> Scene:
    return scene(steps=1)


def test_files_are_written_and_announced_by_a_note(tmp_path: Path, made: Scene) -> None:
    told = Told()
    opened({"dice": Dice(1)}, tmp_path, told.say).show(*made, step=40, number=1)
    [(kind, step, fields)] = told
    assert (kind, step, fields["level"], fields["module"]) == (Kind.NOTE, 40, "debug", "pictures")
    assert fields["artifact"] == {
        "type": "dice", "path": "artifacts/000040_dice.npz", "image": "artifacts/000040_dice.png", "points": 3,
    }  # fmt: skip
    assert (tmp_path / "artifacts" / "000040_dice.npz").read_bytes() == b"data"
    assert (tmp_path / "artifacts" / "000040_dice.png").read_bytes() == b"picture"


def test_random_generators_and_the_mode_are_left_as_they_were(tmp_path: Path, made: Scene) -> None:
    def state() -> tuple[object, ...]:
        return torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[2], made.engine.model.training

    before = state()
    gallery = opened({"dice": Dice(1), "broken": Broken(1)}, tmp_path, Told().say)
    gallery.show(*made, step=1, number=1)
    assert state() == before


def test_a_picture_that_fails_is_told_once_and_switched_off(tmp_path: Path, made: Scene) -> None:
    told = Told()
    gallery = opened({"broken": Broken(1), "dice": Dice(1)}, tmp_path, told.say)
    gallery.show(*made, step=1, number=1)
    gallery.show(*made, step=2, number=2)
    warnings = [fields["message"] for _, _, fields in told if fields["level"] == "warning"]
    assert warnings == ["picture broken failed: AurlError: no way. It is switched off, the run goes on"]
    assert len(told) == 3


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path, made: Scene) -> None:
    (tmp_path / "artifacts").write_text("a file where the folder should be")
    told = Told()
    opened({"dice": Dice(1)}, tmp_path, told.say).show(*made, step=1, number=1)
    assert "picture dice failed: FileExistsError" in str(told[0][2]["message"])


@pytest.mark.parametrize(
    ("every", "wanted"), [(1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (None, [5])], ids=["all", "second", "end"]
)
def test_pictures_are_drawn_every_n_evaluations_and_at_the_end_once(
    tmp_path: Path, made: Scene, every: int | None, wanted: list[int]
) -> None:
    told = Told()
    gallery = opened({"dice": Dice(every)}, tmp_path, told.say)
    gallery.show(*made, step=0, number=0)
    for number in range(1, 6):
        gallery.show(*made, step=10 * number, number=number)
    gallery.show(*made, step=50, number=5, last=True)
    assert [step // 10 for _, step, _ in told] == wanted


def test_below_one_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"pictures\.dice\.every=0: needs at least 1, or null"):
        Dice(0)
