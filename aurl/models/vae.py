"""A variational autoencoder of token sequences with an autoregressive decoder.

Shape suffixes: B sequences, T tokens, V vocabulary, D model width, Z latent width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from aurl.errors import ConfigError
from aurl.models import checks
from aurl.models.autoregressive import Autoregressive, Context
from aurl.models.base import Losses
from aurl.models.decoder import TokenDecoder
from aurl.models.encoder import Posterior, PosteriorEncoder
from aurl.models.layers import Mlp, Norm, Positions
from aurl.models.losses import free_bits, gaussian_kl, token_loss
from aurl.models.schedules import ramp

ACTIVE_NATS = 0.01


class VAE(Autoregressive):
    """Encodes a sequence to a latent vector z, and decodes it token by token with z added at every position.

    The objective is the negative evidence lower bound over the batch, divided by its N target tokens (padding left
    out), so that both terms are in nats/token and beta = 1 is the exact bound (with free_bits = 0):

        recon + beta(step) * B/N * sum_z max(free_bits, mean_b KL_bz),   KL_bz = KL(q(z|x_b) || N(0, 1))

    Metrics: `loss/total` (the objective), `loss/recon` (cross entropy, nats/token), `loss/kl` (the raw KL, nats per
    sequence, no floor), `kl/beta`, `kl/active_units` (share of latent dimensions whose KL, averaged over the batch,
    exceeds 0.01 nats) and `accuracy`. In eval mode z is the posterior's mean, nothing is dropped, beta is final, and
    `loss/total` = recon + beta * B/N * KL with the raw KL, which makes it comparable over steps.

    Args:
        vocab_size, pad, bos, eos: of the tokenizer.
        seq_len: the most tokens in a sequence, begin and end token included.
        n_layers: blocks of the decoder.
        encoder_layers: blocks of the encoder.
        d_latent: Z.
        beta: final weight of the KL (Higgins et al. 2017).
        beta_warmup_steps: steps over which the weight rises linearly from 0.
        beta_cycle_steps: start the rise again every so many steps; 0 never.
        free_bits: nats per latent dimension that cost nothing (Kingma et al. 2016, arXiv:1606.04934).
        word_dropout: share of the decoder's input tokens hidden in training (Bowman et al. 2016, arXiv:1511.06349).
        label_smoothing: 0 to 1, share of the target that is spread over the vocabulary; in the objective alone.

    Raises:
        ConfigError: a value outside its range.
    """

    def __init__(
        self,
        vocab_size: int,
        seq_len: int,
        pad: int,
        bos: int,
        eos: int,
        *,
        d_model: int = 256,
        n_layers: int = 6,
        n_heads: int = 4,
        encoder_layers: int = 2,
        d_latent: int = 64,
        dropout: float = 0.1,
        word_dropout: float = 0.2,
        beta: float = 0.5,
        beta_warmup_steps: int = 500,
        beta_cycle_steps: int = 0,
        free_bits: float = 0.1,
        label_smoothing: float = 0.0,
        positions: Positions = "rotary",
        norm: Norm = "rms",
        mlp: Mlp = "swiglu",
        tie_embeddings: bool = True,
        checkpoint_activations: bool = False,
    ) -> None:
        checks.share(label_smoothing=label_smoothing, word_dropout=word_dropout)
        checks.at_least(0, beta=beta, free_bits=free_bits)
        checks.at_least(0, beta_warmup_steps=beta_warmup_steps, beta_cycle_steps=beta_cycle_steps)
        checks.at_least(1, d_latent=d_latent, encoder_layers=encoder_layers)
        if 0 < beta_cycle_steps < beta_warmup_steps:
            raise ConfigError(
                f"model.beta_cycle_steps={beta_cycle_steps}: needs 0 or at least beta_warmup_steps={beta_warmup_steps}"
            )
        super().__init__(vocab_size, seq_len, pad, bos, eos)
        self.d_latent = d_latent
        self.beta, self.beta_warmup_steps, self.beta_cycle_steps = beta, beta_warmup_steps, beta_cycle_steps
        self.free_bits = free_bits
        self.word_dropout = word_dropout
        self.label_smoothing = label_smoothing
        self.encoder = PosteriorEncoder(
            vocab_size,
            seq_len,
            pad,
            d_latent,
            d_model=d_model,
            n_layers=encoder_layers,
            n_heads=n_heads,
            dropout=dropout,
            positions=positions,
            norm=norm,
            mlp=mlp,
            checkpoint_activations=checkpoint_activations,
        )
        self.to_context = nn.Linear(d_latent, d_model)
        self.decoder = TokenDecoder(
            vocab_size,
            seq_len,
            d_model=d_model,
            n_layers=n_layers,
            n_heads=n_heads,
            dropout=dropout,
            positions=positions,
            norm=norm,
            mlp=mlp,
            tie_embeddings=tie_embeddings,
            forgets=word_dropout > 0,
            checkpoint_activations=checkpoint_activations,
        )

    def forward(self, tokens_BT: Tensor, phase: str = "generator", step: int = 0) -> Losses:
        """See `MusicModel.forward`.

        Raises:
            ValueError: sequences longer than seq_len, or an unknown phase.
        """
        checks.batch(tokens_BT, self.seq_len, phase, self.phases)
        return self._bound(tokens_BT, self.encoder(tokens_BT), step)

    def _bound(self, tokens_BT: Tensor, posterior: Posterior, step: int) -> Losses:
        """The objective and metrics of the class docstring."""
        z_BZ = posterior.sample() if self.training else posterior.mu
        word_dropout = self.word_dropout if self.training else 0.0
        logits_BTV = self.decoder(tokens_BT[:, :-1], self.to_context(z_BZ), word_dropout=word_dropout)
        loss = token_loss(logits_BTV, tokens_BT[:, 1:], self.pad, self.label_smoothing)
        kl_BZ = gaussian_kl(*posterior)
        kl = kl_BZ.detach().sum(1).mean()
        beta = self.beta_at(step)
        weight = beta * len(tokens_BT) / loss.targets
        objective = loss.smoothed + weight * free_bits(kl_BZ, self.free_bits)
        recon = loss.recon.detach()
        metrics = {
            "loss/total": objective.detach() if self.training else recon + weight * kl,
            "loss/recon": recon,
            "loss/kl": kl,
            "kl/beta": kl.new_full((), beta),
            "kl/active_units": (kl_BZ.detach().mean(0) > ACTIVE_NATS).float().mean(),
            "accuracy": loss.accuracy,
        }
        return Losses(objective, metrics)

    def beta_at(self, step: int) -> float:
        """Weight of the KL at a step; the final one in eval mode."""
        if not self.training:
            return self.beta
        return self.beta * ramp(step, self.beta_warmup_steps, self.beta_cycle_steps)

    def _context(self, prompt_P: Tensor | None) -> Context:
        device = self.to_context.weight.device

        def context(generators: Sequence[torch.Generator]) -> Tensor:
            if prompt_P is None:
                z_BZ = torch.stack([torch.randn(self.d_latent, generator=generator) for generator in generators])
            else:
                z_BZ = self.encoder(prompt_P.expand(len(generators), -1)).mu
            context_BD: Tensor = self.to_context(z_BZ.to(device))
            return context_BD

        return context
