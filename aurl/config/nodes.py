"""What takes the keys of config nodes without a `_target_`, and what aurl adds when it builds those that have one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from aurl.train.early_stopping import EarlyStopping
from aurl.train.engine import Engine, Precision
from aurl.train.plan import Plan
from aurl.train.recovery import Recovery
from aurl.train.sampler import Sampler

Policy = Literal["observe", "warn", "recover", "stop"]


def root(
    *,
    name: str,
    tags: Sequence[str] = (),
    seed: int = 1,
    resume: str | None = None,
    probe_seconds: float = 5.0,
    profile: bool = False,
    report: bool = True,
) -> None:
    """The keys of the config's top level."""


def paths(*, outputs: str) -> None:
    """The keys of `paths`."""


def trainer(
    *,
    epochs: int | None = None,
    steps: int | None = None,
    eval_every: int | None = None,
    eval_batches: int | None = None,
    accelerator: Literal["auto", "cpu", "cuda"] = "auto",
    precision: Precision = "fp32",
    accumulate: int = 1,
    clip_norm: float = 1.0,
    compile: bool = False,
    probe_every: int = 50,
) -> tuple[Plan, Engine]:
    """The keys of `trainer`: how long, and on what."""
    plan = Plan(epochs=epochs, steps=steps, eval_every=eval_every, eval_batches=eval_batches)
    engine = Engine(
        accelerator=accelerator,
        precision=precision,
        accumulate=accumulate,
        clip_norm=clip_norm,
        compile=compile,
        probe_every=probe_every,
    )
    return plan, engine


def early_stopping(
    *, metrics: Sequence[str] = ("val/loss/total",), patience: int | None = None, min_delta: float = 0.0
) -> EarlyStopping:
    """The keys of `trainer.early_stopping`."""
    return EarlyStopping(metrics=metrics, patience=patience, min_delta=min_delta)


def sample(
    *,
    every: int | None = None,
    count: int = 4,
    scored: int = 64,
    continuations: int = 1,
    prompt_bars: int = 1,
    length: int | None = None,
    bars: int | None = None,
    temperature: float = 0.9,
    top_k: int = 0,
    top_p: float = 0.95,
    seed: int = 0,
    image: bool = True,
    audio: bool = True,
    audio_seconds: float = 30.0,
) -> tuple[Sampler, dict[str, Any]]:
    """The keys of `sample`: what is drawn, and what is written of it."""
    sampler = Sampler(
        every=every,
        count=count,
        scored=scored,
        continuations=continuations,
        prompt_bars=prompt_bars,
        length=length,
        bars=bars,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
    )
    return sampler, {"image": image, "audio": audio, "audio_seconds": audio_seconds}


def anomaly(
    *,
    policy: Policy = "warn",
    zscore: float = 5.0,
    iqr: float = 1.5,
    window: int = 96,
    warmup: int = 16,
    cooldown: int = 50,
    confirm: int = 3,
    max_alerts: int = 10,
    roles: Mapping[str, str | Sequence[str]] | None = None,
) -> None:
    """The keys of `anomaly` that its detectors share, and those of `aurl.anomaly.watch.Watch`."""


def quality(
    *,
    metrics: Mapping[str, Any] | None = None,
    reference: str = "train",
    bars: int | None = None,
    copying: int | None = 8,
    published: bool = False,
    seed: int = 1,
) -> None:
    """The keys of `quality`, which `aurl.quality.judge.open_judge` takes."""


NODES: Mapping[str, Callable[..., Any]] = {
    "": root,
    "paths": paths,
    "trainer": trainer,
    "trainer.early_stopping": early_stopping,
    "sample": sample,
    "anomaly": anomaly,
    "anomaly.recovery": Recovery,
    "quality": quality,
    "quality.metrics": lambda **metrics: None,
    "anomaly.detectors": lambda **detectors: None,
    "logging": lambda **sinks: None,
    "notify": lambda **notifiers: None,
    "pictures": lambda **pictures: None,
}
PROVIDED: Mapping[str, Sequence[str]] = {"model": ("vocab_size", "seq_len", "pad", "bos", "eos")}
