"""What happens in a training beside the step itself: parts, and what they see of the training.

A part is one class and one node of the config. Early stopping, checkpoints, samples, pictures and recovery are parts;
your own is added by `+parts.mine._target_=package.module.Class`. docs/extending.md holds a complete one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from torch import Tensor

from aurl.data.loader import TrainLoader
from aurl.data.module import MusicData
from aurl.errors import ConfigError
from aurl.machine.signals import StopSignal
from aurl.monitor import Monitor
from aurl.record import Json
from aurl.runs.rundir import RunDirectory
from aurl.train.ending import Ending
from aurl.train.engine import Engine
from aurl.train.eta import Eta
from aurl.train.plan import Plan
from aurl.train.progress import Progress
from aurl.train.samples import Observer

_OTHER_ORDER = 7919  # added to the seed of the data for another order; a prime, so that seeds of a sweep do not meet


class Stateful(Protocol):
    """Anything that a checkpoint keeps."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class GoBack(NamedTuple):
    """A part's wish that the training goes on from an earlier checkpoint.

    Attributes:
        folder: the checkpoint.
        reason: why, a few words.
    """

    folder: Path
    reason: str


@dataclass
class Training:
    """What a part may look at and act on.

    Attributes:
        run: where the run's files lie.
        engine: the model, its optimisers and the device.
        data: batches, tokenizer and corpus.
        monitor: takes records.
        plan: how long, and how often it is evaluated.
        seed: of the run.
        stop_signal: whether somebody wants the run to end.
        progress: where it stands.
        parts: by name, in the order in which their hooks are called.
        on_sample: called on the writer's thread with each sample's record and notes.
        on_round: called on the writer's thread with the step, when its samples are all written.
        loader: gives the training batches.
        total_steps: optimiser steps of the whole run.
        eta: the remaining time.
    """

    run: RunDirectory
    engine: Engine
    data: MusicData
    monitor: Monitor
    plan: Plan
    seed: int
    stop_signal: StopSignal
    progress: Progress = field(default_factory=Progress)
    parts: dict[str, Part] = field(default_factory=dict)
    on_sample: list[Observer] = field(default_factory=list)
    on_round: list[Callable[[int], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.loader: TrainLoader
        self.reorder(0)
        accumulate = self.engine.accumulate
        if accumulate > (batches := self.loader.batches(0)):
            raise ConfigError(
                f"trainer.accumulate={accumulate}: an epoch has {batches} batches; give at most {batches}, or make the "
                f"batches smaller ({self.data.smaller_batch[1]})"
            )
        self.total_steps, self._epochs = self.plan.totals(lambda epoch: -(-self.loader.batches(epoch) // accumulate))
        self.eta = Eta(self.total_steps)

    @property
    def step(self) -> int:
        """Optimiser steps finished."""
        return self.progress.step

    @property
    def epoch_number(self) -> int:
        """The epoch that the last step belongs to, from 1."""
        return self.progress.epoch + 1 if self.progress.batch else max(1, self.progress.epoch)

    @property
    def epochs(self) -> int:
        """Begun in the whole run."""
        return max(self._epochs, self.epoch_number)

    @property
    def batches(self) -> int:
        """Of the epoch that the last step belongs to."""
        return self.loader.batches(self.epoch_number - 1)

    @property
    def epoch_is_over(self) -> bool:
        """Whether the last step was the last one of its epoch."""
        return self.progress.batch >= self.loader.batches(self.progress.epoch)

    def evaluates(self, step: int, batch: int) -> bool:
        """Whether an evaluation follows this step, after which `batch` batches of the epoch are done."""
        return self.plan.evaluates(step, batch >= self.loader.batches(self.progress.epoch)) or step >= self.total_steps

    def evaluations(self, ahead: Literal[0, 1] = 0) -> int:
        """How many evaluations the run has had after the last step, or the next, counted from its very start."""
        if self.plan.eval_every is None:
            return self.progress.epoch + 1 if ahead else self.epoch_number
        return max(1, -(-(self.progress.step + ahead) // self.plan.eval_every))

    def reorder(self, times: int) -> None:
        """Give the data another order than the first, its own for each number of times; 0 for the first."""
        seed = self.seed + _OTHER_ORDER * times
        self.loader = self.data.train_loader(seed, self.engine.rank, self.engine.world)

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """The model as it is evaluated, pictured and sampled: with what parts put in place for that."""
        with contextlib.ExitStack() as stack:
            for part in self.parts.values():
                stack.enter_context(part.evaluating())
            yield

    def wanted(self, prefix: str) -> bool:
        """Whether a part decides by a scalar whose name begins so."""
        return any(name.startswith(prefix) for part in self.parts.values() for name in part.wants)


class Part:
    """Something that happens in a training beside the step itself. Override the hooks that you need.

    After a step come, in this order: `after_step`; where an evaluation is due, that and `after_evaluation`; where an
    epoch ends, its record and `at_epoch_end`; then `at_step_end`, when everything of this step is known. Parts are
    called in the order of `Training.parts`: recovery, pictures, samples, quality, early stopping, your own, and
    checkpoints last, so that a checkpoint holds what the others have just learnt. Hooks must not draw from the global
    random generators, or a resumed run would not repeat the uninterrupted one.

    Attributes:
        training: set before any other hook is called.
        wants: names of the scalars of an evaluation that this part decides by.
    """

    training: Training
    wants: Collection[str] = ()

    def begin(self, training: Training) -> None:
        """The training is assembled; nothing is loaded yet. Call `super().begin(training)` where you override it."""
        self.training = training

    def restored(self, folder: Path) -> None:
        """Everything was brought back to this checkpoint, on resume or after going back."""

    def at_start(self) -> None:
        """The first step of this process is next."""

    def before_step(self, batches: int) -> None:
        """A step over so many batches is next."""

    def after_step(self, metrics: Mapping[str, Any]) -> Ending | GoBack | None:
        """A step is done; `metrics` are what it logs, tensors still on their device: reading one waits for it.

        Returns:
            How the run ends here, or where it goes back to; None to go on.
        """
        return None

    def after_evaluation(self, scalars: dict[str, float]) -> Ending | None:
        """An evaluation was written; further scalars for the parts that decide may be added to `scalars`."""
        return None

    def at_epoch_end(self, epoch: int) -> None:
        """This epoch (from 1) is over and written."""

    def at_step_end(self, evaluated: bool) -> Ending | None:
        """Everything of this step is known; `evaluated`: there was an evaluation."""
        return None

    def before_save(self) -> None:
        """A checkpoint is about to be written: finish what it vouches for."""

    def went_back(self, left: int, why: GoBack) -> None:
        """The training stands at an earlier checkpoint again; it had come as far as step `left`."""

    def at_end(self, ending: Ending) -> None:
        """No step follows. Called in the reverse order, so checkpoints come first."""

    def close(self) -> None:
        """Let go of threads and files, whatever happened."""

    def evaluating(self) -> contextlib.AbstractContextManager[object]:
        """What holds while the model is evaluated, pictured and sampled, such as averaged weights."""
        return contextlib.nullcontext()

    def state_dict(self) -> dict[str, Json]:
        """What a resumed run needs to go on as if never stopped; JSON values."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""

    def tensors(self) -> Mapping[str, Tensor]:
        """Tensors that a checkpoint keeps, by name; they are filled in place when one is loaded."""
        return {}
