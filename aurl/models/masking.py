"""Sampling by a tokenizer's grammar: what each of many sequences may say next, followed on the model's device.

Shape suffixes: B sequences, V vocabulary, R tracks.
"""

from __future__ import annotations

import torch
from torch import Tensor

from aurl.music.grammar import REST, Phase, TokenGrammar
from aurl.music.vocabulary import Family

_METRE_UNITS = (Phase.OPENING_BAR, Phase.NEW_BAR)


class GrammarMask:
    """Follows sequences of a grammar token by token, without making the device wait.

    Args:
        rows: sequences; all begin behind their begin token.
    """

    def __init__(self, grammar: TokenGrammar, rows: int, device: torch.device) -> None:
        def table(values: object) -> Tensor:
            return torch.as_tensor(values, device=device)

        self._family_V, self._index_V, self._bar_V = (
            table(values) for values in (grammar.family, grammar.index, grammar.bar)
        )
        self._follows, self._leads, self._units = (
            table(values) for values in (grammar.follows, grammar.leads, grammar.units)
        )
        self._is_position_V = self._family_V == Family.POSITION
        self._is_track_V = self._family_V == Family.TRACK
        self._is_metre_V = self._family_V == Family.METRE
        self._tracks = max(1, grammar.tracks)
        self._ordered = bool(grammar.tracks)

        def zeros() -> Tensor:
            return torch.zeros(rows, dtype=torch.int64, device=device)

        self._phase_B, self._length_B, self._metre_B, self._new_B, self._programs_B = (zeros() for _ in range(5))
        self._position_B, self._track_B = zeros() - 1, zeros() - 1
        self._loud_BR = torch.zeros(rows, self._tracks, dtype=torch.bool, device=device)
        self._long_BR = self._loud_BR.clone()
        self._voices = grammar.voices
        if grammar.voices:  # their tokens tell no velocity and no duration
            self._loud_BR, self._long_BR = ~self._loud_BR, ~self._long_BR
        self._of_voice_V = (self._family_V == Family.PITCH) & bool(grammar.voices)
        self._voice_V = torch.where(self._of_voice_V, self._index_V // (REST + 1), 0)
        self._rest_V = self._of_voice_V & (self._index_V % (REST + 1) == REST)
        self._voice_B = zeros() - 1
        self._sounding_BR = torch.zeros(rows, max(1, grammar.voices), dtype=torch.bool, device=device)

    def allowed(self) -> Tensor:
        """Which tokens may come next, bool [B, V]; at least one in each row."""
        allowed_BV = self._follows[self._phase_B][:, self._family_V]
        here_B1 = self._here()[:, None]
        loud_B1, long_B1 = self._loud_BR.gather(1, here_B1), self._long_BR.gather(1, here_B1)
        family_V = self._family_V
        needs_length_BV = (family_V == Family.PITCH) & ~long_B1
        needs_loudness_BV = ((family_V == Family.PITCH) | (family_V == Family.DURATION)) & ~loud_B1
        above_BV = (self._index_V > self._position_B[:, None]) & (self._index_V < self._length_B[:, None])
        allowed_BV &= ~(needs_length_BV | needs_loudness_BV | (self._is_position_V & ~above_BV))
        unit_BV = self._units[self._metre_B][:, self._index_V.clamp(max=len(self._units) - 1)]
        second_B1 = ((self._phase_B == _METRE_UNITS[0]) | (self._phase_B == _METRE_UNITS[1]))[:, None]
        allowed_BV &= ~(self._is_metre_V & second_B1 & ~unit_BV)
        if self._voices:
            silent_BV = ~self._sounding_BR[:, self._voice_V]
            spoken_BV = self._voice_V <= self._voice_B[:, None]
            allowed_BV &= ~((self._rest_V & silent_BV) | (self._of_voice_V & spoken_BV))
        if self._ordered:
            voices_BV = (self._index_V > self._track_B[:, None]) & (self._index_V < self._programs_B[:, None])
            allowed_BV &= ~(self._is_track_V & ~voices_BV)
            full_B1 = (self._programs_B >= self._tracks)[:, None]
            allowed_BV &= ~((family_V == Family.PROGRAM) & full_B1)
        return allowed_BV

    def feed(self, token_B: Tensor) -> None:
        """The tokens that have come, one for each sequence; those that may not come change little."""
        family_B, index_B = self._family_V[token_B], self._index_V[token_B]
        metre_B = family_B == Family.METRE
        second_B = metre_B & ((self._phase_B == _METRE_UNITS[0]) | (self._phase_B == _METRE_UNITS[1]))
        self._new_B = torch.where(metre_B & ~second_B, self._bar_V[token_B], self._new_B)
        self._metre_B = torch.where(metre_B & ~second_B, index_B, self._metre_B)
        bar_B = family_B == Family.BAR
        self._length_B = torch.where(bar_B, self._new_B, self._length_B)
        position_B = family_B == Family.POSITION
        self._position_B = torch.where(bar_B, -1, torch.where(position_B, index_B, self._position_B))
        track_B = family_B == Family.TRACK
        self._track_B = torch.where(bar_B | position_B, -1, torch.where(track_B, index_B, self._track_B))
        self._programs_B = self._programs_B + (family_B == Family.PROGRAM)
        if self._voices:
            self._follow_voices(token_B, bar_B | position_B)
        here_B1 = self._here()[:, None]
        self._loud_BR = self._loud_BR.scatter(
            1, here_B1, self._loud_BR.gather(1, here_B1) | (family_B == Family.VELOCITY)[:, None]
        )
        self._long_BR = self._long_BR.scatter(
            1, here_B1, self._long_BR.gather(1, here_B1) | (family_B == Family.DURATION)[:, None]
        )
        self._phase_B = self._leads[self._phase_B, family_B]

    def _follow_voices(self, token_B: Tensor, anew_B: Tensor) -> None:
        of_voice_B, voice_B = self._of_voice_V[token_B], self._voice_V[token_B]
        self._voice_B = torch.where(anew_B, -1, torch.where(of_voice_B, voice_B, self._voice_B))
        sounds_B1 = torch.where(of_voice_B, ~self._rest_V[token_B], self._sounding_BR.gather(1, voice_B[:, None])[:, 0])
        self._sounding_BR = self._sounding_BR.scatter(1, voice_B[:, None], sounds_B1[:, None])

    def _here(self) -> Tensor:
        """The track that velocities and durations speak of, int64 [B]."""
        return self._track_B.clamp(0, self._tracks - 1) if self._ordered else torch.zeros_like(self._track_B)
