"""Plain PyTorch on text: recurrent character models, word vectors, factors of a co-occurrence matrix."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.other_logs_sources.base import Rows, Run, text, windows
from benchmarks.other_logs_sources.labels import diverges, never_learns, not_finite, spikes, swings
from benchmarks.other_logs_sources.loop import Fault, Parts, Plan, faster, fit

WORDS = 1500


class CharacterModel(nn.Module):
    """The next character from those before it."""

    def __init__(self, letters: int, width: int, kind: type[nn.Module] = nn.LSTM) -> None:
        super().__init__()
        self.embed = nn.Embedding(letters, 32)
        self.recurrent = kind(32, width, batch_first=True)
        self.head = nn.Linear(width, letters)

    def loss(self, piece: Tensor) -> Tensor:
        hidden, _ = self.recurrent(self.embed(piece[:, :-1]))
        return F.cross_entropy(self.head(hidden).flatten(0, 1), piece[:, 1:].flatten())


def characters(
    plan: Plan, lr: float, kind: type[nn.Module] = nn.LSTM, optimizer: Callable[..., Any] = torch.optim.AdamW,
    *, schedule: Callable[[Any], Any] | None = None, fault: Fault | None = None, gain: float = 1.0,
) -> Rows:  # fmt: skip
    """A recurrent model of characters; `gain` scales the weights it starts with."""
    train, held, letters = text()
    model, draw = CharacterModel(letters, 96, kind), torch.Generator().manual_seed(6)
    with torch.no_grad():
        for weight in model.recurrent.parameters():
            weight.mul_(gain)
    checked = windows(held, 64, 49, torch.Generator().manual_seed(7))
    made = optimizer(model.parameters(), lr=lr)
    parts = Parts(model, made, schedule(made) if schedule is not None else None)
    return fit(
        parts,
        lambda step: model.loss(windows(train, 16, 49, draw)),
        plan,
        lambda: model.loss(checked).item(),
        fault,
    )


@cache
def words() -> Tensor:
    """The text as ids of its most frequent words; all others are left out."""
    from pydoc_data.topics import topics

    said = " ".join(topics[name] for name in sorted(topics)).lower().split()
    ids = {word: index for index, (word, _) in enumerate(Counter(said).most_common(WORDS))}
    return torch.tensor([ids[word] for word in said if word in ids])


def word_vectors(
    plan: Plan, lr: float, optimizer: Callable[..., Any] = torch.optim.Adam, fault: Fault | None = None
) -> Rows:
    """Skip-gram with negative sampling."""
    ids, draw = words(), torch.Generator().manual_seed(8)
    model = nn.ModuleDict({"centre": nn.Embedding(WORDS, 48), "context": nn.Embedding(WORDS, 48)})
    for table in model.values():
        nn.init.normal_(table.get_parameter("weight"), std=0.1)

    def loss_of(step: int) -> Tensor:
        at = torch.randint(5, len(ids) - 5, (512,), generator=draw)
        near = at + torch.randint(1, 6, (512,), generator=draw) * (2 * torch.randint(2, (512,), generator=draw) - 1)
        wrong = ids[torch.randint(len(ids), (512, 5), generator=draw)]
        centre = model["centre"](ids[at])
        right = (centre * model["context"](ids[near])).sum(1)
        other = torch.einsum("bd,bnd->bn", centre, model["context"](wrong))
        return -F.logsigmoid(right).mean() - F.logsigmoid(-other).sum(1).mean()

    return fit(Parts(model, optimizer(model.parameters(), lr=lr)), loss_of, plan, fault=fault)


@cache
def counts() -> tuple[Tensor, Tensor, Tensor]:
    """How often two words stand within five words of each other: rows, columns, logarithms of the counts."""
    ids, seen = words(), Counter[tuple[int, int]]()
    for distance in range(1, 6):
        seen.update(zip(ids[:-distance].tolist(), ids[distance:].tolist(), strict=True))
    pairs = torch.tensor(list(seen))
    return pairs[:, 0], pairs[:, 1], torch.tensor(list(seen.values())).float().log1p()


def factors(
    plan: Plan, lr: float, optimizer: Callable[..., Any] = torch.optim.Adagrad, size: int = 4096, rank: int = 4
) -> Rows:
    """The logarithms of the counts as products of two vectors, plus a bias each."""
    left, right, value = counts()
    model = nn.ModuleDict({name: nn.Embedding(WORDS, rank + 1) for name in ("left", "right")})
    for table in model.values():
        nn.init.normal_(table.get_parameter("weight"), std=0.1)
    draw, held = (
        torch.Generator().manual_seed(9),
        torch.rand(len(value), generator=torch.Generator().manual_seed(1)) < 0.1,
    )
    train, checked = (~held).nonzero().squeeze(1), held.nonzero().squeeze(1)

    def error(chosen: Tensor) -> Tensor:
        a, b = model["left"](left[chosen]), model["right"](right[chosen])
        told = (a[:, 1:] * b[:, 1:]).sum(1) + a[:, 0] + b[:, 0]
        return F.mse_loss(told, value[chosen])

    def loss_of(step: int) -> Tensor:
        return error(train[torch.randint(len(train), (size,), generator=draw)])

    made = optimizer(model.parameters(), lr=lr)
    return fit(Parts(model, made), loss_of, plan, lambda: error(checked).item())


def warm_cosine(steps: int) -> Callable[[Any], Any]:
    """Linear warm-up for a tenth of the run, half a cosine for the rest."""

    def factor(step: int) -> float:
        if step < steps / 10:
            return (step + 1) / (steps / 10)
        return 0.5 + 0.5 * math.cos(math.pi * (step - steps / 10) / (0.9 * steps))

    return lambda made: torch.optim.lr_scheduler.LambdaLR(made, factor)


RUNS = [
    Run(
        "h_pt_charlm_lstm",
        lambda: characters(Plan(1500, clip=1.0), 3e-3, schedule=warm_cosine(1500)),
        "LSTM, AdamW, warm-up and cosine, clipped",
    ),
    Run(
        "h_pt_charlm_gru",
        lambda: characters(Plan(1200, every=4, clip=0.5, columns=("loss", "val_loss")), 1.0, nn.GRU, torch.optim.SGD),
        "GRU, plain SGD, clipped",
    ),
    Run("h_pt_word2vec", lambda: word_vectors(Plan(6000, columns=("loss", "lr")), 2e-3), "skip-gram"),
    Run(
        "h_pt_word2vec_mean",
        lambda: word_vectors(Plan(4000, every=40, mean=True, columns=("loss",)), 2e-3),
        "skip-gram, the mean of forty steps a row",
    ),
    Run("h_pt_factors", lambda: factors(Plan(1500, every=2, val_every=50), 0.02), "matrix factorisation, Adagrad"),
    Run(
        "a_pt_charlm_explode",
        lambda: characters(Plan(1200), 2.0, nn.RNN, torch.optim.SGD, gain=1.5),
        "plain recurrent net, no clipping, learning rate 2",
        (swings(0, "gradient_explosion|training_divergence|loss_spike|loss_oscillation|learning_rate_issue"),),
    ),
    Run(
        "a_pt_charlm_rate",
        lambda: characters(Plan(1500, clip=1.0), 0.3),
        "Adam with a learning rate of 0.3",
        (never_learns("underfitting|loss_plateau|learning_rate_issue|training_divergence", 0.1),),
    ),
    Run(
        "a_pt_charlm_glitch",
        lambda: characters(Plan(1500, clip=1.0, columns=("loss", "lr", "val_loss")), 2e-3, fault=faster(900, 50, 930)),
        "learning rate times 50 for 30 steps",
        (spikes(900, "loss_spike|training_divergence|learning_rate_issue", 1.3),),
    ),
    Run(
        "a_pt_word2vec_glitch",
        lambda: word_vectors(Plan(4000, every=2, columns=("loss", "lr")), 2e-3, fault=faster(2400, 100)),
        "learning rate times 100 from step 2400 on",
        (spikes(2400, "training_divergence|loss_spike|learning_rate_issue", lasting=True),),
    ),
    Run(
        "a_pt_factors_nan",
        lambda: factors(Plan(300, val_every=50), 70.0, torch.optim.SGD),
        "plain SGD, learning rate 70",
        (diverges("training_divergence|gradient_explosion|loss_spike|nan_values"), not_finite()),
    ),
]
