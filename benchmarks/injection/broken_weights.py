"""Faults in weights, gradients and the objective."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from benchmarks.injection.fault import Fault

Optimizers = Mapping[str, Optimizer]


def matrices(model: nn.Module) -> list[nn.Parameter]:
    """The weights of two dimensions or more, in the order of the model."""
    return [parameter for parameter in model.parameters() if parameter.ndim >= 2]


class LayerTimesTen(Fault):
    """One weight matrix, the last, is ten times what it was: a bit of its exponent flipped, a bad restore."""

    def before(self, step: int, model: nn.Module, optimizers: Optimizers) -> None:
        if step == self.onset:
            with torch.no_grad():
                matrices(model)[-1].mul_(10.0)


class Saturated(Fault):
    """Biases of the hidden layers are set to -25, so that their ReLU never answers."""

    def before(self, step: int, model: nn.Module, optimizers: Optimizers) -> None:
        if step == self.onset:
            biases = [parameter for parameter in model.parameters() if parameter.ndim == 1]
            with torch.no_grad():
                for bias in biases[:-1]:
                    bias.fill_(-25.0)


class Underflow(Fault):
    """Gradients come a billion times too small: a loss divided once too often, a loss scale lost."""

    def objective(self, step: int, value: Tensor) -> Tensor:
        return value * 1e-9 if self.is_due(step) else value


class Frozen(Fault):
    """All but the last vector of the model stops requiring gradients, as after a misplaced call for fine-tuning."""

    def before(self, step: int, model: nn.Module, optimizers: Optimizers) -> None:
        if step == max(1, self.onset):
            last = [parameter for parameter in model.parameters() if parameter.ndim == 1][-1]
            for parameter in model.parameters():
                parameter.requires_grad_(parameter is last)
                parameter.grad = None


class TightClip(Fault):
    """Gradients are clipped to a norm of 1e-4 after they were measured: a key in the wrong unit."""

    def objective(self, step: int, value: Tensor) -> Tensor:
        return value

    def before(self, step: int, model: nn.Module, optimizers: Optimizers) -> None:
        if step == self.onset:
            optimizers["generator"].register_step_pre_hook(lambda *_: self._clip(model))

    @staticmethod
    def _clip(model: nn.Module) -> None:
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1e-4)


class NanWeight(Fault):
    """One weight of the first matrix turns NaN."""

    def before(self, step: int, model: nn.Module, optimizers: Optimizers) -> None:
        if step == self.onset:
            with torch.no_grad():
                matrices(model)[0].view(-1)[0] = float("nan")


class InfiniteGradient(Fault):
    """One number of one gradient overflows once."""

    def before(self, step: int, model: nn.Module, optimizers: Optimizers) -> None:
        if step == self.onset:
            self._weight = matrices(model)[-1]

    def objective(self, step: int, value: Tensor) -> Tensor:
        if step != self.onset:
            return value
        return value + float("inf") * (self._weight.view(-1)[0] - self._weight.view(-1)[0].detach())


class NanObjective(Fault):
    """What is differentiated is NaN once: 0/0 in a weight, the logarithm of 0."""

    def objective(self, step: int, value: Tensor) -> Tensor:
        return value * float("nan") if step == self.onset else value


class Ascent(Fault):
    """The objective has lost its sign, so training climbs."""

    def objective(self, step: int, value: Tensor) -> Tensor:
        return -0.5 * value if self.is_due(step) else value


class KlSign(Fault):
    """The KL divergence enters the objective with the wrong sign; what is logged is right."""

    def bound(self, step: int, recon: Tensor, kl: Tensor) -> Tensor:
        return recon - kl if self.is_due(step) else recon + kl


class WidePosterior(Fault):
    """The layer that gives the posterior of a VAE is eight times what it was."""

    def before(self, step: int, model: nn.Module, optimizers: Optimizers) -> None:
        if step == self.onset:
            names = [name for name, _ in model.named_parameters() if name.endswith("posterior.weight")]
            with torch.no_grad():
                for name in names:
                    model.get_parameter(name).mul_(8.0)
