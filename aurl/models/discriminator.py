"""Tells real token sequences from generated ones.

Shape suffixes: B sequences, L tokens, V vocabulary, E feature width, O outputs, I inputs of a weight.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aurl.models import checks


class SpectralWeight(nn.Module):
    """A weight divided by its largest singular value (Miyato et al. 2018, arXiv:1802.05957).

    The value is tracked by one step of power iteration each time the weight is trained. A convolution's weight
    [O, I, width] counts as the matrix [O, I x width].
    """

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(*shape))
        nn.init.orthogonal_(self.weight)
        self.register_buffer("left_O", F.normalize(torch.randn(shape[0], device="cpu"), dim=0))
        self.register_buffer("right_I", torch.empty(self.weight[0].numel()))
        for _ in range(0 if self.weight.is_meta else 15):
            self._iterate(self.weight.detach().flatten(1))

    @torch.no_grad()
    def _iterate(self, weight_OI: Tensor) -> None:
        # Products and sums in place of a matrix product, which autocast would do in 16 bits.
        left_O, right_I = self.get_buffer("left_O"), self.get_buffer("right_I")
        right_I.copy_(F.normalize((weight_OI * left_O[:, None]).sum(0), dim=0))
        left_O.copy_(F.normalize((weight_OI * right_I).sum(1), dim=0))

    def forward(self, frozen: bool = False) -> Tensor:
        """The normalised weight; frozen gives it no gradient and leaves the estimate as it is."""
        weight = self.weight.detach() if frozen else self.weight
        if self.training and not frozen:
            self._iterate(weight.detach().flatten(1))
        # Copies: the buffers change at the next call, while the gradient still needs these.
        left_O, right_I = self.get_buffer("left_O").clone(), self.get_buffer("right_I").clone()
        sigma = ((weight.flatten(1) * right_I).sum(1) * left_O).sum()
        return weight / sigma


class Discriminator(nn.Module):
    """Token table, strided 1-D convolutions and a linear layer, all under spectral normalisation: one logit a sequence.

    Positive means real. Each layer looks at 5 positions and halves their number; the features are then averaged.

    Args:
        d_model: E, width of the table and of every layer.
        n_layers: number of convolutions; n see 4 * 2^n - 3 tokens.
    """

    def __init__(self, vocab_size: int, *, d_model: int, n_layers: int) -> None:
        checks.at_least(1, discriminator_width=d_model, discriminator_layers=n_layers)
        super().__init__()
        self.table = SpectralWeight(vocab_size, d_model)
        self.convolutions = nn.ModuleList(SpectralWeight(d_model, d_model, 5) for _ in range(n_layers))
        self.biases = nn.ParameterList(torch.zeros(d_model) for _ in range(n_layers))
        self.out = SpectralWeight(1, d_model)
        self.out_bias = nn.Parameter(torch.zeros(1))

    def forward(self, sequences: Tensor, frozen: bool = False) -> Tensor:
        """Logits [B] of token ids [B, L], or of rows of weights over the vocabulary [B, L, V].

        Args:
            frozen: treat the parameters as constants, so that a gradient flows to the sequences alone.
        """
        table_VE = self.table(frozen)
        x_BLE = sequences @ table_VE if sequences.is_floating_point() else F.embedding(sequences, table_VE)
        x_BEL = x_BLE.transpose(1, 2) * table_VE.shape[1] ** 0.5
        for weight, bias in zip(self.convolutions, self.biases, strict=True):
            bias_E = bias.detach() if frozen else bias
            x_BEL = F.leaky_relu(F.conv1d(x_BEL, weight(frozen), bias_E, stride=2, padding=2), 0.2)
        out_bias = self.out_bias.detach() if frozen else self.out_bias
        return F.linear(x_BEL.mean(-1), self.out(frozen), out_bias)[:, 0].float()
