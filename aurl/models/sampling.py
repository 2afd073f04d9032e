"""Autoregressive sampling with a key-value cache, seeded slot by slot.

A slot draws its uniforms from its own generator before the loop starts, and picks tokens by the inverse of the
cumulative distribution, so its result does not depend on the other slots. On the CPU the rows of a matrix product
change in the last bit with their number; slots are therefore decoded in blocks of a fixed number of rows there.

Shape suffixes: B sequences, P tokens of the prompt, T tokens, V vocabulary, D model width, Z latent width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from aurl.errors import ConfigError
from aurl.models.decoder import TokenDecoder
from aurl.models.masking import GrammarMask
from aurl.music.grammar import TokenGrammar

CPU_ROWS = 8


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Eval mode inside the block; every submodule's own mode after it."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def filter_logits(logits_BV: Tensor, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> Tensor:
    """The logits over temperature, with -inf for the tokens that are not to be drawn.

    Args:
        temperature: > 0.
        top_k: keep the k likeliest, and those tied with the last of them; 0 keeps all.
        top_p: of these, keep the likeliest whose probabilities reach p together, at least one
            (Holtzman et al. 2020, arXiv:1904.09751); 1 keeps all.
    """
    logits_BV = logits_BV / temperature
    if 0 < top_k < logits_BV.shape[-1]:
        last_B1 = logits_BV.topk(top_k, dim=-1).values[:, -1:]
        logits_BV = logits_BV.masked_fill(logits_BV < last_B1, float("-inf"))
    if top_p < 1.0:
        sorted_BV, order_BV = logits_BV.sort(dim=-1, descending=True, stable=True)
        p_BV = sorted_BV.softmax(-1)
        beyond_BV = p_BV.cumsum(-1) - p_BV >= top_p
        logits_BV = logits_BV.masked_fill(beyond_BV.scatter(-1, order_BV, beyond_BV), float("-inf"))
    return logits_BV


def inverse_cdf(logits_BV: Tensor, uniform_B: Tensor) -> Tensor:
    """The token [B] at which the cumulative distribution first exceeds the uniform number in [0, 1) of its row."""
    cdf_BV = logits_BV.double().softmax(-1).cumsum(-1)
    threshold_B1 = (uniform_B * cdf_BV[:, -1])[:, None]
    return (cdf_BV <= threshold_B1).sum(-1).clamp(max=cdf_BV.shape[-1] - 1)


def unroll(
    decoder: TokenDecoder,
    prompt_BP: Tensor,
    choose: Callable[[Tensor, int], Tensor],
    *,
    length: int,
    eos: int,
    pad: int,
    context_BD: Tensor | None = None,
    stop_early: bool = True,
) -> Tensor:
    """Continue the prompts to `length` tokens [B, length], padding after the end token.

    Args:
        choose: (logits [B, V], position) to tokens [B].
        stop_early: look after each token whether all have ended, which makes a GPU wait.
    """
    caches = decoder.caches(length)
    tokens_BT = prompt_BP.new_full((len(prompt_BP), length), pad)
    tokens_BT[:, : prompt_BP.shape[1]] = prompt_BP
    ended_B = torch.zeros_like(prompt_BP[:, 0], dtype=torch.bool)
    fed_BT = prompt_BP
    for position in range(prompt_BP.shape[1], length):
        logits_BV = decoder(fed_BT, context_BD, caches)[:, -1].float()
        next_B = choose(logits_BV, position).masked_fill(ended_B, pad)
        tokens_BT[:, position] = next_B
        ended_B = ended_B | (next_B == eos)
        if stop_early and bool(ended_B.all()):
            break
        fed_BT = next_B[:, None]
    return tokens_BT


class SequenceSampler:
    """Draws sequences from a decoder.

    Args:
        bos: token that a sequence begins with; never drawn, nor is `pad`.
        length: tokens at most, prompt included.
        temperature, top_k, top_p: as in `filter_logits`.

    Raises:
        ConfigError: a value outside its range.
    """

    def __init__(
        self, *, pad: int, bos: int, eos: int, length: int, seq_len: int, temperature: float, top_k: int, top_p: float
    ) -> None:
        if not temperature > 0:
            raise ConfigError(f"temperature={temperature}: needs more than 0; use top_k=1 for the likeliest tokens")
        if top_k < 0:
            raise ConfigError(f"top_k={top_k}: needs 0 (all tokens) or more")
        if not 0 < top_p <= 1:
            raise ConfigError(f"top_p={top_p}: needs more than 0 and at most 1 (all tokens)")
        if not 2 <= length <= seq_len:
            raise ConfigError(f"length={length}: this model makes 2 to seq_len={seq_len} tokens")
        self.pad, self.bos, self.eos, self.length = pad, bos, eos, length
        self.temperature, self.top_k, self.top_p = temperature, top_k, top_p

    def prompt(self, prompt_T: Tensor | None, device: torch.device) -> Tensor:
        """The prompt [P] with the begin token before it, up to its first end or padding token."""
        begin = torch.tensor([self.bos], device=device)
        if prompt_T is None:
            return begin
        prompt_T = prompt_T.to(device)
        closed = ((prompt_T == self.eos) | (prompt_T == self.pad)).nonzero()
        if len(closed):
            prompt_T = prompt_T[: int(closed[0])]
        if not len(prompt_T) or int(prompt_T[0]) != self.bos:
            prompt_T = torch.cat((begin, prompt_T))
        if len(prompt_T) >= self.length:
            raise ConfigError(f"length={self.length}: the prompt has {len(prompt_T)} tokens already; give more")
        return prompt_T

    def run(
        self,
        decoder: TokenDecoder,
        seeds: Sequence[int],
        prompt_P: Tensor,
        context: Callable[[Sequence[torch.Generator]], Tensor] | None = None,
        grammar: TokenGrammar | None = None,
    ) -> Tensor:
        """One sequence a seed, [B, <= length], on the prompt's device.

        Args:
            context: makes the decoder's context [B, D] from the slots' generators, before these draw anything else.
            grammar: nothing is drawn that it does not allow.
        """
        if not seeds:
            return prompt_P.new_empty(0, self.length)
        rows = CPU_ROWS if prompt_P.device.type == "cpu" else len(seeds)
        blocks = [seeds[first : first + rows] for first in range(0, len(seeds), rows)]
        tokens_BT = torch.cat(
            [self._block(decoder, block, rows, prompt_P, context, grammar=grammar) for block in blocks]
        )
        used = int((tokens_BT != self.pad).any(0).nonzero()[-1]) + 1
        return tokens_BT[:, :used]

    def _block(
        self,
        decoder: TokenDecoder,
        seeds: Sequence[int],
        rows: int,
        prompt_P: Tensor,
        context: Callable[[Sequence[torch.Generator]], Tensor] | None,
        *,
        grammar: TokenGrammar | None,
    ) -> Tensor:
        padded = [*seeds, *[seeds[-1]] * (rows - len(seeds))]
        generators = [torch.Generator().manual_seed(seed) for seed in padded]
        context_BD = context(generators) if context is not None else None
        uniforms_BT = torch.stack([torch.rand(self.length, dtype=torch.float64, generator=g) for g in generators])
        uniforms_BT = uniforms_BT.to(prompt_P.device)
        never = torch.tensor([self.pad, self.bos], device=prompt_P.device)

        prompt_BP = prompt_P.expand(rows, -1)
        mask = GrammarMask(grammar, rows, prompt_P.device) if grammar is not None else None
        if mask is not None:
            for position in range(1, prompt_BP.shape[1]):
                mask.feed(prompt_BP[:, position])

        def choose(logits_BV: Tensor, position: int) -> Tensor:
            allowed_BV = logits_BV.index_fill(-1, never, float("-inf"))
            if mask is not None:
                allowed_BV = allowed_BV.masked_fill(~mask.allowed(), float("-inf"))
            filtered_BV = filter_logits(allowed_BV, self.temperature, self.top_k, self.top_p)
            token_B = inverse_cdf(filtered_BV, uniforms_BT[:, position])
            if mask is not None:
                mask.feed(token_B)
            return token_B

        tokens_BT = unroll(
            decoder, prompt_BP, choose, length=self.length, eos=self.eos, pad=self.pad, context_BD=context_BD
        )
        return tokens_BT[: len(seeds)]
