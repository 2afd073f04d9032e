"""The terms of the objectives, each with its formula and source.

Shape suffixes: B sequences, T tokens, V vocabulary, Z latent width.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor


class TokenLoss(NamedTuple):
    """Next-token prediction over the targets that are not padding; 0-dim tensors.

    Attributes:
        smoothed: what to differentiate, nats/token; equal to `recon` without label smoothing.
        recon: cross entropy, nats/token.
        accuracy: share of targets that are the likeliest token.
        targets: how many there are, at least 1.
    """

    smoothed: Tensor
    recon: Tensor
    accuracy: Tensor
    targets: Tensor


def token_loss(logits_BTV: Tensor, targets_BT: Tensor, pad: int, label_smoothing: float = 0.0) -> TokenLoss:
    """Cross entropy, in float32; label smoothing mixes in the uniform distribution (Szegedy et al. 2016)."""
    kept_BT = targets_BT != pad
    count = kept_BT.sum().clamp(min=1)
    logp_BTV = F.log_softmax(logits_BTV.float(), dim=-1)
    nll_BT = -logp_BTV.gather(-1, targets_BT[..., None])[..., 0]
    recon = (nll_BT * kept_BT).sum() / count
    smoothed = recon
    if label_smoothing:
        uniform = -(logp_BTV.mean(-1) * kept_BT).sum() / count
        smoothed = (1 - label_smoothing) * recon + label_smoothing * uniform
    hits = ((logits_BTV.argmax(-1) == targets_BT) & kept_BT).sum()
    return TokenLoss(smoothed, recon, hits / count, count)


def gaussian_kl(mu_BZ: Tensor, logvar_BZ: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(0, 1)) of each latent dimension, nats [B, Z] (Kingma and Welling 2014, appendix B)."""
    return 0.5 * (mu_BZ.square() + logvar_BZ.exp() - 1.0 - logvar_BZ)


def free_bits(kl_BZ: Tensor, floor: float) -> Tensor:
    """Nats per sequence: the sum over dimensions of max(floor, batch mean) (Kingma et al. 2016, arXiv:1606.04934)."""
    return kl_BZ.mean(0).clamp(min=floor).sum()


def hinge_discriminator(real_B: Tensor, fake_B: Tensor) -> Tensor:
    """E[max(0, 1 - D(real))] + E[max(0, 1 + D(fake))] (Lim and Ye 2017, arXiv:1705.02894; Miyato et al. 2018)."""
    return F.relu(1.0 - real_B).mean() + F.relu(1.0 + fake_B).mean()


def hinge_generator(fake_B: Tensor) -> Tensor:
    """-E[D(fake)], the generator's side of the hinge loss."""
    return -fake_B.mean()
