"""A decoder-only Transformer over tokens.

Shape suffixes: B sequences, T tokens, V vocabulary.
"""

from __future__ import annotations

from torch import Tensor

from aurl.models import checks
from aurl.models.autoregressive import Autoregressive
from aurl.models.base import Losses
from aurl.models.decoder import TokenDecoder
from aurl.models.layers import Mlp, Norm, Positions
from aurl.models.losses import token_loss


class Transformer(Autoregressive):
    """Predicts each token from those before it.

    Metrics: `loss/total` = `loss/recon` (cross entropy, nats/token, padding left out) and `accuracy`. With label
    smoothing the objective is the smoothed loss; the metrics stay the plain cross entropy.

    Args:
        vocab_size, pad, bos, eos: of the tokenizer.
        seq_len: the most tokens in a sequence, begin and end token included.
        label_smoothing: 0 to 1, share of the target that is spread over the vocabulary.

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
        dropout: float = 0.1,
        positions: Positions = "rotary",
        norm: Norm = "rms",
        mlp: Mlp = "swiglu",
        tie_embeddings: bool = True,
        label_smoothing: float = 0.0,
        checkpoint_activations: bool = False,
    ) -> None:
        checks.share(label_smoothing=label_smoothing)
        super().__init__(vocab_size, seq_len, pad, bos, eos)
        self.label_smoothing = label_smoothing
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
            checkpoint_activations=checkpoint_activations,
        )

    def forward(self, tokens_BT: Tensor, phase: str = "generator", step: int = 0) -> Losses:
        """See `MusicModel.forward`.

        Raises:
            ValueError: sequences longer than seq_len, or an unknown phase.
        """
        checks.batch(tokens_BT, self.seq_len, phase, self.phases)
        logits_BTV = self.decoder(tokens_BT[:, :-1])
        loss = token_loss(logits_BTV, tokens_BT[:, 1:], self.pad, self.label_smoothing)
        recon = loss.recon.detach()
        return Losses(loss.smoothed, {"loss/total": recon, "loss/recon": recon, "accuracy": loss.accuracy})
