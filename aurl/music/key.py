"""The key of a piece, by how its pitch classes are used."""

from __future__ import annotations

import numpy as np

from aurl.music.notes import Notes

# Probe-tone ratings: C. L. Krumhansl, "Cognitive Foundations of Musical Pitch", Oxford University Press 1990, p. 30.
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
UNKNOWN = "unknown"


def estimate_key(notes: Notes) -> str:
    """The likeliest of the 24 keys, `D minor` for one, by the Krumhansl-Schmuckler algorithm.

    See chapter 4 of the same book. The durations of the twelve pitch classes are correlated with the ratings of each
    key. `unknown` for no notes, and for notes that use all pitch classes alike.
    """
    weights = np.bincount(notes.pitch % 12, weights=notes.duration, minlength=12)
    if np.ptp(weights) == 0:
        return UNKNOWN
    profiles = np.array([np.roll(mode, tonic) for mode in (MAJOR, MINOR) for tonic in range(12)])
    likeness = [np.corrcoef(weights, profile)[0, 1] for profile in profiles]
    mode, tonic = divmod(int(np.argmax(likeness)), 12)
    return f"{NAMES[tonic]} {('major', 'minor')[mode]}"
