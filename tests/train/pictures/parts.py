"""A tiny engine and its data, as a run has them after its first step."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from aurl.data.module import MusicData
from aurl.data.synthetic import Synthetic
from aurl.models.vae import VAE
from aurl.models.vae_gan import VAEGAN
from aurl.music.tokenizer import RemiTokenizer
from aurl.train.engine import Engine
from aurl.train.optim import AdamW

SMALL: dict[str, Any] = {"d_model": 16, "n_layers": 1, "n_heads": 2, "encoder_layers": 1, "d_latent": 4}


class Scene(NamedTuple):
    engine: Engine
    data: MusicData


def scene(model: type[VAE] = VAEGAN, steps: int = 2) -> Scene:
    """A model that has learned `steps` steps of two-bar windows of synthetic music."""
    torch.manual_seed(0)
    data = MusicData(Synthetic(pieces=12, bars=4), RemiTokenizer(), bars=2, seq_len=96, batch_size=4)
    data.setup(1)
    tokens = data.tokenizer
    engine = Engine(accelerator="cpu")
    engine.setup(model(tokens.vocab_size, 96, tokens.pad, tokens.bos, tokens.eos, **SMALL), AdamW(lr=1e-2))
    for step in range(steps):
        engine.train_step([batch(data)], step, 10)
    return Scene(engine, data)


def batch(data: MusicData) -> Tensor:
    return next(data.eval_batches("validation", 1)).tokens


def bits(engine: Engine) -> list[bytes]:
    """Everything of the model that a step could change, as bytes."""
    return [tensor.detach().numpy().tobytes() for tensor in engine.model.state_dict().values()]
