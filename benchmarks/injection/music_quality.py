"""How good generated music is, and how much of it is copied, measured plainly: what the records hold in benchmarks.

It owes nothing to `aurl.quality`, so that a change there leaves the benchmark's figures as they were.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import numpy as np

from aurl.music.notes import Notes
from aurl.music.tokens import Decoded
from aurl.record import Kind, Record
from aurl.train.samples import SampleWriter

_CONSONANT = (0, 3, 4, 5, 7, 8, 9)  # semitones
GRAM = 8  # notes


def consonance(notes: Notes) -> float:
    """Share of consonant intervals among notes that begin together; 0 without any. Seven of twelve by chance."""
    same, apart = notes.onset[:, None] == notes.onset, np.abs(notes.pitch[:, None] - notes.pitch) % 12
    pairs = np.triu(same, 1)
    return float(np.isin(apart[pairs], _CONSONANT).mean()) if pairs.any() else 0.0


def grams(notes: Notes) -> list[tuple[int, ...]]:
    """All runs of eight notes: pitches and the times between them."""
    gaps = np.diff(notes.onset, prepend=notes.onset[:1])
    rows = np.stack((notes.pitch, gaps), 1).reshape(-1)
    return [tuple(rows[2 * at : 2 * (at + GRAM)].tolist()) for at in range(len(notes) - GRAM + 1)]


def copied(notes: Notes, known: set[tuple[int, ...]]) -> float:
    """Share of the runs of eight notes that the training set holds; 0 where there are none."""
    mine = grams(notes)
    return sum(gram in known for gram in mine) / len(mine) if mine else 0.0


def install(pieces: Iterable[Notes]) -> None:
    """From now on each sample of runs in this process is followed by a QUALITY record.

    Args:
        pieces: what counts as copied; nothing is said of copies without any.
    """
    known = {gram for piece in pieces for gram in grams(piece)}
    clean = SampleWriter.submit

    def submit(writer: SampleWriter, step: int, slot: int, decoded: Decoded, **more: Any) -> None:
        clean(writer, step, slot, decoded, **more)
        writer._write(judged(step, slot, decoded.notes, known))

    SampleWriter.submit = submit  # type: ignore[method-assign, assignment]


def judged(step: int, slot: int, notes: Notes, known: set[tuple[int, ...]]) -> Record:
    """The QUALITY record of a sample; it names the piece by a digest, so that equal ones can be told."""
    scalars = {"quality/overall": consonance(notes)}
    if known:
        scalars["quality/copied_fraction"] = copied(notes, known)
    digest = blake2b(repr(grams(notes)).encode(), digest_size=8).hexdigest()
    return Record(Kind.QUALITY, step, scalars, {"slot": slot, "notes": digest}, time.time())
