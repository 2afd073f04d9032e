"""The one table of known scalar names: how to show a scalar, its unit, and which direction is better.

A name not listed takes the entry of its longest known prefix (`val/loss/aux` that of `val/loss/`), or a plain one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

Better = Literal["lower", "higher", "neither"]


@dataclass(frozen=True, slots=True)
class Scalar:
    """How one scalar is shown.

    Attributes:
        name: its key in a record, `group/measure`.
        label: its display name.
        unit: SI or musical unit, empty for a pure number.
        format: a format specification for `format(value, ...)`.
        better: the direction that counts as better.
    """

    name: str
    label: str
    unit: str = ""
    format: str = ".4g"
    better: Better = "neither"

    @property
    def group(self) -> str:
        """The part before the first slash, or the name itself."""
        return self.name.split("/", 1)[0]

    def show(self, value: float) -> str:
        """The value with its unit, as people read it."""
        text = format(value, self.format)
        return f"{text} {self.unit}" if self.unit else text


_TABLE = (
    Scalar("loss/", "Loss", better="lower"),
    Scalar("loss/total", "Loss", better="lower"),
    Scalar("loss/recon", "Reconstruction loss", "nats/token", better="lower"),
    Scalar("loss/kl", "KL divergence", "nats"),
    Scalar("loss/adv", "Adversarial loss (generator)"),
    Scalar("loss/disc", "Adversarial loss (discriminator)"),
    Scalar("val/loss/", "Validation loss", better="lower"),
    Scalar("val/loss/total", "Validation loss", better="lower"),
    Scalar("val/loss/recon", "Validation reconstruction loss", "nats/token", better="lower"),
    Scalar("val/loss/kl", "Validation KL divergence", "nats"),
    Scalar("val/nll_cell", "Validation loss a voice and sixteenth", "nats", ".3f", "lower"),
    Scalar("val/accuracy", "Validation next-token accuracy", "", ".2%", "higher"),
    Scalar("accuracy", "Next-token accuracy", "", ".2%", "higher"),
    Scalar("grad/", "Gradient"),
    Scalar("grad/norm", "Gradient norm"),
    Scalar("fp16/scale", "Loss scale of fp16"),
    Scalar("grad/norm_disc", "Gradient norm (discriminator)"),
    Scalar("lr", "Learning rate", "", ".3g"),
    Scalar("kl/beta", "KL weight"),
    Scalar("kl/active_units", "Active latent units", "", ".0%"),
    Scalar("gan/d_accuracy", "Discriminator accuracy", "", ".2%"),
    Scalar("gan/d_real", "Discriminator logit, real"),
    Scalar("gan/d_fake", "Discriminator logit, generated"),
    Scalar("throughput/samples", "Throughput", "sequences/s", ".1f", "higher"),
    Scalar("throughput/tokens", "Throughput", "tokens/s", ".0f", "higher"),
    Scalar("time/step", "Step time", "s", ".4f", "lower"),
    Scalar("time/data", "Time waiting for data", "s", ".4f", "lower"),
    Scalar("time/data_share", "Share of the step spent waiting for data", "", ".1%", "lower"),
    Scalar("time/total", "Run time", "s", ".0f", "lower"),
    Scalar("time/epoch", "Epoch time", "s", ".1f", "lower"),
    Scalar("system/ram_gb", "RAM of the process tree", "GB", ".2f"),
    Scalar("system/ram_total_gb", "RAM of the machine", "GB", ".2f"),
    Scalar("system/cpu_percent", "CPU", "%", ".0f"),
    Scalar("system/gpu_used_gb", "GPU memory in use", "GB", ".2f"),
    Scalar("system/gpu_total_gb", "GPU memory", "GB", ".2f"),
    Scalar("system/gpu_percent", "GPU utilisation", "%", ".0f"),
    Scalar("system/gpu_watts", "GPU power", "W", ".0f"),
    Scalar("system/gpu_celsius", "GPU temperature", "C", ".0f"),
    Scalar("system/cuda_allocated_gb", "GPU memory in tensors", "GB", ".2f"),
    Scalar("system/cuda_reserved_gb", "GPU memory kept by torch", "GB", ".2f"),
    Scalar("system/disk_free_gb", "Free disk", "GB", ".1f"),
    Scalar("data/files", "Files processed", "files", ".0f"),
    Scalar("data/augmented", "Files augmented", "files", ".0f"),
    Scalar("data/tokens", "Tokens", "tokens", ".0f"),
    Scalar("data/batch_tokens", "Tokens of a step without padding", "tokens", ".0f"),
    Scalar("data/padding_share", "Share of a batch that is padding", "", ".1%", "lower"),
    Scalar("sample/notes", "Notes in the sample", "notes", ".0f"),
    Scalar("sample/bars", "Bars in the sample", "bars", ".0f"),
    Scalar("sample/valid_tokens", "Valid tokens", "", ".2%", "higher"),
    Scalar("sample/seconds", "Length of the sample", "s", ".1f"),
    Scalar("quality/", "Musical quality", "", ".3f", "higher"),
    Scalar("quality/overall", "Musical quality", "", ".3f", "higher"),
    Scalar("quality/copied_fraction", "Copied from the training set", "", ".1%", "lower"),
    Scalar("quality/mean/", "Mean musical quality", "", ".3f", "higher"),
    Scalar("quality/mean/overall", "Mean musical quality", "", ".3f", "higher"),
    Scalar("quality/mean/copied_fraction", "Mean share copied from the training set", "", ".1%", "lower"),
    Scalar("quality/mean/valid_tokens", "Mean share of valid tokens", "", ".2%", "higher"),
    Scalar("quality/ci_low", "Mean musical quality, lower bound", "", ".3f"),
    Scalar("quality/ci_high", "Mean musical quality, upper bound", "", ".3f"),
    Scalar("quality/band_low", "Quality of real music, 5th percentile", "", ".3f"),
    Scalar("quality/band_high", "Quality of real music, 95th percentile", "", ".3f"),
    Scalar("quality/samples", "Samples scored", "samples", ".0f"),
    Scalar("quality/overlap", "Overlapping area with real music, mean of the measures", "", ".3f", "higher"),
    Scalar("quality/divergence", "KL divergence from real music, mean of the measures", "nats", ".3g", "lower"),
    Scalar("quality/frechet", "Frechet distance to real music", "", ".3g", "lower"),
    Scalar("quality/frechet_real", "Frechet distance of real music, 95th percentile", "", ".3g"),
    Scalar("quality/published/", "Published measure"),
)
KNOWN = {scalar.name: scalar for scalar in _TABLE}
_PREFIXES = sorted((name for name in KNOWN if name.endswith("/")), key=len, reverse=True)


@lru_cache(maxsize=16_384)
def describe(name: str) -> Scalar:
    """How to show the scalar of this name, known or not."""
    if name in KNOWN:
        return KNOWN[name]
    label = name.rsplit("/", 1)[-1].replace("_", " ").capitalize() or name
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return replace(KNOWN[prefix], name=name, label=f"{KNOWN[prefix].label}: {label.lower()}")
    return Scalar(name, label)
