"""The study of quality scores: that corruptions spoil what they say, and the statistics by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.monitor import Monitor
from aurl.music.corpus import load_chorales
from aurl.music.notes import Notes
from aurl.record import Kind
from benchmarks.quality_study import alerts, curves, invariance, tables, training
from benchmarks.quality_study.corpora import load, with_dynamics
from benchmarks.quality_study.corruptions import ALL, TEN, Spoiling
from benchmarks.quality_study.scores import Study, auc, means_of, rank_correlation
from scripts.make_profiles import Split

PIECE = with_dynamics(Split([load_chorales().train[0]], [])).train[0]


@pytest.fixture(scope="module")
def small() -> Study:
    chorales = load_chorales()
    split = Split(list(chorales.train[:40]), list(chorales.validation[:6]))
    return Study("chorales", split, bars=8, most=3)


def spoilt(name: str, level: float, piece: Notes = PIECE, seed: int = 0) -> Notes:
    return ALL[name](piece, Spoiling(np.random.default_rng(seed), level, [PIECE, load_chorales().train[1]]))


@pytest.mark.parametrize("name", ALL)
def test_a_corruption_changes_more_the_higher_its_level(name: str) -> None:
    changes = []
    for level in (0.2, 1.0):
        other = spoilt(name, level)
        assert len(other) >= 2
        same = {tuple(row) for row in _rows(PIECE)} & {tuple(row) for row in _rows(other)}
        changes.append(1 - len(same) / len(PIECE))
    assert 0 < changes[0] < changes[1]


@pytest.mark.parametrize("name", ALL)
def test_equal_seeds_spoil_equally(name: str) -> None:
    assert spoilt(name, 0.6).same_as(spoilt(name, 0.6))


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=10)
@given(
    onset=st.lists(st.integers(0, 200), min_size=2, max_size=30),
    level=st.sampled_from([0.1, 1.0]),
    bar=st.sampled_from([18, 36, 48]),
)
def test_any_music_can_be_spoilt(name: str, onset: list[int], level: float, bar: int) -> None:
    piece = Notes.build(onset, 12, 60 + np.arange(len(onset)), bar=bar)
    others = [Notes.build([0, 5], 6, 60, bar=bar)]
    other = ALL[name](piece, Spoiling(np.random.default_rng(1), level, others))
    assert other.bar == bar or name == "untrained model"


def test_what_each_corruption_keeps() -> None:
    np.testing.assert_array_equal(np.sort(spoilt("shuffled bars", 1.0).pitch), np.sort(PIECE.pitch))
    assert len(set(spoilt("one note", 1.0).pitch.tolist())) == 1
    assert set(np.abs(spoilt("each note off by one", 1.0).pitch.sum() - PIECE.pitch.sum()).ravel() % 2) == {
        len(PIECE) % 2
    }
    assert 0.35 < len(spoilt("half of the notes", 1.0)) / len(PIECE) < 0.65
    looped = spoilt("a loop", 1.0)
    assert len(set(looped.pitch.tolist())) <= 5
    assert abs(looped.bars - PIECE.bars) <= 1
    np.testing.assert_array_equal(spoilt("random velocity", 1.0).pitch, PIECE.pitch)


def test_slips_leave_a_third_of_the_notes_where_they_were() -> None:
    piece = Notes.build(np.arange(3000), 1, 60)
    moved = spoilt("semitone slips", 1.0, piece).pitch - 60
    assert set(moved.tolist()) == {-1, 0, 1}
    assert 0.3 < np.mean(moved == 0) < 0.37
    moved = spoilt("each note off by one", 0.1, piece).pitch - 60
    assert 0.08 < np.mean(moved != 0) < 0.12


def _rows(notes: Notes) -> np.ndarray:
    return np.stack([notes.onset, notes.duration, notes.pitch, notes.velocity], axis=1)


def test_auc_by_hand() -> None:
    assert auc(np.array([2.0, 3.0]), np.array([1.0, math.nan])) == 1.0
    assert auc(np.array([1.0, 3.0]), np.array([1.0, 2.0])) == pytest.approx((0.5 + 0 + 1 + 1) / 4)
    assert math.isnan(auc(np.array([1.0]), np.array([math.nan])))


def test_rank_correlation_is_spearmans() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 5, 40), rng.normal(size=40).round(1)
    assert rank_correlation(x, y) == pytest.approx(spearmanr(x, y).statistic)
    assert rank_correlation(np.arange(4), np.array([4.0, 3.0, 2.0, 1.0])) == pytest.approx(-1)


def test_means_are_narrower_than_their_values() -> None:
    values = np.random.default_rng(0).normal(size=500)
    assert means_of(values, 16, 1).std() == pytest.approx(values.std() / 4, rel=0.1)


def test_tables_and_curves_of_a_small_study(small: Study) -> None:
    assert "| noise | 1.000 |" in tables.discrimination([small])
    assert "`structural_coherence`: collage" in tables.responsibilities([small])
    assert "dynamic_range" not in tables.responsibilities([small])  # chorales have no dynamics
    assert tables.monotonies([small]).count("\n") == 2 + len(TEN) + 1
    highest_noise, lowest_real = tables.never_above([small]).splitlines()[2].split("|")[3:6:2]
    assert float(highest_noise) < float(lowest_real)
    picture = curves.draw([small], 8)
    assert picture.count("<polyline") == len(TEN)
    assert "semitone slips" in picture


def test_what_must_not_change_a_score(small: Study) -> None:
    count, moved = invariance.transpositions(small.profile, small.windows[:1])
    assert (count, moved) == (24, 0.0)
    assert invariance.repetitions(small.profile, small.windows[:1]) == 0.0
    assert invariance.midi_and_musicxml(small.profile, small.windows[:1]) == 0.0


def test_only_a_fall_is_alerted() -> None:
    rng = np.random.default_rng(0)
    steady = rng.normal(0.7, 0.05, 500)
    run = alerts.stream(steady, alerts.EVALUATIONS, rng)
    assert alerts.alerts(run) == []
    for fall in (0.4, 0.06):
        fallen = run - fall * (np.arange(alerts.EVALUATIONS) >= alerts.TURN)[:, None]
        assert alerts.TURN < alerts.alerts(fallen)[0] < alerts.TURN + 6
    assert alerts.power(steady, steady - 0.4, 3, seed=1) == 1.0
    assert alerts.false_alarms(steady, 3, seed=1, evaluations=50, samples=8) == 0.0


def test_streams_wobble_as_much_as_they_should() -> None:
    scores = np.random.default_rng(0).normal(0.7, 0.04, 1000)
    run = alerts.stream(scores, 20_000, np.random.default_rng(1), samples=1, wobble=8.0)[:, 0]
    assert run.std() == pytest.approx(np.hypot(1.0, 2.0) * 0.04, rel=0.1)
    shared = np.corrcoef(run[1:], run[:-1])[0, 1]
    assert shared == pytest.approx(alerts.STAYS * 4 / 5, abs=0.05)


def test_dynamics_are_given_to_the_same_notes() -> None:
    swelling = with_dynamics(Split([PIECE], [PIECE]))
    np.testing.assert_array_equal(swelling.train[0].pitch, PIECE.pitch)
    assert np.ptp(swelling.train[0].velocity) > 20


def test_the_chorales_need_no_wheel(tmp_path: Path) -> None:
    split = load("chorales", tmp_path / "none.whl", tmp_path)
    assert len(split.train) == len(load_chorales().train)


def test_quality_and_loss_of_runs(tmp_path: Path) -> None:
    with Monitor.open(tmp_path / "mine", logging=[]) as monitor:
        for step, (loss, quality) in enumerate([(3.0, 0.2), (2.0, 0.3), (1.0, 0.5), (1.5, 0.4)], 1):
            monitor.step(step, {"loss/total": loss})
            monitor.eval(step, {"val/loss/total": loss, "val/loss/recon": loss, "val/accuracy": 0.5})
            means = {"overall": quality, "valid_tokens": 1.0, "copied_fraction": 0.0}
            scalars = {f"quality/mean/{name}": value for name, value in means.items()}
            monitor.say(Kind.QUALITY, step, scalars, scope="evaluation")
    [row] = training.table([tmp_path]).splitlines()[2:]
    assert row.endswith("| 4 | 3.00 to 1.50 | 0.20 to 0.40 | 1.00 |")
