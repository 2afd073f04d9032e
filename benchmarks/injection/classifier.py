"""An MLP, a small convolutional network and a deep sigmoid one on handwritten digits, in a plain PyTorch loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count, repeat
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from aurl.train.probes import Probes
from benchmarks.injection import schedules
from benchmarks.injection.bench import EVAL_EVERY, Bench, ProbedMonitor, Training, open_monitor
from benchmarks.injection.digits import CLASSES, Digits, batches, digits
from benchmarks.injection.schedules import Schedule
from benchmarks.injection.stopwatch import Stopwatch

PROBE_EVERY = 10
FOREIGN = {
    "loss/total": "train_loss",
    "val/loss/total": "eval/loss",
    "val/accuracy": "eval/accuracy",
    "grad/norm": "grad_norm",
    "lr": "learning_rate",
    "time/step": "step_time",
    "time/data": "data_time",
    "throughput/samples": "samples_per_second",
}
"""What another library may call the same."""


def mlp(width: int = 64, dropout: float = 0.0) -> nn.Module:
    """Two hidden layers."""
    return nn.Sequential(
        nn.Linear(64, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, width), nn.ReLU(),
        nn.Dropout(dropout), nn.Linear(width, CLASSES),
    )  # fmt: skip


def cnn(width: int = 8, dropout: float = 0.0) -> nn.Module:
    """Two convolutions and two linear layers."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(8 * width, 32), nn.ReLU(), nn.Dropout(dropout), nn.Linear(32, CLASSES),
    )  # fmt: skip


def sigmoids(layers: int = 12, width: int = 32) -> nn.Module:
    """So many sigmoid layers that no gradient reaches the first."""
    inner = [part for _ in range(layers - 1) for part in (nn.Linear(width, width), nn.Sigmoid())]
    return nn.Sequential(nn.Linear(64, width), nn.Sigmoid(), *inner, nn.Linear(width, CLASSES))


class Plan(NamedTuple):
    """How a classifier is trained.

    Attributes:
        net: makes the network.
        optimizer: makes the optimiser of its parameters.
        lr: peak learning rate.
        schedule: see `benchmarks.injection.schedules`.
        batch: images a batch.
        items: images to learn from.
        label_noise: share of them with a random label.
        mixup: mix every other batch with itself in reverse (Zhang et al. 2018), which makes the loss bimodal.
        curriculum: images get noisier in three stairs.
        clip: largest gradient norm; 0 clips nothing.
        log_every: steps between records.
        sparse_from: step from which on only every tenth of those is logged.
        names: a column's other name.
        memory: whether records hold the process's memory.
    """

    net: Callable[[], nn.Module] = mlp
    optimizer: Callable[..., Optimizer] = torch.optim.Adam
    lr: float = 2e-3
    schedule: Schedule = schedules.constant
    batch: int = 64
    items: int | None = None
    label_noise: float = 0.0
    mixup: bool = False
    curriculum: bool = False
    clip: float = 0.0
    log_every: int = 1
    sparse_from: int = 10**9
    names: dict[str, str] = {}  # noqa: RUF012  never changed


class _State(NamedTuple):
    """What is trained, and what trains it."""

    net: nn.Module
    optimizer: Optimizer

    @property
    def optimizers(self) -> dict[str, Optimizer]:
        return {"generator": self.optimizer}


def classifier(**plan: Any) -> Training:
    """A training as `Plan` says."""
    return partial(_train, Plan(**plan))


def _train(plan: Plan, bench: Bench) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(bench.seed)
    data = digits(bench.seed, plan.items, plan.label_noise)
    net = plan.net()
    state = _State(net, plan.optimizer(net.parameters(), lr=plan.lr))
    source = batches(data, plan.batch, bench.seed)
    if plan.curriculum:
        source = map(_harder, source, count(), repeat(bench.steps))
    with open_monitor(bench) as monitor:
        watch = Stopwatch(bench.fault)
        for step, batch in watch.batches(source, bench.steps):
            scalars = _step(plan, bench, state, step, batch)
            if _is_logged(plan, step):
                monitor.step(step, _named(plan, {**scalars, **watch.scalars()}))
            if step % EVAL_EVERY == 0:
                _evaluate(plan, net, data, monitor, step)


def _step(plan: Plan, bench: Bench, state: _State, step: int, batch: Sequence[Tensor]) -> dict[str, Any]:
    net, optimizer, fault = state.net, state.optimizer, bench.fault
    rate = plan.lr * plan.schedule(step - 1, bench.steps) * fault.rate(step, "generator")
    for group in optimizer.param_groups:
        group["lr"] = rate
    fault.before(step, net, state.optimizers)
    loss = _loss(plan, net, step, *batch)
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(fault.objective(step, loss))
    norm = _clip(net, plan.clip)
    scalars = {"loss/total": loss.detach(), "grad/norm": norm, "lr": rate}
    probes = Probes(list(net.parameters())) if step % PROBE_EVERY == 0 else None
    if probes:
        scalars |= probes.before_step()
    optimizer.step()
    fault.after(step, net, state.optimizers)
    return scalars | probes.after_step() if probes else scalars


def _clip(net: nn.Module, limit: float) -> Tensor:
    """The gradient norm, before clipping."""
    norm = torch.nn.utils.get_total_norm([p.grad for p in net.parameters() if p.grad is not None])
    if limit:
        torch.nn.utils.clip_grads_with_norm_(net.parameters(), limit, norm)
    return norm


def _loss(plan: Plan, net: nn.Module, step: int, x: Tensor, y: Tensor) -> Tensor:
    if plan.mixup and step % 2:
        out = net(0.6 * x + 0.4 * x.flip(0))
        return 0.6 * F.cross_entropy(out, y) + 0.4 * F.cross_entropy(out, y.flip(0))
    return F.cross_entropy(net(x), y)


@torch.no_grad()
def _evaluate(plan: Plan, net: nn.Module, data: Digits, monitor: ProbedMonitor, step: int) -> None:
    net.eval()
    logits = net(data.test_x)
    net.train()
    accuracy = (logits.argmax(1) == data.test_y).float().mean()
    monitor.eval(step, _named(plan, {"val/loss/total": F.cross_entropy(logits, data.test_y), "val/accuracy": accuracy}))


def _is_logged(plan: Plan, step: int) -> bool:
    return step % (plan.log_every if step < plan.sparse_from else 10 * plan.log_every) == 0


def _named(plan: Plan, scalars: dict[str, Any]) -> dict[str, Any]:
    return {plan.names.get(name, name): value for name, value in scalars.items()}


def _harder(batch: list[Tensor], step: int, steps: int) -> list[Tensor]:
    """Clean images in the first quarter of the run, then in each quarter more noise."""
    x, y = batch
    return [x + 0.1 * (4 * step // steps) * torch.randn_like(x), y]
