"""What the loop asks of a model: losses by phase, and samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from aurl.errors import ConfigError
from aurl.music.grammar import TokenGrammar


class Losses(NamedTuple):
    """What one forward pass of a phase gives.

    Attributes:
        objective: 0-dim tensor to differentiate: a mean over the batch's target tokens (all but the first of each
            sequence, padding left out), so that the parts of a split batch can be weighed.
        metrics: detached 0-dim tensors by scalar name (`loss/recon`, `loss/kl`, ...), left on the device.
        by_sequence: that part of the objective which is a mean over the batch's sequences instead; None without one.
    """

    objective: Tensor
    metrics: Mapping[str, Tensor]
    by_sequence: Tensor | None = None

    def share(self, of_tokens: Tensor | float, of_sequences: float) -> Tensor:
        """What this batch adds to the objective of a larger one, of whose tokens and sequences it holds a share."""
        if self.by_sequence is None:
            return self.objective * of_tokens
        return (self.objective - self.by_sequence) * of_tokens + self.by_sequence * of_sequences

    @classmethod
    def of(cls, result: Losses | Mapping[str, Tensor] | Tensor) -> Losses:
        """What a model's `forward` gave, which may be a plain mapping of scalars or the loss alone.

        Of a mapping, `loss/total` or `loss` is what is differentiated, and all of it is logged.

        Raises:
            ConfigError: it is none of these, or a mapping without a loss.
        """
        if isinstance(result, Losses):
            return result
        scalars = {"loss/total": result} if isinstance(result, Tensor) else result
        if not isinstance(scalars, Mapping):
            raise ConfigError(f"model: forward returns {type(result).__name__}; give Losses, a mapping or a loss")
        name = next((name for name in ("loss/total", "loss") if name in scalars), None)
        if name is None:
            given = ", ".join(map(str, scalars)) or "nothing"
            raise ConfigError(f"model: forward returns {given}; one of them has to be 'loss/total', to differentiate")
        metrics = {"loss/total" if key == "loss" else key: value.detach() for key, value in scalars.items()}
        return cls(scalars[name], metrics)


class MusicModel(nn.Module, ABC):
    """A generative model of token sequences, trained in one or more phases a step.

    Each phase has its own optimiser: a plain model has the one phase `generator`; a VAE-GAN adds `discriminator`.

    Shapes: B sequences, T tokens, V vocabulary, D model width, H heads, K head width, Z latent width.
    """

    phases: tuple[str, ...] = ("generator",)
    given: ClassVar[tuple[str, ...]] = ("vocab_size", "seq_len", "pad", "bos", "eos")
    """What aurl passes to the constructor beside the keys of the config: sizes and special tokens of the data."""
    uncompiled: ClassVar[tuple[str, ...]] = ()
    """Methods that `torch.compile` leaves as they are, such as those that draw token by token."""

    def phases_at(self, step: int) -> tuple[str, ...]:
        """The phases of the step that follows `step` finished ones, in their order; all of them where not overridden.

        The first one runs in every step.
        """
        return self.phases

    @abstractmethod
    def forward(
        self, tokens_BT: Tensor, phase: str = "generator", step: int = 0
    ) -> Losses | Mapping[str, Tensor] | Tensor:
        """Losses of a batch of padded token sequences (int64), in any form that `Losses.of` reads.

        `step` drives the schedules (beta, adversarial weight).

        In eval mode: no dropout, schedules at their final values, and phase `generator` reports the metrics without
        sampling noise where it can, so that validation is comparable over steps.
        """

    @abstractmethod
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
        """Token sequences [len(seeds), <= length], one per slot, padded after the end token.

        A slot's result depends only on its seed and the arguments, not on the other slots. Without a prompt a slot
        starts from the begin token (and a latent drawn from the prior, where the model has one); with a prompt it
        continues it (and the latent is the prompt's).

        Args:
            length: tokens at most, prompt and begin token included.
            temperature: > 0; lower is more conservative.
            top_k: keep only the k likeliest tokens; 0 keeps all.
            top_p: keep the smallest set of tokens whose probability reaches p (Holtzman et al. 2020, arXiv:1904.09751).
            grammar: of the tokenizer; nothing is drawn that it does not allow.
        """

    def phase_parameters(self, phase: str) -> list[nn.Parameter]:
        """The parameters that the optimiser of this phase updates."""
        if phase not in self.phases:
            raise ValueError(f"phase '{phase}': this model has {', '.join(self.phases)}")
        return list(self.parameters())
