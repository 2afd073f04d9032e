"""A REMI-style tokenizer for several instruments and drums, with changes of metre and tempo.

A sequence is `BOS Metre Tempo Program* (Metre? Bar (Position Tempo? (Track (Velocity? Duration? Pitch)+)*)*)* EOS`. The
n-th Program (or Drums, with the number of the kit) tells what Track n is. Velocity and Duration hold for their track
until they change, so that a drum or a steady bass takes one token a note. Metres are as in `aurl.music.tokenizer`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aurl.errors import ConfigError
from aurl.music.grammar import TokenGrammar, build_grammar
from aurl.music.notes import TICKS_PER_BEAT, IntArray, Notes
from aurl.music.score import Instrument, Metre, Tempo, TempoMap, Ticks
from aurl.music.tokenizer import RemiTokenizer
from aurl.music.tokenizing.barred import first_of, latest
from aurl.music.tokenizing.barring import Bars, laid_out, read_metres
from aurl.music.tokens import BarTokens, Decoded
from aurl.music.vocabulary import Family, Ids, Vocabulary

_DRUMS = 128
_FREE = np.isin(np.arange(len(Family)), [Family.EOS, Family.BAR])
_BAR, _POSITION, _TEMPO, _TRACK = range(4)


class MultitrackTokenizer(RemiTokenizer):
    """Tracks with programs and drums; written exactly as by `RemiTokenizer`, and tempo changes at any tick.

    The tracks of a sequence are those that have notes in it, drums last, by their programs. Names are not written.

    Args:
        max_tracks: tracks a sequence has at most, 1..256. The notes of further ones go to a track of the same program,
            or else to the last one.
        velocity_step, max_duration, max_bar, tempo_bins, tempo_low, tempo_high, resolution: as for `RemiTokenizer`. By
            default tempi are a 24th of an octave apart.

    Raises:
        ConfigError: a value outside its range.
    """

    _layout = "multitrack"

    def __init__(
        self,
        *,
        velocity_step: int = 4,
        max_duration: int = 192,
        max_bar: int = 96,
        tempo_bins: int = 97,
        tempo_low: float = 30.0,
        tempo_high: float = 480.0,
        max_tracks: int = 32,
        resolution: int = TICKS_PER_BEAT,
    ) -> None:
        if not isinstance(max_tracks, int) or not 1 <= max_tracks <= 256:
            raise ConfigError(f"tokenizer.max_tracks={max_tracks}: needs a whole number from 1 to 256")
        self._max_tracks = max_tracks
        super().__init__(
            velocity_step=velocity_step,
            max_duration=max_duration,
            max_bar=max_bar,
            tempo_bins=tempo_bins,
            tempo_low=tempo_low,
            tempo_high=tempo_high,
            resolution=resolution,
        )
        self._settings["max_tracks"] = max_tracks

    def grammar(self) -> TokenGrammar:
        """What may follow what: the order in which `encode` writes."""
        return build_grammar(self.vocabulary, self._bars, self._max_tracks)

    def encode(self, notes: Notes, *, end: bool = True) -> IntArray:
        """Token ids, int32 [T]; notes outside the alphabets are written as `quantise` gives them."""
        notes = self.quantise(notes)
        first = self.vocabulary.first
        bars = self._bars.bars(notes)
        head = [*self._header(bars.signed[0], notes.tempo_map[0].qpm), *self._programs(notes.tracks)]
        if not len(notes):
            return np.array([*head, *[self.eos] * end], np.int32)
        rows = _Rows()
        rows.add(bars.starts, _BAR, np.full(len(bars.starts), Family.BAR))
        tempos = notes.tempos[1:]
        changes = np.array([tempo.tick for tempo in tempos], np.int64)
        ticks = np.union1d(notes.onset, changes).astype(np.int64)
        rows.add(ticks, _POSITION, first[Family.POSITION] + bars.place(ticks)[1])
        speeds = np.array([self._tempo_bin(tempo.qpm) for tempo in tempos], np.int64)
        rows.add(changes, _TEMPO, first[Family.TEMPO] + speeds)
        self._add_notes(rows, notes)
        ids = np.concatenate([head, rows.sorted(), [self.eos] * end]).astype(np.int32)
        return self._with_changes(ids, bars.signed[1:])

    def _programs(self, tracks: tuple[Instrument, ...]) -> list[int]:
        return [self.vocabulary.first[Family.PROGRAM] + track.program + _DRUMS * track.drum for track in tracks]

    def bar_tokens(self, notes: Notes) -> BarTokens:
        """Counted as `encode` writes them, see `RemiTokenizer.bar_tokens`."""
        count, bar_of = notes.bars, notes.at(self.resolution).bars_of
        notes = self.quantise(notes)
        bars, row = self._bars.bars(notes), self._by_track(notes)
        changes = np.array([tempo.tick for tempo in notes.tempos[1:]], np.int64)
        written = 1 + row.again + row.loud + row.long
        tokens = np.bincount(bar_of(row.onset), written, count) + self._metre_tokens(bars, bar_of, count)
        for ticks in (bars.starts, changes, np.union1d(notes.onset, changes).astype(np.int64)):
            tokens += np.bincount(bar_of(ticks), minlength=count)[:count]
        bar, bit = bar_of(row.onset), np.minimum(row.track, 31).astype(np.uint32)
        first = np.flatnonzero(row.new | (np.diff(bar, prepend=-1) != 0))
        masks = np.zeros((3, count), np.uint32)
        for mask, told in zip(masks, (np.ones(len(bar), bool), row.loud, row.long), strict=True):
            np.bitwise_or.at(mask, bar[first], told[first].astype(np.uint32) << bit[first])
        sounds, loud, long = masks
        return BarTokens(tokens.astype(np.int32), sounds, loud, long, self._fixed(bars), program=1)

    def _by_track(self, notes: Notes) -> _ByTrack:
        """The notes by track and time: what holds for a track is then a difference to the row above."""
        assert notes.track is not None
        order = np.lexsort((notes.velocity, notes.duration, notes.pitch, notes.onset, notes.track))
        track, onset = notes.track[order].astype(np.int64), notes.onset[order].astype(np.int64)
        duration = self._duration_ids[np.minimum(notes.duration, self._max_duration)][order]
        velocity = self._velocity_ids[notes.velocity][order]
        new = np.diff(track, prepend=-1) != 0
        return _ByTrack(
            track,
            onset,
            duration,
            velocity,
            notes.pitch[order],
            new,
            again=new | (np.diff(onset, prepend=-1) != 0),
            loud=new | (np.diff(velocity, prepend=-1) != 0),
            long=new | (np.diff(duration, prepend=-1) != 0),
        )

    def _add_notes(self, rows: _Rows, notes: Notes) -> None:
        """The tokens of the notes."""
        row, first = self._by_track(notes), self.vocabulary.first
        place = np.arange(len(notes), dtype=np.int64)
        for kind, (new, ids) in enumerate(
            (
                (row.again, first[Family.TRACK] + row.track),
                (row.loud, row.velocity),
                (row.long, row.duration),
                (np.ones(len(notes), bool), first[Family.PITCH] + row.pitch),
            )
        ):
            rows.add(row.onset[new], _TRACK, ids[new], place[new] * 4 + kind)

    def decode(self, ids: ArrayLike) -> Decoded:
        """Notes from any sequence of integers; what means nothing where it stands is counted and skipped.

        As for `RemiTokenizer`; besides, Programs mean something before the first Bar, at most `max_tracks` of them;
        Tempo and a Track that has its Program behind a Position; and Velocity, Duration and Pitch behind a Track. With
        no Program at all, Track 0 is a piano.
        """
        known = self.vocabulary.read(ids)
        family, index = self.vocabulary.family[known], self.vocabulary.index[known].astype(np.int64)
        bars = np.cumsum(family == Family.BAR)
        signed, metres = read_metres(family == Family.METRE, (index + 1) * self._bars.step, bars, self._bars)
        starts, lengths = laid_out(signed, max(1, int(bars[-1]) if len(bars) else 0))
        bar = np.maximum(bars - 1, 0)

        programs = np.flatnonzero((family == Family.PROGRAM) & (bars == 0))[: self._max_tracks]
        position_fits = (family == Family.POSITION) & (bars > 0) & (index < lengths[bar])
        position = latest(position_fits)
        placed = position > latest(family == Family.BAR)
        track_fits = (family == Family.TRACK) & placed & (index < max(1, len(programs)))
        track = latest(track_fits)
        voiced = placed & (track > position)
        state = {kind: (family == kind) & voiced for kind in (Family.VELOCITY, Family.DURATION)}
        pitched = np.flatnonzero((family == Family.PITCH) & voiced)
        voice = np.where(track >= 0, index[np.maximum(track, 0)], -1)
        velocity, duration = (_latest_of_track(state[kind], voice, pitched) for kind in state)
        told = (velocity >= 0) & (duration >= 0)
        note, velocity, duration = pitched[told], velocity[told], duration[told]

        opening = first_of(family, Family.TEMPO, before=bars == 0)
        changes = np.flatnonzero((family == Family.TEMPO) & placed)
        valid = _FREE[family] | position_fits | track_fits | state[Family.VELOCITY] | state[Family.DURATION]
        for meant in (metres, programs, opening, changes, note, np.flatnonzero(family[:1] == Family.BOS)):
            valid[meant] = True
        tick = starts[bar] + np.where(position >= 0, index[np.maximum(position, 0)], 0)
        tempos = [(0, int(index[opening[0]]) if len(opening) else self._tempo_bin(120.0))]
        tempos += zip(tick[changes].tolist(), index[changes].tolist(), strict=True)
        notes = self._built(
            _Voiced(
                tick[note],
                self._durations[index[duration]],
                index[note],
                self._velocities[index[velocity]],
                voice[note],
            ),
            [Instrument(int(one % _DRUMS), bool(one >= _DRUMS)) for one in index[programs]] or [Instrument()],
            tempos,
            self._bars.metres(
                Bars([one for one in signed if one.bar <= (bar[note].max() if len(note) else 0)], starts)
            ),
        )
        return Decoded(notes, len(known) - int(valid.sum()), len(known))

    def quantise(self, notes: Notes) -> Notes:
        """The nearest notes that can be written; tracks without notes and the tracks' names are left out."""
        notes = notes.at(self.resolution)
        duration = self._duration_ids[np.minimum(notes.duration, self._max_duration)]
        velocity = self._velocity_ids[notes.velocity]
        tempos = [(tick, self._tempo_bin(qpm)) for tick, qpm in notes.tempo_map]
        built = self._built(
            _Voiced(
                notes.onset,
                self._durations[self.vocabulary.index[duration]],
                notes.pitch,
                self._velocities[self.vocabulary.index[velocity]],
                np.zeros(len(notes), np.int64) if notes.track is None else notes.track,
            ),
            list(notes.tracks) if notes.track is not None else [Instrument()],
            tempos,
            self._bars.metres(self._bars.bars(notes)),
        )
        return replace(built, name=notes.name)

    def _built(
        self, columns: _Voiced, tracks: list[Instrument], tempos: list[tuple[int, int]], metres: tuple[Metre, ...]
    ) -> Notes:
        """Notes with the tracks that they use, in their order, and the tempi that differ, up to the last onset."""
        to, used = self._order(tracks, np.asarray(columns.track))
        last = int(np.max(columns.onset, initial=0))
        by_tick = dict(sorted((tempo for tempo in tempos if tempo[0] <= last), key=lambda tempo: tempo[0]))
        kept = list(by_tick.items())
        kept = [one for before, one in zip([None, *kept], kept, strict=False) if before is None or before[1] != one[1]]
        changes = tuple(Tempo(tick, float(self._tempi[speed])) for tick, speed in kept)
        end = int(np.max(np.asarray(columns.onset) + columns.duration, initial=0))
        return Notes.build(
            *columns[:4],
            track=to[columns.track],
            tracks=used,
            metres=metres,
            tempo=TempoMap(changes, self.resolution).mean(0, end) if len(changes) > 1 else changes[0].qpm,
            tempos=changes,
            resolution=self.resolution,
        )

    def _order(self, tracks: list[Instrument], track: Ticks) -> tuple[Ticks, tuple[Instrument, ...]]:
        """Where each track goes, and the tracks that there are then."""
        counts = np.bincount(track, minlength=len(tracks))
        used = sorted(np.flatnonzero(counts).tolist(), key=lambda one: (tracks[one].drum, tracks[one].program, one))
        kept, more = used[: self._max_tracks], used[self._max_tracks :]
        to = np.zeros(len(tracks), np.int64)
        to[kept] = np.arange(len(kept))
        for one in more:
            same = [place for place, other in enumerate(kept) if tracks[other][:2] == tracks[one][:2]]
            to[one] = same[0] if same else len(kept) - 1
        return to, tuple(tracks[one]._replace(name="") for one in kept)

    def _build_vocabulary(self, velocity_step: int) -> Vocabulary:
        plain = super()._build_vocabulary(velocity_step).values
        further = {Family.PROGRAM: np.arange(2 * _DRUMS), Family.TRACK: np.arange(self._max_tracks)}
        return Vocabulary({kind: row for kind, row in plain.items() if kind > Family.BAR} | further)


class _Voiced(NamedTuple):
    onset: NDArray[np.integer]
    duration: NDArray[np.integer]
    pitch: NDArray[np.integer]
    velocity: NDArray[np.integer]
    track: NDArray[np.integer]


class _ByTrack(NamedTuple):
    """Notes by track and time; `new` is a track's first note, `again`, `loud`, `long`: a Track, Velocity, Duration."""

    track: Ids
    onset: Ids
    duration: NDArray[np.integer]
    velocity: NDArray[np.integer]
    pitch: NDArray[np.integer]
    new: NDArray[np.bool_]
    again: NDArray[np.bool_]
    loud: NDArray[np.bool_]
    long: NDArray[np.bool_]


class _Rows:
    """Tokens with what they are sorted by: tick, what they speak of, and their place within it."""

    def __init__(self) -> None:
        self._parts: list[NDArray[np.int64]] = []

    def add(self, ticks: NDArray[np.integer], kind: int, ids: NDArray[np.integer], place: Ticks | int = 0) -> None:
        part = np.empty((4, len(ticks)), np.int64)
        part[0], part[1], part[2], part[3] = ticks, kind, place, ids
        self._parts.append(part)

    def sorted(self) -> Ids:
        rows = np.concatenate(self._parts, axis=1)
        ids: Ids = rows[3][np.lexsort(rows[[2, 1, 0]])]
        return ids


def _latest_of_track(where: NDArray[np.bool_], voice: Ids, notes: Ids) -> Ids:
    """For each note the last place before it at which `where` holds for its track, or -1."""
    both = np.sort(np.concatenate([np.flatnonzero(where), notes]))
    order = both[np.argsort(voice[both], kind="stable")]
    place = np.maximum.accumulate(np.where(where[order], np.arange(len(order)), -1))
    found = order[np.maximum(place, 0)]
    found = np.where((place >= 0) & (voice[found] == voice[order]), found, -1)
    at = np.empty(len(voice), np.int64)
    at[order] = found
    result: Ids = at[notes]
    return result
