"""Each metric on music whose measures can be told by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from aurl.errors import ConfigError
from aurl.music.notes import Notes
from aurl.quality.metric import Metric, Values
from aurl.quality.metrics.dynamic_range import DynamicRange
from aurl.quality.metrics.harmonic_coherence import HarmonicCoherence
from aurl.quality.metrics.melodic_contour import MelodicContour
from aurl.quality.metrics.note_density import NoteDensity
from aurl.quality.metrics.pitch_range import PitchRange
from aurl.quality.metrics.repetition_score import RepetitionScore
from aurl.quality.metrics.rhythm_consistency import RhythmConsistency
from aurl.quality.metrics.rhythm_diversity import RhythmDiversity
from aurl.quality.sheet import Sheet


def measured(metric: Metric, notes: Notes) -> Values:
    return metric.measure(Sheet(notes))


def line(pitches: Sequence[int], *, step: int = 12, velocity: Sequence[int] | int = 80) -> Notes:
    return Notes.build(step * np.arange(len(pitches)), step, pitches, velocity)


def chords(*pitches: Sequence[int]) -> Notes:
    onset = [12 * beat for beat, chord in enumerate(pitches) for _ in chord]
    return Notes.build(onset, 12, [pitch for chord in pitches for pitch in chord])


def test_pulse_of_even_and_of_random_onsets() -> None:
    even = measured(RhythmConsistency(), line([60] * 64))
    assert even["pulse"] == pytest.approx(1.0, abs=0.03)
    onsets = np.random.default_rng(0).choice(16 * 48, 200, replace=False)
    chance = measured(RhythmConsistency(), Notes.build(np.append(onsets, 16 * 48 - 1), 6, 60))
    assert abs(float(chance["pulse"])) < 0.15
    assert float(chance["loose_pulse"]) < 0.4 < float(even["loose_pulse"])


def test_a_pulse_off_the_grid_is_found_by_the_loose_one() -> None:
    drifting = Notes.build(np.rint(np.arange(120) * 6.6), 6, 60)  # 6.6 ticks: no beat or bar is a multiple of it
    found = measured(RhythmConsistency(), drifting)
    assert float(found["loose_pulse"]) > 0.7 > float(found["pulse"])


def test_pulse_is_undefined() -> None:
    assert measured(RhythmConsistency(), Notes.build([0, 1], 1, 60, bar=12))["pulse"] == (
        "shorter than two beats and than two bars"
    )
    full = measured(RhythmConsistency(), Notes.build(np.arange(48), 1, 60))
    assert full["pulse"] == "notes begin at every tick alike"


def test_rhythm_diversity() -> None:
    even = measured(RhythmDiversity(), line([60, 62, 64, 65]))
    assert even == {"ioi_entropy": 0.0, "npvi": 0.0}
    dotted = measured(RhythmDiversity(), Notes.build([0, 9, 12, 21, 24], 3, 60))
    assert dotted["ioi_entropy"] == pytest.approx(1.0)
    assert dotted["npvi"] == pytest.approx(2 * 6 / 12)
    assert set(measured(RhythmDiversity(), chords([60, 64, 67], [60, 64])).values()) == {"fewer than 3 onsets"}


def test_consonance_of_known_chords() -> None:
    major = measured(HarmonicCoherence(), chords([60, 64, 67], [65, 69, 72]))
    assert major["consonance"] == 1.0
    cluster = measured(HarmonicCoherence(), chords([60, 61, 62]))
    assert cluster["consonance"] == 0.0
    tritone = measured(HarmonicCoherence(), chords([60, 66, 69]))  # a tritone, a minor third, a sixth
    assert tritone["consonance"] == pytest.approx(2 / 3)
    assert measured(HarmonicCoherence(), line([60, 72, 48]))["consonance"] == "no two pitch classes meet"


@pytest.mark.parametrize(
    ("chord", "share"),
    [
        ([60, 64, 67, 76], 1.0),
        ([57, 60, 64], 1.0),
        ([59, 62, 65], 1.0),  # diminished: the upper part of a dominant seventh
        ([55, 59, 62, 65], 1.0),
        ([60, 64, 68], 2 / 3),  # augmented
        ([60, 61, 62, 63], 2 / 4),
        ([60], 1.0),
    ],
)
def test_chord_fit(chord: list[int], share: float) -> None:
    for shift in range(12):
        found = measured(HarmonicCoherence(), chords([pitch + shift for pitch in chord], [60 + shift]))
        assert found["chord_fit"] == pytest.approx((share * len(chord) + 1) / (len(chord) + 1))


def test_each_bar_has_a_scale_of_its_own() -> None:
    moves = measured(HarmonicCoherence(), line([60, 64, 65, 67, 61, 65, 66, 68]))  # C major, then D flat major
    assert moves["bar_fit"] == 1.0
    assert moves["scale_fit"] == 7 / 8  # F minor holds all but the G flat


def test_thirds_by_hand_and_by_chance() -> None:
    augmented = measured(HarmonicCoherence(), line([60, 64, 68, 72]))
    assert augmented["thirds"] == 1.0
    tones = measured(HarmonicCoherence(), line([60, 62, 64, 66, 68, 70]))  # three of each kind, which cancel out
    assert tones["thirds"] == -6 / 30
    triad = measured(HarmonicCoherence(), chords([60, 64, 67]))
    assert triad["thirds"] == pytest.approx((2**2 + 1 - 3) / 6)
    rng = np.random.default_rng(0)
    chance = [measured(HarmonicCoherence(), line(rng.integers(36, 84, 60).tolist()))["thirds"] for _ in range(200)]
    assert abs(np.mean([float(value) for value in chance])) < 0.005


def test_tritones_from_a_note_to_the_next_two() -> None:
    found = measured(HarmonicCoherence(), line([60, 66, 60, 78, 62]))  # to the next: 3 of 4; to the one after: 0 of 3
    assert found["tritones"] == pytest.approx(3 / 4 / 2)
    assert measured(HarmonicCoherence(), line([60, 66, 60]))["tritones"] == "fewer than 4 melody notes"


@pytest.mark.parametrize(
    ("pitches", "share"),
    [
        ([60, 62, 64, 65, 67, 69, 71, 72], 1.0),
        ([57, 59, 60, 62, 64, 65, 68, 69], 1.0),  # harmonic minor
        ([60, 61, 62, 63, 64, 65, 66, 67], 5 / 8),  # of eight semitones in a row a scale holds five
        (list(range(60, 72)), 7 / 12),
    ],
)
def test_scale_fit(pitches: list[int], share: float) -> None:
    assert measured(HarmonicCoherence(), line(pitches))["scale_fit"] == pytest.approx(share)


def test_contour_of_a_scale_and_of_random_order() -> None:
    scale = measured(MelodicContour(), line(list(range(50, 80))))
    assert scale["contour"] == pytest.approx(1 - 1 / (31 / 3))
    assert scale["leap"] == 1.0
    assert scale["interval_entropy"] == 0.0
    order = np.random.default_rng(0).permutation(np.repeat(np.arange(40, 80), 10)).tolist()
    assert abs(float(measured(MelodicContour(), line(order))["contour"])) < 0.1
    assert measured(MelodicContour(), line([60] * 8))["contour"] == 0.0
    assert set(measured(MelodicContour(), line([60, 62, 64])).values()) == {"fewer than 4 melody notes"}


def test_the_melody_is_what_lies_on_top() -> None:
    melody, bass = line([72, 74, 76, 77]), Notes.build([0, 6, 18, 30], 6, [40, 45, 50, 41])
    both = Notes.build(
        *(np.concatenate([getattr(melody, c), getattr(bass, c)]) for c in ("onset", "duration", "pitch"))
    )
    assert measured(MelodicContour(), both) == measured(MelodicContour(), melody)


def test_dynamics() -> None:
    swell = measured(DynamicRange(), line([60] * 41, velocity=list(range(40, 81))))
    assert swell["dynamics"] == pytest.approx(36.0)
    assert swell["dynamics_smoothness"] == pytest.approx(1 - 1 / 14)
    flat = measured(DynamicRange(), line([60] * 8))
    assert flat == {"dynamics": 0.0, "dynamics_smoothness": "all notes are equally loud"}
    assert measured(DynamicRange(), line([60, 62, 64], velocity=[1, 2, 3]))["dynamics_smoothness"] == (
        "fewer than 4 onsets"
    )


def test_density_polyphony_and_sound() -> None:
    hymn = measured(NoteDensity(), chords(*[[48, 55, 64, 72]] * 8))
    assert hymn == {"density": 4.0, "polyphony": 4.0, "sounding": 1.0, "continuity": 1.0}
    staccato = measured(NoteDensity(), Notes.build([0, 12, 24, 36], 3, 60))
    assert staccato["polyphony"] == 1.0
    assert staccato["sounding"] == 4 / 16
    assert staccato["continuity"] == pytest.approx(-4 / 37 / (1 - 4 / 37))  # no end meets an onset; 4 of 37 ticks do


def test_a_voice_goes_on_by_small_steps() -> None:
    near = measured(NoteDensity(), line([60, 64, 60, 56, 60]))
    assert near["continuity"] == 1.0
    far = measured(NoteDensity(), line([60, 65, 60, 55, 60]))  # onsets meet all ends, and none near their pitch
    assert far["continuity"] == pytest.approx(-2 / 49 / (1 - 2 / 49))  # on average two onsets near, of 49 ticks
    assert measured(NoteDensity(), Notes.build([0, 0], 1000, [60, 64]))["continuity"] == (
        "no note ends before the last onset"
    )
    assert measured(NoteDensity(), Notes.build(np.arange(9), 1, 60))["continuity"] == "notes begin at every tick"


def test_range() -> None:
    assert measured(PitchRange(), line([40, 60, 76])) == {"range": 36.0}


def test_repetition_of_loops_and_of_new_things() -> None:
    loop = measured(RepetitionScore(), line([60, 62, 64, 65] * 10))
    assert loop["distinct2"] == pytest.approx(5 / 39)  # the last onset has no time to a next one
    assert loop["melodic_distinct3"] == pytest.approx(4 / 37)
    assert loop["short_loop"] == 36 / 37  # 35 pairs at a distance of four, all equal
    rng = np.random.default_rng(0)
    new = measured(RepetitionScore(), Notes.build(np.cumsum(rng.integers(1, 40, 60)), 3, rng.integers(30, 90, 60)))
    assert float(new["distinct2"]) > 0.98
    assert float(new["short_loop"]) < 0.1
    assert measured(RepetitionScore(), chords([60, 64], [62]))["distinct2"] == "fewer than 3 onsets"
    assert measured(RepetitionScore(), line([60, 62, 64, 65, 67]))["melodic_distinct3"] == ("fewer than 6 melody notes")


def test_a_weight_is_not_negative() -> None:
    with pytest.raises(ConfigError, match=r"pitch_range.weight=-1: allowed is 0 or more"):
        PitchRange(weight=-1)
