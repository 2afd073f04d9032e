"""Tiny models and batches that the tests of the models share."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from aurl.models.autoregressive import Autoregressive
from aurl.models.transformer import Transformer
from aurl.models.vae import VAE
from aurl.models.vae_gan import VAEGAN

PAD, BOS, EOS, VOCAB, SEQ_LEN = 0, 1, 2, 21, 16
MODELS: dict[str, type[Autoregressive]] = {"transformer": Transformer, "vae": VAE, "vae_gan": VAEGAN}
SIZE: dict[str, Any] = {"d_model": 16, "n_layers": 2, "n_heads": 2}
EXTRA: dict[str, dict[str, Any]] = {
    "transformer": {},
    "vae": {"d_latent": 4, "encoder_layers": 1},
    "vae_gan": {
        "d_latent": 4,
        "encoder_layers": 1,
        "adversarial_length": 6,
        "discriminator_width": 8,
        "discriminator_layers": 2,
        "adversarial_warmup_steps": 3,
    },
}


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def build(name: str, **changes: Any) -> Any:
    """A tiny model of the name, with these arguments changed."""
    arguments = {"vocab_size": VOCAB, "seq_len": SEQ_LEN, "pad": PAD, "bos": BOS, "eos": EOS}
    return MODELS[name](**{**arguments, **SIZE, **EXTRA[name], **changes})


def some_batch(rows: int = 4, length: int = SEQ_LEN) -> Tensor:
    """Sequences of different lengths: begin token, tokens, end token, padding."""
    tokens_BT = torch.randint(3, VOCAB, (rows, length))
    tokens_BT[:, 0] = BOS
    for row in range(rows):
        end = length - 1 - row % 4
        tokens_BT[row, end] = EOS
        tokens_BT[row, end + 1 :] = PAD
    return tokens_BT
