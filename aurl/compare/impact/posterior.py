"""Functions that fit the runs about as well as the best one: what the intervals of importance are made of.

Both what the data leave open about the function and what they leave open about its kernel is in them. Kernels are drawn
by elliptical slice sampling, functions by pathwise conditioning.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aurl.show.arrays import Floats

KERNELS, FUNCTIONS_EACH = 24, 4
_BURN_IN, _THINNING = 16, 3
_FEATURES = 256
MATERN = 2.5
_LENGTH, _SIGNAL, _NOISE = (0.0, 1.3), (0.0, 1.0), (-2.3, 1.5)
"""Mean and standard deviation of the priors of the logarithms: length scales, variance of the signal, of the noise."""


class PosteriorDraws:
    """One kernel, and functions drawn from the process that it gives.

    A draw of the prior, made of random cosines, is corrected by the kernel so that it passes the data, noise aside.
    Source: Wilson et al., "Efficiently sampling functions from Gaussian process posteriors", ICML 2020.

    Args:
        kernel: constant * Matern 5/2 + white noise.
        x, y: the runs, [N, W] and [N].
    """

    def __init__(self, kernel: Any, x: Floats, y: Floats, rng: np.random.Generator) -> None:
        from scipy.linalg import cho_factor, cho_solve

        self._kernel, self._x = kernel.k1, x
        variance, scales = kernel.k1.k1.constant_value, np.broadcast_to(kernel.k1.k2.length_scale, x.shape[1])
        tails = np.sqrt(rng.chisquare(2 * MATERN, _FEATURES) / (2 * MATERN))
        self._frequencies = rng.standard_normal((x.shape[1], _FEATURES)) / scales[:, None] / tails
        self._phases = rng.uniform(0, 2 * np.pi, _FEATURES)
        self._weights = rng.standard_normal((_FEATURES, FUNCTIONS_EACH)) * np.sqrt(2 * variance / _FEATURES)
        noise = rng.standard_normal((len(y), FUNCTIONS_EACH)) * np.sqrt(kernel.k2.noise_level)
        factor = cho_factor(kernel(x) + 1e-8 * np.eye(len(y)), lower=True)
        self._correction = cho_solve(factor, y[:, None] - self._prior(x) - noise)

    def __call__(self, at: Floats) -> Floats:
        """The functions at X [M, W], shape [4, M]."""
        values: Floats = (self._prior(at) + self._kernel(at, self._x) @ self._correction).T
        return values

    def _prior(self, at: Floats) -> Floats:
        values: Floats = np.cos(at @ self._frequencies + self._phases) @ self._weights
        return values


def plausible_kernels(model: Any, rng: np.random.Generator) -> list[Any]:
    """24 kernels of a fitted `GaussianProcessRegressor`, drawn from their posterior under wide log-normal priors.

    Source: Murray, Adams & MacKay, "Elliptical slice sampling", AISTATS 2010.
    """
    theta = np.asarray(model.kernel_.theta)
    spread = np.array([_SIGNAL, *[_LENGTH] * (len(theta) - 2), _NOISE])
    centre, width = spread.T
    state = np.clip(theta - centre, -2 * width, 2 * width)
    kernels = []
    likelihood = _likelihood(model, centre + state)
    for turn in range(_BURN_IN + KERNELS * _THINNING):
        state, likelihood = _step(model, (state, likelihood), (centre, width), rng)
        if turn >= _BURN_IN and turn % _THINNING == 0:
            kernels.append(model.kernel_.clone_with_theta(centre + state))
    return kernels


def _step(
    model: Any, now: tuple[Floats, float], prior: tuple[Floats, Floats], rng: np.random.Generator
) -> tuple[Floats, float]:
    """The next state and its likelihood, on an ellipse through this state and a draw of the prior."""
    (state, likelihood), (centre, width) = now, prior
    other = rng.standard_normal(len(state)) * width
    floor = likelihood + float(np.log(rng.uniform()))
    angle = float(rng.uniform(0, 2 * np.pi))
    low, high = angle - 2 * np.pi, angle
    while True:
        proposal = state * np.cos(angle) + other * np.sin(angle)
        reached = _likelihood(model, centre + proposal)
        if reached > floor or high - low < 1e-9:
            return proposal, reached
        low, high = (angle, high) if angle < 0 else (low, angle)
        angle = float(rng.uniform(low, high))


def _likelihood(model: Any, theta: Floats) -> float:
    return float(model.log_marginal_likelihood(theta))
