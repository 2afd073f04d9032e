"""Records of samples and evaluations."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from aurl.music.corpus import Corpus
from aurl.music.notes import Notes
from aurl.quality.reference.copying import CopyIndex
from aurl.quality.reference.profile import Profile
from aurl.quality.track import QualityTrack
from aurl.record import Kind, Record
from aurl.runs.codec import decode, encode
from aurl.scalars import describe
from tests.quality.conftest import noise


@pytest.fixture
def track(profile: Profile, chorales: Corpus) -> QualityTrack:
    return QualityTrack(profile, CopyIndex.of(chorales.train[:20]))


def evaluate(track: QualityTrack, pieces: list[Notes], step: int) -> Record:
    for slot, piece in enumerate(pieces):
        track.sample(step, piece, valid_tokens=0.5, fields={"slot": slot})
    record = track.evaluation(step, time=7.0, fields={"epoch": 2})
    assert record is not None
    return record


def test_a_sample(track: QualityTrack, chorales: Corpus) -> None:
    piece = chorales.train[3].window(0, 8)
    record = track.sample(40, piece, time=5.0, fields={"slot": 2, "path": "samples/000040_2.mid"})
    assert (record.kind, record.step, record.time) == (Kind.QUALITY, 40, 5.0)
    assert record.fields["scope"] == "sample"
    assert record.fields["profile"] == "sixty chorales, 8 bars"
    assert record.fields["path"] == "samples/000040_2.mid"
    assert record.scalars["quality/copied_fraction"] == 1.0
    assert record.scalars["quality/overall"] > 0.5
    assert "quality/dynamic_range" not in record.scalars
    assert "does not apply" in str(record.fields["reasons"])
    assert decode(encode(record)) == record


def test_an_evaluation(track: QualityTrack, chorales: Corpus) -> None:
    pieces = [piece.window(0, 8) for piece in chorales.validation[:10]]
    record = evaluate(track, pieces, 40)
    scalars = record.scalars
    assert record.fields["scope"] == "evaluation"
    assert record.fields["epoch"] == 2
    assert record.fields["profile"] == "sixty chorales, 8 bars"
    assert record.fields["undefined"] == {"dynamic_range": 10}
    assert record.fields["trend"] == {"direction": "none", "p": 1.0, "evaluations": 1}
    overall = [track.profile.score(piece).overall for piece in pieces]
    assert scalars["quality/mean/overall"] == pytest.approx(np.mean(overall))
    assert scalars["quality/ci_low"] < scalars["quality/mean/overall"] < scalars["quality/ci_high"]
    low, _, high = track.profile.at(8).band["overall_quality"]
    assert (scalars["quality/band_low"], scalars["quality/band_high"]) == (low, high)
    assert scalars["quality/mean/valid_tokens"] == 0.5
    assert scalars["quality/samples"] == 10
    assert "quality/mean/pitch_range" in scalars
    assert all(math.isfinite(value) for value in scalars.values())
    assert all(describe(name).label for name in scalars)
    assert track.evaluation(41) is None


def test_quality_that_falls_is_a_trend_also_after_a_resume(profile: Profile, chorales: Corpus) -> None:
    rng = np.random.default_rng(0)
    track = QualityTrack(profile)
    for step in range(9):
        if step == 4:
            state = json.loads(json.dumps(track.state_dict()))
            track = QualityTrack(profile)
            track.load_state_dict(state)
        pieces = [piece.window(0, 8) for piece in chorales.validation[:10]]
        record = evaluate(track, [noise(p, rng) if slot < step else p for slot, p in enumerate(pieces)], step)
    trend = record.fields["trend"]
    assert isinstance(trend, dict)
    assert (trend["direction"], trend["evaluations"]) == ("falling", 9)
    assert trend["p"] < 0.01


def test_empty_samples_are_the_worst(track: QualityTrack) -> None:
    record = evaluate(track, [Notes.build([], [], [])] * 3, 1)
    assert record.scalars["quality/mean/overall"] == 0
    assert "quality/mean/copied_fraction" not in record.scalars


def test_published_metrics_come_when_asked_for(profile: Profile, chorales: Corpus) -> None:
    track = QualityTrack(profile, published=True)
    pieces = [piece.window(0, 8) for piece in chorales.validation[:10]]
    sample = track.sample(1, pieces[0])
    assert sample.scalars["quality/published/muspy_pitch_range"] > 10
    assert "quality/published/musdr_grooving_similarity" in sample.scalars
    record = evaluate(track, pieces[1:], 1)
    assert 0 < record.scalars["quality/frechet"] < 100
    assert record.scalars["quality/frechet_real"] > 0
    overlap = record.fields["overlap"]
    assert isinstance(overlap, dict)
    areas = [area for area, _ in overlap.values() if area is not None]
    assert record.scalars["quality/overlap"] == pytest.approx(sum(areas) / len(areas))
    assert 0.5 < record.scalars["quality/overlap"] <= 1
    assert record.scalars["quality/divergence"] >= 0
    same = evaluate(track, [pieces[0]] * 9, 2)  # no variety at all
    assert same.scalars["quality/overlap"] < record.scalars["quality/overlap"]
    assert same.scalars["quality/divergence"] > record.scalars["quality/divergence"]


def test_without_being_asked_for_sets_are_not_measured(track: QualityTrack, chorales: Corpus) -> None:
    record = evaluate(track, [piece.window(0, 8) for piece in chorales.validation[:9]], 1)
    assert not {"quality/overlap", "quality/divergence", "quality/frechet"} & record.scalars.keys()
    assert "overlap" not in record.fields
