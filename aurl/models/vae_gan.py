"""A VAE whose free-running output is also judged by a discriminator.

Shape suffixes: B sequences, T tokens, L tokens decoded freely, V vocabulary, Z latent width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aurl.models import checks
from aurl.models.base import Losses
from aurl.models.discriminator import Discriminator
from aurl.models.encoder import Posterior
from aurl.models.layers import Mlp, Norm, Positions
from aurl.models.losses import hinge_discriminator, hinge_generator
from aurl.models.sampling import evaluating, unroll
from aurl.models.vae import VAE


class VAEGAN(VAE):
    """VAE-GAN (Larsen et al. 2016, arXiv:1512.09300) for tokens.

    Generated sequences are decoded by the model from its own output, from the begin token on, half of them from
    posterior z and half from prior z. Drawing token by token is what costs: with `shared_draw` there is one draw a
    step, half as many sequences as the batch has, and phase `discriminator` judges those of phase `generator`. Phase
    `discriminator` learns to tell them from the beginnings of real sequences
    by the hinge loss (Lim and Ye 2017; Miyato et al. 2018). Phase `generator` minimises

        VAE objective + adversarial_weight * -E[D(generated)]

    where the discrete choices pass a gradient by straight-through Gumbel-softmax (Jang et al. 2017, arXiv:1611.01144):
    tokens are drawn one by one without gradient, argmax(logits + noise), then all logits are computed in one pass over
    the drawn tokens with the same noise, and the one-hot choice takes the gradient of softmax((logits + noise) / tau).
    As in Larsen et al. the adversarial term trains the decoder, not the encoder.

    Metrics beside those of `VAE`: `loss/adv` (-E[D(generated)], from adversarial_warmup_steps on), and in phase
    `discriminator` `loss/disc`, `gan/d_accuracy`, `gan/d_real`, `gan/d_fake` (mean logits). `loss/total` includes the
    adversarial term in training and leaves it out in eval mode, where phase `generator` equals `VAE` and is
    deterministic.

    Args:
        adversarial_weight: weight of the adversarial term.
        adversarial_warmup_steps: steps in which the term is left out, while the discriminator already learns.
        adversarial_length: L, tokens decoded for the discriminator (fewer where the batch is shorter).
        adversarial_every: of the steps each n-th has phase `discriminator` and the adversarial term.
        shared_draw: false draws as many sequences as the batch has, in each phase anew, at twice the price.
        gumbel_temperature: tau > 0; lower is a less biased and noisier gradient.
        discriminator_width: features per token.
        discriminator_layers: convolutions, each of which halves the length.
        All others: as in `VAE`.
    """

    phases = ("generator", "discriminator")
    uncompiled = ("_draw", "_keep", "_take")

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
        adversarial_weight: float = 0.1,
        adversarial_warmup_steps: int = 500,
        adversarial_length: int = 32,
        adversarial_every: int = 1,
        shared_draw: bool = True,
        gumbel_temperature: float = 1.0,
        discriminator_width: int = 64,
        discriminator_layers: int = 3,
        label_smoothing: float = 0.0,
        positions: Positions = "rotary",
        norm: Norm = "rms",
        mlp: Mlp = "swiglu",
        tie_embeddings: bool = True,
        checkpoint_activations: bool = False,
    ) -> None:
        checks.at_least(0, adversarial_weight=adversarial_weight, adversarial_warmup_steps=adversarial_warmup_steps)
        checks.at_least(1, adversarial_length=adversarial_length, adversarial_every=adversarial_every)
        checks.positive(gumbel_temperature=gumbel_temperature)
        super().__init__(
            vocab_size,
            seq_len,
            pad,
            bos,
            eos,
            d_model=d_model,
            n_layers=n_layers,
            n_heads=n_heads,
            encoder_layers=encoder_layers,
            d_latent=d_latent,
            dropout=dropout,
            word_dropout=word_dropout,
            beta=beta,
            beta_warmup_steps=beta_warmup_steps,
            beta_cycle_steps=beta_cycle_steps,
            free_bits=free_bits,
            label_smoothing=label_smoothing,
            positions=positions,
            norm=norm,
            mlp=mlp,
            tie_embeddings=tie_embeddings,
            checkpoint_activations=checkpoint_activations,
        )
        self.adversarial_weight = adversarial_weight
        self.adversarial_warmup_steps = adversarial_warmup_steps
        self.adversarial_length, self.adversarial_every = adversarial_length, adversarial_every
        self.gumbel_temperature = gumbel_temperature
        self.shared_draw = shared_draw
        self._kept_at = -1
        self._kept: list[tuple[Tensor, Tensor]] = []  # batches of the step's first phase, and what was drawn for each
        self.discriminator = Discriminator(vocab_size, d_model=discriminator_width, n_layers=discriminator_layers)

    def phase_parameters(self, phase: str) -> list[nn.Parameter]:
        """The discriminator's parameters for its phase, all others for the generator's."""
        judging = list(self.discriminator.parameters())
        if phase == "discriminator":
            return judging
        judging_ids = {id(parameter) for parameter in judging}
        return [parameter for parameter in super().phase_parameters(phase) if id(parameter) not in judging_ids]

    def phases_at(self, step: int) -> tuple[str, ...]:
        """See `MusicModel.phases_at`."""
        return self.phases if self._adversarial(step) else self.phases[:1]

    def _adversarial(self, step: int) -> bool:
        return (step + 1) % self.adversarial_every == 0

    def forward(self, tokens_BT: Tensor, phase: str = "generator", step: int = 0) -> Losses:
        """See `MusicModel.forward`; a phase leaves no gradient in the other's parameters.

        Raises:
            ValueError: sequences longer than seq_len, or an unknown phase.
        """
        checks.batch(tokens_BT, self.seq_len, phase, self.phases)
        if phase == "discriminator":
            return self._judge(tokens_BT)
        posterior = self.encoder(tokens_BT)
        bound = self._bound(tokens_BT, posterior, step)
        silent = step < self.adversarial_warmup_steps or not self.adversarial_weight or not self._adversarial(step)
        if not self.training or silent:
            return bound
        if step != self._kept_at:
            self._kept.clear()
            self._kept_at = step
        fooled = hinge_generator(self.discriminator(self._relaxed(tokens_BT, posterior), frozen=True))
        adversarial = self.adversarial_weight * fooled
        objective = bound.objective + adversarial
        metrics = {**bound.metrics, "loss/total": objective.detach(), "loss/adv": fooled.detach()}
        return Losses(objective, metrics, by_sequence=adversarial)

    def _judge(self, tokens_BT: Tensor) -> Losses:
        fake_BL = self._take(tokens_BT)
        if fake_BL is None:
            with torch.no_grad():
                rows = self._rows(tokens_BT)
                posterior = self.encoder(tokens_BT[: _half(rows)])
                fake_BL, _ = self._draw(self._with_prior(posterior.sample(), rows), self._free_length(tokens_BT))
        real_BL = tokens_BT[: len(fake_BL), 1 : 1 + fake_BL.shape[1]]
        real_B, fake_B = self.discriminator(torch.cat((real_BL, fake_BL))).chunk(2)
        loss = hinge_discriminator(real_B, fake_B)
        metrics = {
            "loss/disc": loss.detach(),
            "gan/d_accuracy": 0.5 * ((real_B > 0).float().mean() + (fake_B < 0).float().mean()),
            "gan/d_real": real_B.detach().mean(),
            "gan/d_fake": fake_B.detach().mean(),
        }
        return Losses(loss, metrics, by_sequence=loss)

    def _rows(self, tokens_BT: Tensor) -> int:
        """How many sequences are generated for this batch."""
        return _half(len(tokens_BT)) if self.shared_draw else len(tokens_BT)

    def _keep(self, tokens_BT: Tensor, drawn_BL: Tensor) -> None:
        if self.shared_draw:
            self._kept.append((tokens_BT, drawn_BL))

    def _take(self, tokens_BT: Tensor) -> Tensor | None:
        """What the generator drew for this very batch, once; what was kept before it is of no use any more."""
        for place, (batch_BT, drawn_BL) in enumerate(self._kept):
            if batch_BT is tokens_BT:
                del self._kept[: place + 1]
                return drawn_BL
        self._kept.clear()
        return None

    def _free_length(self, tokens_BT: Tensor) -> int:
        return min(self.adversarial_length, tokens_BT.shape[1] - 1)

    def _with_prior(self, posterior_z: Tensor, rows: int) -> Tensor:
        """z [rows, Z] of the generated sequences: those given, and prior ones for the rest."""
        prior_z = torch.randn(rows - len(posterior_z), self.d_latent, device=posterior_z.device)
        return torch.cat((posterior_z, prior_z.to(posterior_z.dtype)))

    @torch.no_grad()
    def _draw(self, z_BZ: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Tokens [B, L] decoded freely from z without dropout, and the Gumbel noise [B, L, V] that chose them."""
        noise_BLV = -torch.empty(len(z_BZ), length, self.vocab_size, device=z_BZ.device).exponential_().log()
        choosing_BLV = self._without_special(noise_BLV)

        def choose(logits_BV: Tensor, position: int) -> Tensor:
            return (logits_BV + choosing_BLV[:, position - 1]).argmax(-1)

        with evaluating(self.decoder):
            tokens_BT = unroll(
                self.decoder,
                self._begin(len(z_BZ), z_BZ.device),
                choose,
                length=1 + length,
                eos=self.eos,
                pad=self.pad,
                context_BD=self.to_context(z_BZ),
                stop_early=False,
            )
        return tokens_BT[:, 1:], noise_BLV

    def _relaxed(self, tokens_BT: Tensor, posterior: Posterior) -> Tensor:
        """One-hot generated sequences [B, L, V] with the gradient of the Gumbel-softmax; none after the end token."""
        rows = self._rows(tokens_BT)
        z_BZ = self._with_prior(posterior.sample().detach()[: _half(rows)], rows)
        drawn_BL, noise_BLV = self._draw(z_BZ, self._free_length(tokens_BT))
        self._keep(tokens_BT, drawn_BL)
        history_BL = torch.cat((self._begin(len(z_BZ), z_BZ.device), drawn_BL[:, :-1]), dim=1)
        logits_BLV = self._without_special(self.decoder(history_BL, self.to_context(z_BZ)).float())
        soft_BLV = ((logits_BLV + noise_BLV) / self.gumbel_temperature).softmax(-1)
        live_BL1 = (drawn_BL != self.pad)[..., None]
        hard_BLV = F.one_hot(drawn_BL, self.vocab_size).to(soft_BLV.dtype)
        chosen_BLV: Tensor = hard_BLV + (soft_BLV - soft_BLV.detach()) * live_BL1
        return chosen_BLV

    def _begin(self, rows: int, device: torch.device) -> Tensor:
        return torch.full((rows, 1), self.bos, device=device)

    def _without_special(self, logits: Tensor) -> Tensor:
        """The logits with padding and begin token ruled out, which are never generated."""
        tokens_V = torch.arange(self.vocab_size, device=logits.device)
        return logits.masked_fill((tokens_V == self.pad) | (tokens_V == self.bos), float("-inf"))


def _half(rows: int) -> int:
    return (rows + 1) // 2
