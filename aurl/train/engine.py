"""The engine: device, precision, processes, and one optimiser step. All of torch.distributed that training needs.

It is written for one process and for torchrun alike: under torchrun (`WORLD_SIZE` > 1) the model is wrapped for
data-parallel training, gradients are averaged, and only rank 0 speaks to the Monitor.
"""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Literal

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from aurl.errors import AurlError, ConfigError
from aurl.models.base import Losses, MusicModel
from aurl.train.clipping import Clipping, clip, clipping_of
from aurl.train.gate import GradientGate
from aurl.train.optim.base import Optimisation
from aurl.train.optim.groups import LR_SCALE, rates
from aurl.train.optim.stepping import step_all
from aurl.train.probes import Probes
from aurl.train.resources.without_compiler import spare_optimizers, step_without_compiler

NATS = "nats"  # of an evaluation: what a sequence costs
Precision = Literal["fp32", "bf16", "fp16"]
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Engine:
    """Runs a model's phases on the device at hand.

    Args:
        accelerator: `auto` takes the GPU where there is one, Apple's (`mps`) too.
        precision: `bf16` and `fp16` autocast the forward pass; `fp16` adds a loss scaler.
        accumulate: micro-batches whose gradients make one optimiser step, >= 1.
        clip_norm: largest gradient norm of a phase; 0 measures the norm and clips nothing.
        clip: `fixed` clips by that alone, `zclip` also by what is usual for the run, see `aurl.train.clipping`.
        compile: run the model through `torch.compile`.
        probe_every: steps between looks at single layers, see `aurl.train.probes`; 0 for never.

    Attributes:
        optimizers: by phase, those that are stepped together.
        gates: by phase, what leaves out steps with broken gradients; empty where nothing is left out.
        clips: by phase, what says how large a gradient may be.
        lr_scale: what the planned learning rate is multiplied by.

    Raises:
        ConfigError: a device, precision or number that cannot be had; the message names the key.
    """

    def __init__(
        self,
        *,
        accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto",
        precision: Precision = "fp32",
        accumulate: int = 1,
        clip_norm: float = 1.0,
        clip: str | Clipping = "fixed",
        compile: bool = False,
        probe_every: int = 50,
    ) -> None:
        if probe_every < 0:
            raise ConfigError(f"trainer.probe_every={probe_every}: needs 0 (never) or more")
        if precision not in _DTYPES:
            raise ConfigError(f"trainer.precision={precision}: allowed are {', '.join(_DTYPES)}")
        if accumulate < 1:
            raise ConfigError(f"trainer.accumulate={accumulate}: needs at least 1")
        self.rank, self.world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
        self.device = _device(accelerator)
        self.precision, self.accumulate = precision, accumulate
        self._clipping = clipping_of(clip, clip_norm)
        self.clips: dict[str, Clipping] = {}
        self.optimizers: dict[str, Sequence[torch.optim.Optimizer]] = {}
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=precision == "fp16")
        self.gates: dict[str, GradientGate] = {}
        self.lr_scale = 1.0
        self._probe_every = probe_every
        self._probes: dict[str, Probes] = {}
        self._compile = compile
        self._params: dict[str, list[nn.Parameter]] = {}

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that logs, samples and names checkpoints."""
        return self.rank == 0

    def setup(self, model: MusicModel, optim: Optimisation) -> None:
        """Move the model to the device, wrap it, and make the optimisers of each phase."""
        self.model = model.to(self.device)
        self.optim = optim
        self._params = {phase: model.phase_parameters(phase) for phase in model.phases}
        if not self._compile:
            spare_optimizers()
        self.optimizers = {phase: _several(optim.build(self.model, phase)) for phase in model.phases}
        self.clips = {phase: copy.deepcopy(self._clipping) for phase in model.phases}
        for clipping in self.clips.values():
            clipping.to(self.device)
        self._probes = {"generator": Probes(self._params["generator"])}
        self.module: nn.Module = self.model
        if self._compile:
            self._compile_model()
        else:
            for optimizer in chain.from_iterable(self.optimizers.values()):
                step_without_compiler(optimizer)
        if self.world > 1:
            self._join_processes()
            self.module = DistributedDataParallel(self.module, find_unused_parameters=len(model.phases) > 1)

    def guard(self) -> None:
        """From now on leave out optimiser steps whose gradient is not finite or an outlier."""
        self.gates = {phase: GradientGate(self.device) for phase in self.model.phases}

    def train_step(self, batches: Sequence[Tensor], step: int, total: int) -> dict[str, Any]:
        """One optimiser step of every phase over `accumulate` micro-batches [B, T].

        Returns:
            The model's metrics averaged over the micro-batches by target tokens, `grad/norm` before clipping, at times
            those of `aurl.train.probes`, where steps are guarded `grad/skipped` (0 or 1), under fp16 `fp16/scale` and
            `fp16/skipped`, where clipping adapts `grad/clip_share`, all 0-dim tensors still on the device; and `lr`,
            that of the generator, beside those of phases and groups with a rate of their own.
        """
        self.module.train()
        metrics: dict[str, Any] = {}
        for phase in self.model.phases_at(step):
            metrics.update(self._phase(phase, batches, step, total))
        return metrics | self._rates(step, total)

    @torch.no_grad()
    def evaluate(self, batches: Iterator[Tensor]) -> dict[str, Tensor]:
        """Means of the model's metrics over held-out batches, weighted by sequences; dropout and noise off.

        `nats` is what a sequence costs: its cross entropy summed over its tokens, and the KL of a model with latents,
        so of a VAE the bound with z at the posterior's mean. Models without `loss/recon` have none.
        """
        self.model.eval()
        total: dict[str, Tensor] = {}
        weight = torch.zeros((), device=self.device)
        for tokens_BT in batches:
            with self._autocast():
                losses = Losses.of(self.model(tokens_BT, "generator", 0))
            size = float(tokens_BT.shape[0])
            weight += size
            for name, value in {**losses.metrics, **self._nats(tokens_BT, losses.metrics)}.items():
                total[name] = total.get(name, 0.0) + value.float() * size
        self.model.train()
        return {name: value / weight for name, value in total.items()}

    def _nats(self, tokens_BT: Tensor, metrics: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if "loss/recon" not in metrics:
            return {}
        targets = (tokens_BT[:, 1:] != getattr(self.model, "pad", -1)).sum()
        return {NATS: metrics["loss/recon"] * targets / len(tokens_BT) + metrics.get("loss/kl", 0.0)}

    @torch.no_grad()
    def weights_are_finite(self) -> bool:
        """Whether no weight is NaN or infinite; one reduction and one synchronisation, so not for every step."""
        norms = torch._foreach_norm([p.detach() for p in self.model.parameters()])
        return bool(torch.stack(norms).isfinite().all())

    def close(self) -> None:
        """Leave the process group, if one was joined."""
        if dist.is_initialized():
            dist.destroy_process_group()

    def _compile_model(self) -> None:
        for name in getattr(self.model, "uncompiled", ()):
            left = torch.compiler.disable(getattr(self.model, name))  # type: ignore[no-untyped-call]
            setattr(self.model, name, left)
        self.module = torch.compile(self.model)  # type: ignore[assignment]

    def _phase(self, phase: str, batches: Sequence[Tensor], step: int, total: int) -> dict[str, Any]:
        optimizers = self.optimizers[phase]
        lr = self.lr_scale * self.optim.lr_at(step, total, phase)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = lr * group.get(LR_SCALE, 1.0)
            optimizer.zero_grad(set_to_none=True)
        metrics = self._backward(phase, batches, step)
        for optimizer in optimizers:
            self.scaler.unscale_(optimizer)
        suffix = "" if phase == "generator" else f"_{phase[:4]}"
        norm = metrics[f"grad/norm{suffix}"] = self._norm(self._params[phase])
        if (share := self._clip(phase, norm)) is not None:
            metrics[f"grad/clip_share{suffix}"] = share
        probes = self._probes.get(phase) if self._probe_every and step % self._probe_every == 0 else None
        if probes is not None:
            metrics |= probes.before_step()
        step_all(optimizers, self._leave_out(phase, norm, suffix, metrics))
        self.scaler.update()
        if probes is not None:
            metrics |= probes.after_step()
        return metrics

    def _leave_out(self, phase: str, norm: Tensor, suffix: str, metrics: dict[str, Any]) -> Tensor | None:
        """Whether all optimisers of the phase leave this step out, on the device; None where nothing ever is."""
        verdict = None
        if phase in self.gates:
            verdict = metrics[f"grad/skipped{suffix}"] = self.gates[phase].judge(norm)
        if self.scaler.is_enabled():
            broken = metrics[f"fp16/skipped{suffix}"] = (~norm.isfinite()).float()
            verdict = broken if verdict is None else torch.maximum(verdict, broken)
            if (scale := getattr(self.scaler, "_scale", None)) is not None:  # get_scale() would wait for it
                metrics["fp16/scale"] = scale.clone()
        return verdict

    def _rates(self, step: int, total: int) -> dict[str, float]:
        """The learning rates: `lr` is the generator's, others stand beside it where they are not the same."""
        found = {"lr": self.lr_scale * self.optim.lr_at(step, total)}
        for phase, optimizers in self.optimizers.items():
            base = self.lr_scale * self.optim.lr_at(step, total, phase)
            if base != found["lr"]:
                found[f"lr/{phase}"] = base
            for label, rate in rates(optimizers, base):
                found[f"lr/{label}" if phase == "generator" else f"lr/{phase}_{label}"] = rate
        return found

    def _backward(self, phase: str, batches: Sequence[Tensor], step: int) -> dict[str, Any]:
        """The gradient of the whole step, however it is split: each term is weighed by what it is a mean over."""
        metrics: dict[str, Tensor] = {}
        shares = self._shares(batches)
        for index, (tokens_BT, (of_tokens, of_sequences)) in enumerate(zip(batches, shares, strict=True)):
            with self._gradient_sync(index == len(batches) - 1), self._autocast():
                losses = Losses.of(self.module(tokens_BT, phase, step))
                loss = losses.share(of_tokens, of_sequences) if len(batches) > 1 else losses.objective
                self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            for name, value in losses.metrics.items():
                part = value.detach() * of_tokens
                metrics[name] = metrics[name] + part if name in metrics else part
        return metrics

    def _shares(self, batches: Sequence[Tensor]) -> Sequence[tuple[Tensor | float, float]]:
        """Each micro-batch's share of the step's target tokens and of its sequences; counted on the device."""
        if len(batches) == 1:
            return [(1.0, 1.0)]
        pad = getattr(self.model, "pad", -1)  # a model of the user's own may not tell
        targets = torch.stack([(tokens_BT[:, 1:] != pad).sum().float() for tokens_BT in batches])
        rows = [len(tokens_BT) for tokens_BT in batches]
        return list(zip(targets / targets.sum(), (count / sum(rows) for count in rows), strict=True))

    def _norm(self, params: list[nn.Parameter]) -> Tensor:
        return torch.nn.utils.get_total_norm([p.grad for p in params if p.grad is not None])

    def _clip(self, phase: str, norm: Tensor) -> Tensor | None:
        """Clip the phase's gradients; the share that was taken away, where it is worth logging."""
        clipping = self.clips[phase]
        share = clip(self._params[phase], norm, clipping.limit(norm))
        return share if clipping.logged else None

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        if self.precision == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=_DTYPES[self.precision])

    def _gradient_sync(self, last: bool) -> contextlib.AbstractContextManager[Any]:
        if last or not isinstance(self.module, DistributedDataParallel):
            return contextlib.nullcontext()
        return self.module.no_sync()

    def _join_processes(self) -> None:
        if not dist.is_initialized():
            dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo")


@contextlib.contextmanager
def explain_out_of_memory(smaller_batch: tuple[str, str]) -> Iterator[None]:
    """Turn the device's or the machine's out-of-memory error into one message that says what to change.

    Args:
        smaller_batch: the setting of the batch as it is, and one that makes it smaller, see `MusicData.smaller_batch`.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise AurlError(_oom_message(smaller_batch)) from error
    except RuntimeError as error:
        if "DefaultCPUAllocator" not in str(error) and "out of memory" not in str(error).lower():
            raise
        raise AurlError(_oom_message(smaller_batch)) from error


def rng_state() -> dict[str, Tensor]:
    """The states of torch's global generators, as byte tensors by name."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states |= {f"cuda{i}": state for i, state in enumerate(torch.cuda.get_rng_state_all())}
    return states


def set_rng_state(states: Mapping[str, Tensor]) -> None:
    """Put back what `rng_state` gave, for the devices that are here."""
    torch.set_rng_state(states["cpu"].cpu())
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        if f"cuda{index}" in states:
            torch.cuda.set_rng_state(states[f"cuda{index}"].cpu(), index)


def _several(built: torch.optim.Optimizer | Sequence[torch.optim.Optimizer]) -> Sequence[torch.optim.Optimizer]:
    return (built,) if isinstance(built, torch.optim.Optimizer) else tuple(built)


def _device(accelerator: str) -> torch.device:
    if accelerator not in {"auto", "cpu", "cuda", "mps"}:
        raise ConfigError(f"trainer.accelerator={accelerator}: allowed are auto, cpu, cuda, mps")
    if accelerator == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("trainer.accelerator=mps: torch finds no Apple GPU here; use auto or cpu, see `aurl doctor`")
    if accelerator == "mps" or (accelerator == "auto" and torch.backends.mps.is_available()):
        return torch.device("mps")
    if accelerator == "cuda" and not torch.cuda.is_available():
        raise ConfigError("trainer.accelerator=cuda: no GPU is visible to torch; use auto or cpu, see `aurl doctor`")
    if accelerator == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    index = int(os.environ.get("LOCAL_RANK", "0"))
    torch.cuda.set_device(index)
    return torch.device("cuda", index)


def _oom_message(smaller_batch: tuple[str, str]) -> str:
    now, smaller = smaller_batch
    return (
        f"{now}: the batch does not fit in memory; lower it ({smaller}) and raise trainer.accumulate to keep the "
        "effective batch, or lower data.seq_len"
    )
