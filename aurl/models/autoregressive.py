"""What the models that decode token by token have in common: the special tokens and sampling.

Shape suffixes: B sequences, P tokens of the prompt, T tokens, D model width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from aurl.models import checks
from aurl.models.base import MusicModel
from aurl.models.decoder import TokenDecoder
from aurl.models.sampling import SequenceSampler, evaluating
from aurl.music.grammar import TokenGrammar

Context: TypeAlias = Callable[[Sequence[torch.Generator]], Tensor]


class Autoregressive(MusicModel):
    """A model whose sequences come out of a `TokenDecoder`.

    Args:
        vocab_size: number of tokens.
        seq_len: the most tokens in a sequence, begin and end token included.
        pad, bos, eos: padding, begin and end token.
    """

    decoder: TokenDecoder

    def __init__(self, vocab_size: int, seq_len: int, pad: int, bos: int, eos: int) -> None:
        checks.vocabulary(vocab_size, seq_len, {"pad": pad, "bos": bos, "eos": eos})
        super().__init__()
        self.vocab_size, self.seq_len = vocab_size, seq_len
        self.pad, self.bos, self.eos = pad, bos, eos

    def generate(
        self,
        seeds: Sequence[int],
        *,
        length: int,
        prompt_T: Tensor | None = None,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        grammar: TokenGrammar | None = None,
    ) -> Tensor:
        """See `MusicModel.generate`; leaves the training mode and the global random state as they were.

        Raises:
            ConfigError: an argument outside its range, or a prompt that fills the length.
        """
        sampler = SequenceSampler(
            pad=self.pad,
            bos=self.bos,
            eos=self.eos,
            length=length,
            seq_len=self.seq_len,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
        )
        # Not inference_mode: under FSDP its tensors would outlive the call and break the next training step.
        with evaluating(self), torch.no_grad():
            prompt_P = sampler.prompt(prompt_T, self.decoder.table.weight.device)
            context = self._context(prompt_P if prompt_T is not None else None)
            return sampler.run(self.decoder, seeds, prompt_P, context, grammar)

    def _context(self, prompt_P: Tensor | None) -> Context | None:
        """What makes the decoder's context [B, D] from the slots' generators, or from the prompt; None without one."""
        return None
