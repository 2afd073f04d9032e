"""The user's own configuration, so that advice can name a key and a value: "lower optim.lr from 0.003 to 0.001"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aurl.runs.settings import flatten

# What a setting is called: aurl's key first, then the last part of the keys that other trainers use.
_NAMES: dict[str, tuple[str, ...]] = {
    "lr": ("optim.lr", "lr", "learning_rate", "base_lr", "max_lr"),
    "discriminator_lr": ("optim.discriminator_lr", "discriminator_lr", "d_lr", "lr_d"),
    "warmup_steps": ("optim.warmup_steps", "warmup_steps", "num_warmup_steps", "warmup", "warmup_iters"),
    "min_lr_ratio": ("optim.min_lr_ratio", "min_lr_ratio"),
    "weight_decay": ("optim.weight_decay", "weight_decay", "wd"),
    "clip_norm": ("trainer.clip_norm", "clip_norm", "max_grad_norm", "gradient_clip_val", "grad_clip", "clip_grad"),
    "precision": ("trainer.precision", "precision", "dtype", "mixed_precision"),
    "accumulate": ("trainer.accumulate", "accumulate", "gradient_accumulation_steps", "accumulate_grad_batches"),
    "batch_size": (
        "data.batch_size",
        "data.tokens_per_batch",
        "batch_size",
        "per_device_train_batch_size",
        "train_batch_size",
    ),
    "workers": ("data.workers", "workers", "num_workers", "dataloader_num_workers"),
    "dropout": ("model.dropout", "dropout"),
    "beta": ("model.beta", "beta", "kl_weight"),
    "beta_warmup_steps": ("model.beta_warmup_steps", "beta_warmup_steps", "kl_warmup_steps"),
    "free_bits": ("model.free_bits", "free_bits"),
    "word_dropout": ("model.word_dropout", "word_dropout"),
    "adversarial_weight": ("model.adversarial_weight", "adversarial_weight"),
    "d_model": ("model.d_model", "d_model", "hidden_size", "n_embd"),
    "epochs": ("trainer.epochs", "epochs", "max_epochs", "num_train_epochs"),
    "checkpoint_activations": ("model.checkpoint_activations", "checkpoint_activations", "gradient_checkpointing"),
}
_RATES = frozenset({"lr", "discriminator_lr"})
_ADAPTIVE = ("adam", "lion", "lamb", "adafactor", "rmsprop", "sophia", "soap", "muon")
_SANE_ADAPTIVE, _SANE = 0.02, 2.0
_WORDS = {"lr": "the learning rate", "clip_norm": "the gradient clipping norm", "beta": "the weight of the KL term"}


class Settings:
    """Looks up what a run was configured with, by what a setting means.

    Attributes:
        has_risen: whether the loss blew up in this run: no advice raises a learning rate then.

    Args:
        config: the run's configuration, flat, `{"optim.lr": 0.003}`, or nested; empty where it is not known.
    """

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        self.has_risen = False
        self._config = flatten(config or {})
        self._keys: dict[str, str | None] = {}

    def key(self, meaning: str) -> str | None:
        """The user's key for a setting such as `lr`; None where the configuration has none."""
        if meaning not in self._keys:
            self._keys[meaning] = self._find(meaning)
        return self._keys[meaning]

    def value(self, meaning: str) -> float | None:
        """The configured number; None where there is none."""
        value = self._config.get(self.key(meaning) or "")
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    def text(self, meaning: str) -> str | None:
        """The configured value as text; None where there is none."""
        value = self._config.get(self.key(meaning) or "")
        return None if value is None else str(value)

    def scale(self, meaning: str, factor: float, observed: float | None = None, why: str = "") -> str:
        """Advice to multiply a setting, rounded to two digits: "lower optim.lr from 0.003 to 0.001".

        Args:
            observed: its value as seen in the log, used where the configuration does not tell.
        """
        if factor > 1 and meaning in _RATES and self.has_risen:
            return self.scale(meaning, 1 / 3, observed, "the loss has risen in this run")
        verb = "lower" if factor < 1 else "raise"
        name, value = self._named(meaning), self.value(meaning)
        if value is None:
            value = observed
        if meaning in _RATES and value is not None and value * factor > self._sane_rate():
            return self._put_from(meaning, self._sane_rate() / 10, value, why)
        if value is None or value == 0:
            return f"{verb} {name}, to {factor:.2g} times its value{_because(why)}"
        return f"{verb} {name} from {_short(value)} to {_short(float(f'{value * factor:.2g}'))}{_because(why)}"

    def put(self, meaning: str, wanted: float | str, why: str = "") -> str:
        """Advice to set something to a value: "set trainer.clip_norm to 1 (it is 0)"; empty where it has that value."""
        key = self.key(meaning)
        now = self._config.get(key) if key else None
        if now is not None and (now == wanted or str(now) == str(wanted)):
            return ""
        shown = _short(wanted) if isinstance(wanted, float) else wanted
        is_now = f" (it is {_short(now) if isinstance(now, float) else now})" if key and now is not None else ""
        return f"set {self._named(meaning)} to {shown}{is_now}{_because(why)}"

    def _put_from(self, meaning: str, wanted: float, now: float, why: str) -> str:
        return f"set {self._named(meaning)} to {_short(wanted)} (it is {_short(now)}){_because(why)}"

    def _sane_rate(self) -> float:
        """A learning rate above which no training is known to work with this kind of optimiser."""
        said = (str(value).lower() for key, value in self._config.items() if "optim" in key.lower())
        return _SANE_ADAPTIVE if any(word in text for text in said for word in _ADAPTIVE) else _SANE

    def _named(self, meaning: str) -> str:
        key = self.key(meaning)
        if key:
            return key
        if self._config:
            return _NAMES[meaning][0]
        return _WORDS.get(meaning, meaning.replace("_", " "))

    def _find(self, meaning: str) -> str | None:
        names = _NAMES[meaning]
        found = [name for name in names if name in self._config]
        for name in names:
            found += [key for key in self._config if key.rsplit(".", 1)[-1].replace("-", "_").lower() == name]
        # Of two keys for one thing the one that is null decides nothing.
        return next((key for key in found if self._config[key] is not None), found[0] if found else None)


def _short(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e6 else f"{value:.3g}"


def _because(why: str) -> str:
    return f": {why}" if why else ""
