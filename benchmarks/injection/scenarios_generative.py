"""Faults of generative models: VAE, GAN, and what they make."""

from __future__ import annotations

from functools import partial

from aurl.anomaly.statistics.roles import Role
from benchmarks.injection import checks
from benchmarks.injection.bench import LONG
from benchmarks.injection.broken_data import Scrambled, Stuck
from benchmarks.injection.broken_rates import KlWeight, RunawayMaker, StrongJudge
from benchmarks.injection.broken_weights import Ascent, KlSign, WidePosterior
from benchmarks.injection.digit_vae import digit_vae
from benchmarks.injection.fault import Fault
from benchmarks.injection.own import own
from benchmarks.injection.ring_gan import ring_gan
from benchmarks.injection.scenario import BLOWN_UP, FROM_START, Scenario, names
from benchmarks.injection.scenarios_training import RATE
from benchmarks.injection.trace import Trace

RING = partial(ring_gan, generator=2e-3, discriminator=4e-3)
SAMPLED = ("sample.count=4", "sample.every=10", "sample.length=30")
MANY = ("sample.count=8", "sample.every=10", "sample.length=30")


def half_copied(trace: Trace) -> int:
    """The step of the first round of samples of which half is copied."""
    at, values = checks.by_round(trace, Role.COPIED)
    return int(at[(values > 0.5).argmax()])


_unused = partial(
    Scenario,
    "posterior_collapse",
    shows=checks.code_unused,
    accept=names("posterior_collapse"),
    also=names("loss_plateau"),
)
_runaway = partial(
    Scenario,
    "kl_blowup",
    shows=checks.settles_above(Role.KL, 4.0),
    causes=names("kl_blowup", "damaged_weights"),
    accept=names("kl_blowup"),
    also=BLOWN_UP,
)
_dominated = partial(
    Scenario,
    "discriminator_domination",
    shows=checks.stays_above(Role.DISCRIMINATOR_ACCURACY, 0.97, hold=40),
    causes=names("discriminator_domination", "learning_rate_issue"),
    accept=names("discriminator_domination"),
    also=BLOWN_UP | RATE | names("mode_collapse"),
)
_collapsed = partial(
    Scenario,
    "mode_collapse",
    accept=names("mode_collapse"),
    causes=names("mode_collapse", "learning_rate_issue"),
)
_worse = partial(
    Scenario,
    "quality_degradation",
    shows=checks.quality_falls,
    causes=names("quality_degradation", "training_divergence", "loss_spike", "gradient_explosion"),
    accept=names("quality_degradation"),
    also=BLOWN_UP | names("overfitting"),
)
_copying = partial(
    Scenario,
    "memorization",
    shows=checks.copies,
    causes=names("memorization", "overfitting"),
    accept=names("memorization"),
    throughout=names("overfitting", "mode_collapse"),
    turning=half_copied,
)

SCENARIOS = (
    _unused(
        "KL weight x60, own VAE",
        own("vae", "model.free_bits=0"),
        KlWeight,
        causes=names("kl_weight"),
        also=BLOWN_UP,
    ),
    _unused(
        "KL weight x60, digits",
        digit_vae(annealing=100),
        KlWeight,
        causes=names("kl_weight"),
        also=BLOWN_UP,
        steps=LONG,
    ),
    _unused(
        "KL weight 30 from the start, digits",
        digit_vae(beta=30.0),
        Fault,
        steps=LONG,
        causes=names("posterior_collapse", "kl_weight"),
        span=FROM_START,
    ),
    _unused(
        "decoder sees all, nothing for free, own VAE",
        own("vae", "model.word_dropout=0", "model.free_bits=0", "model.beta=2", "model.beta_warmup_steps=0"),
        Fault,
        causes=names("posterior_collapse", "kl_weight"),
        span=FROM_START,
    ),
    _runaway("sign of the KL, digits", digit_vae(), KlSign, causes=names("kl_blowup")),
    _runaway(
        "posterior layer x8, own VAE",
        own("vae"),
        WidePosterior,
        shows=checks.jumps(Role.KL, 4.0, within=5),
    ),
    _runaway("posterior layer x8, digits", digit_vae(), WidePosterior, shows=checks.jumps(Role.KL, 4.0, within=5)),
    _dominated(
        "D x5, G at a tenth of its weights stands still, ring", RING(), partial(StrongJudge, keep=0.1), steps=LONG
    ),
    _dominated("D x5, G at 0.3 of its weights stands still, ring", RING(), partial(StrongJudge, keep=0.3), steps=LONG),
    _dominated(
        "D x5, G with noise on its weights stands still, VAE-GAN",
        own("vae_gan", "data.batch_size=16"),
        partial(StrongJudge, noise=1.0),
    ),
    _collapsed(
        "D stands still, G x6, ring",
        RING(),
        partial(RunawayMaker, factor=6.0),
        steps=LONG,
        shows=checks.modes_lost,
        also=BLOWN_UP | RATE | names("discriminator_domination"),
    ),
    _collapsed(
        "D stands still, G x3, ring",
        RING(),
        partial(RunawayMaker, factor=3.0),
        steps=LONG,
        shows=checks.modes_lost,
        also=BLOWN_UP | RATE | names("discriminator_domination"),
    ),
    _collapsed(
        "loader stuck on one sequence, transformer",
        own("transformer", *SAMPLED, judge=True),
        Stuck,
        shows=checks.samples_alike,
        causes=names("mode_collapse"),
        also=BLOWN_UP | names("overfitting", "memorization"),
    ),
    _worse(
        "pitches scrambled, transformer",
        own("transformer", *MANY, judge=True),
        Scrambled,
        causes=names("bad_data", "bad_batch"),
    ),
    _worse(
        "the objective loses its sign, transformer",
        own("transformer", *MANY, judge=True),
        Ascent,
        also=BLOWN_UP | names("overfitting", "mode_collapse"),
    ),
    _copying(
        "two pieces, transformer",
        own(
            "transformer", *SAMPLED, "data.source.pieces=4", "optim.lr=5e-3", "model.dropout=0", judge=True, copies=True
        ),
        Fault,
    ),
    _copying(
        "one piece, VAE",
        own("vae", *SAMPLED, "data.source.pieces=3", "optim.lr=5e-3", "model.dropout=0", judge=True, copies=True),
        Fault,
    ),
)
