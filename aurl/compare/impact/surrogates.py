"""Two models of a metric as a function of the settings, and how well each predicts a configuration it has not seen.

Shapes: X is [N, W], the columns of `aurl.compare.search_space`; y is [N], the metric, centred and scaled by the caller
to mean 0 and variance 1. A configuration that ran with several seeds is left out as a whole when it is to be predicted.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from aurl.compare.impact.posterior import MATERN, PosteriorDraws, plausible_kernels
from aurl.show.arrays import Floats

Function: TypeAlias = Callable[[Floats], Floats]
"""From X [M, W] to values [S, M]: S functions at once."""

_TREES = 100
_FOLDS = 5
_REFITS, _REFIT_TREES = 16, 40


class Surrogate(Protocol):
    """A fitted model."""

    @property
    def method(self) -> str:
        """The library call that made it."""

    @property
    def r2(self) -> float:
        """R2 for configurations left out: 1 is perfect, 0 no better than the mean, below 0 worse."""

    def predict(self, x: Floats) -> Floats:
        """The metric at X [M, W], shape [1, M]."""

    def draws(self, rng: np.random.Generator) -> Function:
        """Functions that are as plausible as `predict`, as many as the surrogate can afford."""


@dataclass(frozen=True, slots=True)
class GaussianProcess:
    """A Gaussian process with a length scale for each column (automatic relevance determination).

    The kernel is Matern 5/2 plus white noise; its parameters maximise the marginal likelihood, from several starts.

    Source: Rasmussen & Williams, "Gaussian Processes for Machine Learning", 2006, chapters 4 and 5.
    """

    model: Any
    r2: float
    method: str = "sklearn.gaussian_process.GaussianProcessRegressor, Matern 5/2 with a length scale each + white noise"

    @classmethod
    def fit(cls, x: Floats, y: Floats, *, restarts: int = 2) -> GaussianProcess:
        """Fit to N runs; `restarts` more starts of L-BFGS beside the first."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

        scales = np.full(x.shape[1], 1.0)
        signal = ConstantKernel(1.0, (0.05, 20.0)) * Matern(scales, (0.05, 50.0), nu=MATERN)
        kernel = signal + WhiteKernel(0.1, (1e-4, 2.0))
        model = GaussianProcessRegressor(kernel, n_restarts_optimizer=restarts, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a length scale at its bound: no effect to be seen
            model.fit(x, y)
        return cls(model, _r2(y, _left_out(model, x, y)))

    def predict(self, x: Floats) -> Floats:
        """The posterior mean at X [M, W], shape [1, M]."""
        mean: Floats = self.model.predict(x)[None]
        return mean

    def draws(self, rng: np.random.Generator) -> Function:
        """96 functions drawn from the posterior, see `aurl.compare.impact.posterior`."""
        x, y = self.model.X_train_, self.model.y_train_
        drawn = [PosteriorDraws(kernel, x, y, rng) for kernel in plausible_kernels(self.model, rng)]

        def functions(at: Floats) -> Floats:
            return np.concatenate([functions_of(at) for functions_of in drawn])

        return functions


@dataclass(frozen=True, slots=True)
class Forest:
    """A random forest, which follows cliffs that a Gaussian process smooths over.

    Source: Breiman, "Random forests", Machine Learning 45, 2001.
    """

    model: Any
    r2: float
    x: Floats
    y: Floats
    method: str = f"sklearn.ensemble.RandomForestRegressor, {_TREES} trees"

    @classmethod
    def fit(cls, x: Floats, y: Floats) -> Forest:
        """Fit to N runs; the R2 is that of five folds of whole configurations."""
        from sklearn.ensemble import RandomForestRegressor
        from sklearn.model_selection import GroupKFold, cross_val_predict

        model = RandomForestRegressor(_TREES, random_state=0)
        predicted = cross_val_predict(model, x, y, groups=configurations(x), cv=GroupKFold(_FOLDS))
        return cls(model.fit(x, y), _r2(y, predicted), x, y)

    def predict(self, x: Floats) -> Floats:
        """The mean of the trees at X [M, W], shape [1, M]."""
        mean: Floats = self.model.predict(x)[None]
        return mean

    def draws(self, rng: np.random.Generator) -> Function:
        """16 forests, each fitted to configurations drawn with replacement (the bootstrap)."""
        from sklearn.ensemble import RandomForestRegressor

        groups = configurations(self.x)
        forests = []
        for seed in range(_REFITS):
            weight = np.bincount(rng.integers(0, groups.max() + 1, groups.max() + 1), minlength=groups.max() + 1)
            forest = RandomForestRegressor(_REFIT_TREES, random_state=seed)
            forests.append(forest.fit(self.x, self.y, sample_weight=weight[groups].astype(float)))

        def functions(at: Floats) -> Floats:
            return np.stack([forest.predict(at) for forest in forests])

        return functions


def folded_r2(x: Floats, y: Floats) -> float:
    """R2 of Gaussian processes fitted anew, kernel and all, without each fifth of the configurations.

    A kernel that has seen all runs may fit noise; one that has not seen them cannot.
    """
    from sklearn.model_selection import GroupKFold

    predicted = np.empty_like(y)
    for seen, unseen in GroupKFold(_FOLDS).split(x, y, configurations(x)):
        predicted[unseen] = GaussianProcess.fit(x[seen], y[seen], restarts=0).predict(x[unseen])[0]
    return _r2(y, predicted)


def configurations(x: Floats) -> Any:
    """Of each run the number of its configuration, 0 and up, int [N]."""
    return np.unique(x.round(9), axis=0, return_inverse=True)[1].reshape(-1)


def _left_out(model: Any, x: Floats, y: Floats) -> Floats:
    """What the process predicts for each configuration from the others, its kernel being kept.

    For a block b of runs the residual is (K^-1)_bb^-1 (K^-1 y)_b. Source: Rasmussen & Williams 2006, equation 5.12,
    which has it for single runs.
    """
    inverse = _solve(model.L_, np.eye(len(y)))
    weights = inverse @ y
    groups = configurations(x)
    predicted = np.empty_like(y)
    for group in range(int(groups.max()) + 1):
        block = np.flatnonzero(groups == group)
        predicted[block] = y[block] - np.linalg.solve(inverse[np.ix_(block, block)], weights[block])
    return predicted


def _solve(lower: Floats, right: Floats) -> Floats:
    from scipy.linalg import cho_solve

    solution: Floats = cho_solve((lower, True), right)
    return solution


def _r2(y: Floats, predicted: Floats) -> float:
    total = float(((y - y.mean()) ** 2).sum())
    return 1.0 - float(((y - predicted) ** 2).sum()) / total if total > 0 else 0.0
