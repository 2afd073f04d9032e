"""Music drawn from the model while it trains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from aurl.errors import ConfigError, require
from aurl.models.base import MusicModel
from aurl.music.grammar import TokenGrammar
from aurl.music.notes import Notes
from aurl.music.tokens import Decoded, Tokenizer
from aurl.train.ending import Ending
from aurl.train.part import Part
from aurl.train.samples import SampleWriter

_LOOK_SECONDS = 0.25
_PATIENCE_SECONDS = 4.0  # for samples that are still being written when the run is asked to stop


class Sampler(Part):
    """Draws the same slots at each occasion, so that one can hear a slot improve.

    A slot's seed is `seed` + its number. The first `continuations` slots continue openings of validation pieces, the
    others start from nothing (and a latent drawn from the prior, where the model has one).

    Args:
        every: optimiser steps between occasions; null samples at every evaluation, 0 never.
        count: slots whose files are written, >= 0.
        scored: slots that are drawn for the scores of musical quality; those beyond `count` leave no files, >= 0.
        continuations: how many of them continue a validation piece.
        prompt_bars: bars of that piece that are given.
        length: tokens at most; null for the model's own sequence length.
        bars: bars that are kept, the prompt's included; null for as many as the training windows have, beyond which a
            model only guesses.
        temperature: > 0; lower is more conservative.
        top_k: keep only the k likeliest tokens; 0 keeps all.
        top_p: keep the likeliest tokens whose probabilities reach p together.
        valid: draw only tokens that mean something where they stand; needs a tokenizer with a grammar.
        seed: of slot 0.
        image: whether to draw piano rolls.
        audio: whether to make audio previews.
        audio_seconds: length of the longest preview, > 0.
    """

    def __init__(
        self,
        *,
        every: int | None = None,
        count: int = 4,
        scored: int = 64,
        continuations: int = 1,
        prompt_bars: int = 1,
        length: int | None = None,
        bars: int | None = None,
        temperature: float = 0.9,
        top_k: int = 0,
        top_p: float = 0.95,
        valid: bool = False,
        seed: int = 0,
        image: bool = True,
        audio: bool = True,
        audio_seconds: float = 30.0,
    ) -> None:
        require("sample.every", every, every is None or every >= 0, "null, 0 or more")
        require("sample.count", count, count >= 0, "0 or more")
        require("sample.scored", scored, scored >= 0, "0 or more")
        require("sample.continuations", continuations, 0 <= continuations <= count, f"0 to sample.count={count}")
        require("sample.prompt_bars", prompt_bars, prompt_bars >= 1, "1 or more")
        require("sample.length", length, length is None or length >= 2, "null or 2 or more")
        require("sample.bars", bars, bars is None or bars >= 1, "null or 1 or more")
        require("sample.temperature", temperature, temperature > 0, "a number above 0")
        require("sample.top_k", top_k, top_k >= 0, "0 or more")
        require("sample.top_p", top_p, 0 < top_p <= 1, "a number in (0, 1]")
        require("sample.audio_seconds", audio_seconds, audio_seconds > 0, "a number above 0; sample.audio=false is off")
        self.every, self.count, self.scored = every, count, scored
        self.continuations, self.prompt_bars = continuations, prompt_bars
        self.bars = bars
        self.length, self.temperature, self.top_k, self.top_p, self.seed = length, temperature, top_k, top_p, seed
        self.valid = valid
        self._image, self._audio, self._audio_seconds = image, audio, audio_seconds
        self._writer: SampleWriter | None = None
        self._round = -1  # the step of the last complete one

    def at_start(self) -> None:
        """Open the thread that writes samples; by now all parts that want to see them have said so."""
        training = self.training
        self._writer = SampleWriter(
            training.run,
            training.monitor.write,
            image=self._image,
            audio=self._audio,
            audio_seconds=self._audio_seconds,
            on_sample=training.on_sample,
            on_round=training.on_round,
        )

    def at_step_end(self, evaluated: bool) -> None:
        if self.due(self.training.step, evaluated):
            self._sample()

    def before_save(self) -> None:
        self._drain()

    def at_end(self, ending: Ending) -> None:
        self._drain()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def due(self, step: int, evaluated: bool) -> bool:
        """Whether to sample after this step."""
        if not (self.count or self.scored) or self.every == 0:
            return False
        return evaluated if self.every is None else step % self.every == 0

    def draw(
        self,
        model: MusicModel,
        tokenizer: Tokenizer,
        openings: Sequence[Notes],
        seq_len: int,
        bars: int,
        *,
        scoring: bool = False,
    ) -> Iterator[tuple[int, int, str, Decoded]]:
        """Every slot's (number, seed, mode, decoded notes); `mode` is `continuation` or `prior`.

        Args:
            openings: pieces to continue.
            seq_len: tokens of the training windows.
            bars: bars of the training windows.
            scoring: draw the slots that are only scored, too.
        """
        length = min(self.length or seq_len, seq_len)
        told = min(self.continuations, len(openings))
        grammar = self._grammar(tokenizer)
        kept = self.bars or bars
        for slot in range(told):
            prompt_T = self._prompt(tokenizer, openings[slot], length, model)
            [tokens_T] = self._generate(model, [self.seed + slot], length, prompt_T, **grammar)
            yield slot, self.seed + slot, "continuation", _first_bars(tokenizer.decode(tokens_T), kept)
        free = [self.seed + slot for slot in range(told, max(self.count, self.scored if scoring else 0))]
        if free:
            for slot, tokens_T in enumerate(self._generate(model, free, length, None, **grammar), told):
                yield slot, self.seed + slot, "prior", _first_bars(tokenizer.decode(tokens_T), kept)

    def _sample(self) -> None:
        training, writer = self.training, self._writer
        assert writer is not None
        with training.evaluating(), training.stop_signal.interrupting():
            drawn = list(
                self.draw(
                    training.engine.model,
                    training.data.tokenizer,
                    training.data.corpus.validation,
                    training.data.seq_len,
                    training.data.bars,
                    scoring=bool(training.on_sample),
                )
            )
        for slot, seed, mode, decoded in drawn:
            training.stop_signal.check()  # the queue may be full, and a place in it a matter of seconds
            keep, epoch = slot < self.count, training.epoch_number
            writer.submit(training.step, slot, decoded, seed=seed, mode=mode, epoch=epoch, keep=keep)
        writer.end_round(training.step)
        self._round = training.step
        while training.wanted("quality/") and not writer.drain(_LOOK_SECONDS):
            training.stop_signal.check()  # the decision that follows wants the scores of these very samples

    def _drain(self) -> None:
        """Wait for the writer; once a signal came only for a moment, and then leave the rest for a resumed run."""
        patience = _PATIENCE_SECONDS
        while self._writer is not None and not self._writer.drain(_LOOK_SECONDS):
            if self.training.stop_signal.received:
                patience -= _LOOK_SECONDS
            if patience <= 0:
                self._leave(self._writer)
                break

    def _leave(self, writer: SampleWriter) -> None:
        training, left = self.training, writer.abandon()
        own = next(name for name, part in training.parts.items() if part is self)
        if self._round == training.step and own not in training.progress.owed:
            training.progress.owed.insert(0, own)
            what = "the run draws them again when it goes on"
        else:
            what = "they are left out"
        message = f"{left} samples were not written before the run was asked to stop; {what}"
        training.monitor.note(message, level="warning", module="samples")

    def _prompt(self, tokenizer: Tokenizer, notes: Notes, length: int, model: MusicModel) -> Tensor:
        first = notes.bar_of(int(notes.onset[0]))  # a silent beginning would prompt nothing
        ids = tokenizer.encode(notes.window(first, self.prompt_bars), end=False)[: max(1, length // 2)]
        return torch.as_tensor(ids, dtype=torch.int64, device=next(model.parameters()).device)

    def _grammar(self, tokenizer: Tokenizer) -> dict[str, TokenGrammar]:
        """The further argument of `MusicModel.generate`; none where any token may be drawn."""
        if not self.valid:
            return {}
        grammar = tokenizer.grammar()
        if grammar is None:
            raise ConfigError(
                f"sample.valid=true: {type(tokenizer).__name__} tells no grammar; use data/tokenizer=remi or multitrack"
            )
        return {"grammar": grammar}

    def _generate(
        self, model: MusicModel, seeds: Sequence[int], length: int, prompt_T: Tensor | None, **grammar: TokenGrammar
    ) -> Sequence[list[int]]:
        tokens_BT = model.generate(
            seeds,
            length=length,
            prompt_T=prompt_T,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            **grammar,
        )
        rows: list[list[int]] = tokens_BT.tolist()
        return rows


def _first_bars(decoded: Decoded, bars: int) -> Decoded:
    return replace(decoded, notes=decoded.notes.window(0, bars))
