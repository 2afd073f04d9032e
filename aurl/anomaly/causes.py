"""What is behind an incident: every explanation that the log supports, with its evidence, the most likely first.

An explanation is an earlier incident (a gradient explosion explains a NaN), a fact (the learning rate rose just
before), or what the record itself shows (loss and gradient norm leave their range together: the batch). Scores are
judgements, not probabilities; what happened long before counts less.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from aurl.anomaly.incidents import ACUTE, Incident
from aurl.anomaly.settings import Settings
from aurl.anomaly.statistics.context import Context
from aurl.anomaly.statistics.curve import Curve
from aurl.anomaly.statistics.history import Fact
from aurl.anomaly.statistics.roles import Role
from aurl.show.wording import counted

REACH = 64  # observations back in which something acute can be a cause
_AGEING = 0.3  # share of the score that is lost at the end of the reach

# Which type explains which, and how well.
_LINKS: Mapping[str, Mapping[str, float]] = {
    "nan_values": {
        "learning_rate_issue": 0.9, "gradient_explosion": 0.8, "training_divergence": 0.75, "kl_blowup": 0.7,
        "loss_spike": 0.7,
    },
    "training_divergence": {
        "learning_rate_issue": 0.9, "nan_values": 0.7, "gradient_explosion": 0.7, "kl_blowup": 0.6, "loss_spike": 0.5,
        "loss_oscillation": 0.5,
    },
    "loss_spike": {
        "learning_rate_issue": 0.9, "gradient_explosion": 0.7, "kl_blowup": 0.6, "nan_values": 0.6,
        "loss_oscillation": 0.45,
    },
    "gradient_explosion": {"learning_rate_issue": 0.9, "loss_spike": 0.6, "kl_blowup": 0.5, "nan_values": 0.5},
    "loss_oscillation": {"learning_rate_issue": 0.9, "loss_spike": 0.6},
    "loss_plateau": {
        "learning_rate_issue": 0.9, "gradient_vanishing": 0.85, "posterior_collapse": 0.7, "training_divergence": 0.6,
        "nan_values": 0.6, "loss_spike": 0.4, "gradient_explosion": 0.4,
    },
    "underfitting": {"learning_rate_issue": 0.9, "gradient_vanishing": 0.85, "posterior_collapse": 0.4},
    "posterior_collapse": {"training_divergence": 0.5, "gradient_explosion": 0.4},
    "kl_blowup": {"learning_rate_issue": 0.8, "gradient_explosion": 0.5},
    "mode_collapse": {
        "discriminator_domination": 0.8, "training_divergence": 0.75, "learning_rate_issue": 0.7, "nan_values": 0.5,
    },
    "quality_degradation": {
        "mode_collapse": 0.85, "posterior_collapse": 0.8, "training_divergence": 0.7, "nan_values": 0.7,
        "discriminator_domination": 0.6, "overfitting": 0.5, "loss_spike": 0.4,
    },
    "memorization": {"overfitting": 0.8},
    "throughput_degradation": {"data_stall": 0.9, "memory_overflow": 0.6},
    "gpu_idle": {"data_stall": 0.9, "throughput_degradation": 0.5},
    "data_stall": {"memory_overflow": 0.5},
}  # fmt: skip
_BLOWUPS = frozenset({"loss_spike", "gradient_explosion", "training_divergence", "nan_values", "loss_oscillation"})


_NEED_MORE = frozenset({"kl_blowup", "loss_oscillation"})  # than an info beside them

_LARGE_JUMP = 5.0
_FIRST_STEPS, _ROSE = 24, 1.5
_TWICE = math.log(2.0)
_FOLLOWS = 0.5  # share of the jump of the training loss, in log, that the validation loss makes too
# What a fact is a cause of, its name as a cause, and how well it fits.
_FACTS: Mapping[str, tuple[str, frozenset[str], float]] = {
    "lr_up": ("learning_rate_issue", _BLOWUPS | {"kl_blowup"}, 0.6),
    "lr_down": ("learning_rate_issue", frozenset({"loss_plateau", "underfitting"}), 0.5),
    "kl_weight_up": ("kl_weight", _BLOWUPS | {"posterior_collapse"}, 0.55),
    "kl_weight_down": ("kl_weight", frozenset({"kl_blowup"}), 0.85),
    "loss_scale_down": ("overflow", frozenset({"nan_values"}), 0.75),
    "restart": ("restart", _BLOWUPS | {"throughput_degradation", "data_stall"}, 0.7),
}


class Cause(NamedTuple):
    """A possible explanation.

    Attributes:
        name: an anomaly type, or `bad_batch`, `bad_data`, `damaged_weights`, `overflow`, `kl_weight`, `restart` or
            `step_size`.
        score: how well it fits, 0 to 1.
        evidence: the observation that speaks for it.
        incident: the incident that it is, if it is one.
    """

    name: str
    score: float
    evidence: str
    incident: Incident | None = None


def rank(incident: Incident, others: Iterable[Incident], context: Context, settings: Settings) -> list[Cause]:
    """All explanations of an incident, the best first; each name once."""
    found = [*_incidents(incident, others), *_facts(incident, context), *_record(incident, context, settings)]
    best: dict[str, Cause] = {}
    for cause in sorted(found, key=lambda cause: -cause.score):
        best.setdefault(cause.name, cause)
    return list(best.values())


def blame(incident: Incident, ranked: list[Cause], others: Iterable[Incident], context: Context) -> None:
    """Give the incident its most likely cause; one that is an incident itself passes on its own, and its episode.

    The root is put first in `ranked`. Incidents that began at the same time with the same cause are one episode.
    """
    if not ranked:
        return
    top = ranked[0]
    root = Cause(top.name, top.score, top.evidence)
    if top.incident is not None:
        incident.episode = top.incident.episode
        if top.incident.root and top.incident.cause:
            # What was told of it begins with its name.
            told = top.incident.cause.partition(": ")[2]
            root = Cause(top.incident.root, top.score, f"{told}; then {top.name}: {top.evidence}")
    if incident.type == "training_divergence" and root.name == "bad_batch":
        root = _lasting(top, context)
    incident.root, incident.cause = root.name, f"{root.name}: {root.evidence}"
    ranked[:] = [root, *(cause for cause in ranked if cause.name != root.name)]
    twins = [one for one in others if one.opened == incident.opened and one.root == root.name]
    incident.episode = min(one.episode for one in [*twins, incident])


def _lasting(top: Cause, context: Context) -> Cause:
    """What a jump of one step was, now that the loss has not come back: other weights, or other data from there on.

    Weights that are damaged show in the next evaluation as much as in training; data that are wrong do not.
    """
    jump = None if top.incident is None else context.history.validation_jump(top.incident.onset_step)
    if top.incident is not None and jump is not None and jump < _FOLLOWS * top.incident.jump:
        text = "the training loss left its range at once and stays there, the validation loss did not go with it"
        return Cause("bad_data", top.score, text)
    return Cause("damaged_weights", top.score, "loss and gradient norm left their range at once, and stay there")


def _incidents(incident: Incident, others: Iterable[Incident]) -> Iterable[Cause]:
    links = _LINKS.get(incident.type, {})
    for other in others:
        score = links.get(other.type, 0.0)
        if other.id >= incident.id or not score or other.root == incident.type:
            continue
        if other.severity == 0 and (other.type == "data_stall" or incident.type in _NEED_MORE):
            continue
        age = incident.opened - (other.last if other.type not in ACUTE else other.opened)
        if age > REACH or (age <= 0 and other.opened >= incident.opened and not _goes_first(other, incident)):
            continue
        when = "at the same step" if age <= 0 else f"{counted(age, 'step')} before"
        text = f"{other.metric} since step {other.onset_step}, {when}"
        yield Cause(other.type, score * _fresh(max(age, 0)), text, other)


def _goes_first(other: Incident, incident: Incident) -> bool:
    """Of two that were first found in the same record, which is the cause."""
    return (
        other.type == "learning_rate_issue" or incident.type not in _BLOWUPS or other.onset_step < incident.onset_step
    )


def _facts(incident: Incident, context: Context) -> Iterable[Cause]:
    # What takes long to establish began earlier.
    began = incident.opened - max(0, context.step - incident.onset_step) // max(1, context.gap)
    for fact in context.history.facts:
        age = incident.opened - fact.at
        if age < 0 or began - fact.at > REACH:
            continue
        found = _explains(fact, incident)
        if found is not None:
            name, score = found
            fresh = _fresh(max(0, began - fact.at))
            yield Cause(name, score * fresh, f"{fact.text} at step {fact.step}, {counted(age, 'step')} before")


def _explains(fact: Fact, incident: Incident) -> tuple[str, float] | None:
    """The cause that a fact is for an incident, and how well it fits."""
    name, types, score = _FACTS.get(fact.kind, ("", frozenset(), 0.0))
    if incident.type not in types:
        return None
    if fact.kind == "lr_up":
        return name, 0.85 if fact.size >= _LARGE_JUMP else score
    if fact.kind == "kl_weight_up" and incident.type == "posterior_collapse":
        return name, 0.8
    return name, score


def _record(incident: Incident, context: Context, settings: Settings) -> Iterable[Cause]:
    """What the record at which it was found says by itself."""
    loss, gradient = context.training_loss, context.curve(Role.GRAD_NORM)
    type_ = incident.type
    if type_ in _BLOWUPS and loss is not None and context.index <= _FIRST_STEPS and not context.resumed:
        yield from _too_fast(loss, context)
    if type_ in {"loss_spike", "gradient_explosion"} and loss is not None:
        yield from _jump(loss, gradient, context)
    if type_ == "nan_values":
        if settings.text("precision") in {"fp16", "16", "16-mixed", "float16"}:
            yield Cause("overflow", 0.55, f"{settings.key('precision')} is {settings.text('precision')}")
        calm = [curve for curve in map(context.known, (Role.LOSS, Role.GRAD_NORM)) if curve is not None and curve.seen]
        if calm and all(curve.rise < curve.limit(5.0) for curve in calm):
            yield Cause("bad_batch", 0.5, f"{', '.join(c.name for c in calm)} were usual until the step before")
    rate = context.last(Role.LR)
    # A rate that was fine when it was twice as high is hardly too high now.
    credible = rate is None or rate >= 0.5 * context.history.lr_peak
    if credible and type_ in {"training_divergence", "loss_oscillation", "gradient_explosion"}:
        at = f" of {rate:.3g}" if rate else ""
        yield Cause("step_size", 0.35, f"nothing else stood out before: the learning rate{at} may be too high")


def _too_fast(loss: Curve, context: Context) -> Iterable[Cause]:
    """A blow-up within the first steps: the batches are as good as any, what is new is the size of the steps."""
    if loss.unit is not None or not loss.value > _ROSE * loss.first:
        return
    rate = context.last(Role.LR)
    name = "step_size" if rate is None else "learning_rate_issue"
    at = "the learning rate" if rate is None else f"{context.main.get(Role.LR, 'lr')} of {rate:.3g}"
    yield Cause(name, 0.8, f"{at} is too high: {loss.name} rose above its very first value {loss.first:.4g} at once")


def _jump(loss: Curve, gradient: Curve | None, context: Context) -> Iterable[Cause]:
    """What a loss that leaves its range says of the batch, or of the KL divergence beside it."""
    divergence = context.curve(Role.KL)
    if divergence is not None and divergence.rise > max(_TWICE, divergence.limit(5.0), loss.rise):
        times = math.exp(min(divergence.rise, 700.0))
        yield Cause("kl_blowup", 0.65, f"{divergence.name} rose more, to {times:.3g} times its level")
    curves = [loss] if gradient is None else [loss, gradient]
    if any(curve.before > 0.5 * curve.limit(5.0) for curve in curves):
        return  # it had begun before this batch
    if gradient is None:
        yield Cause("bad_batch", 0.4, f"{loss.name} left its range at once")
    elif min(loss.rise, gradient.rise) > math.log(1.4):
        yield Cause("bad_batch", 0.55, f"{loss.name} and {gradient.name} left their range in the same step")


def _fresh(age: int) -> float:
    return 1.0 - _AGEING * min(1.0, age / REACH)
