"""Musical quality while a model trains: each sample scored off the training thread, each evaluation as a whole."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aurl.music.corpus import Corpus
from aurl.music.notes import Notes
from aurl.quality.reference.copying import CopyIndex
from aurl.quality.reference.profile import LENGTHS, Profile
from aurl.quality.reference.selection import MetricSelection
from aurl.quality.reference.sources import open_profile, training_profile
from aurl.quality.track import QualityTrack
from aurl.record import Json, Record

TRAIN = "train"


class QualityJudge:
    """Turns samples into QUALITY records; both methods are called on the thread that writes samples.

    Attributes:
        latest: the scalars of the last evaluation, for early stopping and for choosing checkpoints.
        step: that of this evaluation, -1 before the first one of this process.

    Args:
        track: scores samples and follows their means.
        write: takes the records.
    """

    def __init__(self, track: QualityTrack, write: Callable[[Record], None]) -> None:
        self.track = track
        self.latest: dict[str, float] = {}
        self.step = -1
        self._write = write

    def on_sample(self, sample: Record, notes: Notes) -> None:
        """Score one sample; `sample` is its SAMPLE record."""
        about = {key: sample.fields[key] for key in ("slot", "path", "mode", "seed") if key in sample.fields}
        valid = sample.scalars["sample/valid_tokens"]
        self._write(self.track.sample(sample.step, notes, time=time.time(), valid_tokens=valid, fields=about))

    def on_round(self, step: int) -> None:
        """The samples of this step are all in: write what they say together."""
        record = self.track.evaluation(step, time=time.time())
        if record is not None:
            self.latest, self.step = dict(record.scalars), step
            self._write(record)

    def state_dict(self) -> dict[str, Json]:
        return {"track": self.track.state_dict(), "latest": self.latest}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.track.load_state_dict(state["track"])
        self.latest = dict(state["latest"])


def open_judge(
    selection: MetricSelection,
    corpus: Corpus,
    cache: Path,
    write: Callable[[Record], None],
    *,
    reference: str = TRAIN,
    bars: int | None = None,
    copying: int | None = 8,
    published: bool = False,
    seed: int = 1,
) -> tuple[QualityJudge, list[str]]:
    """A judge by these metrics, and what a user should know of its profile.

    Args:
        corpus: what is trained on; its training split is the reference by default, its validation split the band.
        cache: a folder where fitted profiles are kept; where it cannot be written, the profile is not kept.
        reference, bars, copying, published, seed: see `aurl.train.scoring.Scoring`.

    Raises:
        ConfigError: an unknown reference.
        DataError: a reference that cannot be read.
    """
    if reference == TRAIN:
        profile, warnings = _training_profile(corpus, cache, selection, bars=bars, copying=copying, seed=seed)
    else:
        profile, warnings = open_profile(reference, selection)
    index = CopyIndex.of(corpus.train, copying) if copying is not None else None
    if index is None:
        profile.index = None
    track = QualityTrack(profile, index, published=published, seed=seed)
    return QualityJudge(track, write), [warning for warning in warnings if warning]


def _training_profile(
    corpus: Corpus, cache: Path, selection: MetricSelection, *, bars: int | None, copying: int | None, seed: int
) -> tuple[Profile, list[str]]:
    def fit(folder: Path) -> tuple[Profile, list[str]]:
        profile, warning = training_profile(
            corpus.train,
            corpus.validation,
            bars or LENGTHS,
            name=corpus.name,
            cache=folder,
            metrics=selection,
            n_gram=copying,
            seed=seed,
        )
        return profile, [warning]

    try:
        cache.mkdir(parents=True, exist_ok=True)
        return fit(cache)
    except OSError as error:
        with tempfile.TemporaryDirectory() as scratch:
            profile, warnings = fit(Path(scratch))
        return profile, [*warnings, f"{cache}: {error.strerror}; the quality profile is fitted anew each time"]
