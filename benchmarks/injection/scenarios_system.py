"""Faults of the machine: memory, speed, data; and a GPU that this benchmark can only pretend to have."""

from __future__ import annotations

from functools import partial

from aurl.anomaly.statistics.roles import Role
from benchmarks.injection import checks
from benchmarks.injection.bench import LONG
from benchmarks.injection.broken_data import SlowLoader
from benchmarks.injection.broken_machine import Ballast, IdleGpu, KeptOutputs, SlowSteps, StarvedGpu
from benchmarks.injection.classifier import FOREIGN, classifier, cnn
from benchmarks.injection.own import own
from benchmarks.injection.scenario import Scenario, names

_leaking = partial(
    Scenario,
    "memory_overflow",
    shows=checks.memory_grows,
    causes=names("memory_overflow"),
    accept=names("memory_overflow"),
    also=names("throughput_degradation"),
)
_slower = partial(
    Scenario,
    "throughput_degradation",
    shows=checks.settles_above(Role.STEP_TIME, 1.5),
    causes=names("throughput_degradation"),
    accept=names("throughput_degradation"),
)
_stalled = partial(
    Scenario,
    "data_stall",
    shows=checks.waits,
    causes=names("data_stall"),
    accept=names("data_stall", "throughput_degradation"),
)
_idle = partial(Scenario, "gpu_idle", shows=checks.gpu_idles, accept=names("gpu_idle"))

SCENARIOS = (
    _leaking("outputs kept, CNN", classifier(net=cnn, names=FOREIGN), partial(KeptOutputs, megabytes=1.5), steps=LONG),
    _leaking("outputs kept, transformer", own("transformer"), partial(KeptOutputs, megabytes=1.5)),
    _leaking("95 % of a made-up limit, MLP", classifier(), Ballast, steps=LONG),
    _slower("steps x2.2, MLP", classifier(), partial(SlowSteps, factor=2.2), steps=LONG),
    _slower("steps x2.2, transformer", own("transformer"), partial(SlowSteps, factor=2.2)),
    _slower(
        "slower and slower to x3, CNN",
        classifier(net=cnn, names=FOREIGN),
        partial(SlowSteps, factor=3.0, ramp=100),
        steps=LONG,
    ),
    _stalled(
        "two batches take 20 steps' time, MLP", classifier(), partial(SlowLoader, factor=20.0, count=2), within=30
    ),
    _stalled(
        "two batches take 20 steps' time, transformer",
        own("transformer"),
        partial(SlowLoader, factor=20.0, count=2),
        within=30,
    ),
    _stalled(
        "every batch takes 3 steps' time, CNN",
        classifier(net=cnn, names=FOREIGN),
        partial(SlowLoader, factor=3.0),
        shows=checks.settles_above(Role.DATA_TIME, 10.0),
    ),
    _stalled("every batch takes 20 steps' time, MLP", classifier(), partial(SlowLoader, factor=20.0)),
    _idle("SIMULATED: nothing else to see, MLP", classifier(), IdleGpu, causes=names("gpu_idle"), steps=LONG),
    _idle(
        "SIMULATED: while the loader really stalls, transformer",
        own("transformer"),
        StarvedGpu,
        causes=names("data_stall"),
        also=names("data_stall", "throughput_degradation"),
    ),
)
