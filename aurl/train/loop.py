"""The training loop: what happens in which order. It knows the Monitor and the hooks of parts, and nothing of sinks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from aurl.data.batch import Batch
from aurl.data.usage import Usage
from aurl.machine.signals import StopRequested
from aurl.machine.throughput import Throughput
from aurl.record import Json, Kind
from aurl.train import state
from aurl.train.cells import Counted
from aurl.train.ending import Ending
from aurl.train.engine import explain_out_of_memory
from aurl.train.part import GoBack, Part, Training

_EVALUATION = "evaluation"


class Loop:
    """Trains one model to the end of its plan, or until a signal, an alert or a part ends it sooner.

    Evaluation and sampling draw nothing from the global generators, so a run that is resumed repeats the one that was
    not interrupted.

    Args:
        training: assembled, its parts in the order in which they are called.
    """

    def __init__(self, training: Training) -> None:
        self.training = training
        self.throughput = Throughput()
        self._paused = 0.0  # seconds since the last step that were no training
        for part in training.parts.values():
            part.begin(training)
        self._before_step = self._hooks("before_step")
        self._after_step = self._hooks("after_step")
        self._after_evaluation = self._hooks("after_evaluation")
        self._at_epoch_end = self._hooks("at_epoch_end")
        self._at_step_end = self._hooks("at_step_end")

    def load(self, folder: Path) -> None:
        """Take up the training where this checkpoint left it.

        Raises:
            CheckpointError: the checkpoint is damaged or of another model.
        """
        state.restore(self.training, folder)

    def run(self) -> Ending:
        """Train to the end; returns how it ended. Errors pass through, with everything before them recorded."""
        for part in self.training.parts.values():
            part.at_start()
        ending = None
        try:
            if owed := self.training.progress.owed:
                ending = self._finish_step(list(owed))
            while ending is None:
                ending = self._run_epoch()
        except StopRequested:
            ending = self._asked_to_end()
            assert ending is not None
        for part in reversed(self.training.parts.values()):
            part.at_end(ending)
        return ending

    def _run_epoch(self) -> Ending | None:
        """Train to the end of the epoch, or to where a rollback leaves it; how the run ends, where it does."""
        training, progress = self.training, self.training.progress
        if progress.batch == 0:
            progress.usage = Usage()
        elif training.epoch_is_over:  # gone back, to an order in which the epoch has fewer batches than it had
            self._finish_epoch()
            return None
        batches = training.loader.epoch(progress.epoch, progress.batch)
        started = time.perf_counter()
        while progress.step < training.total_steps and (group := list(islice(batches, training.engine.accumulate))):
            started, metrics = self._train_step(group, started)
            decision = self._first(self._after_step, metrics)
            if isinstance(decision, GoBack):
                self._go_back(decision)
                return None
            if ending := decision or self._finish_step():
                return ending
            started, self._paused = started + self._paused, 0.0
        done = progress.step >= training.total_steps
        return Ending("done", f"all {training.total_steps} steps of the plan") if done else None

    def _train_step(self, group: list[Batch], started: float) -> tuple[float, dict[str, Any]]:
        training, progress = self.training, self.training.progress
        waited = time.perf_counter() - started
        for _, hook in self._before_step:
            hook(len(group))
        with explain_out_of_memory(training.data.smaller_batch):
            rows = [batch.to(training.engine.device).tokens for batch in group]
            metrics = training.engine.train_step(rows, progress.step, training.total_steps)
        progress.step += 1
        progress.batch += len(group)
        for batch in group:
            progress.usage.add(batch.usage)
        progress.add(metrics)
        now = time.perf_counter()
        progress.epoch_seconds += now - started
        tokens, area = (sum(getattr(batch.usage, name) for batch in group) for name in ("tokens", "area"))
        self.throughput.update(now - started, waited, sum(map(len, group)), tokens)
        training.eta.update(progress.step, now)
        of_batch = {"data/batch_tokens": float(tokens), "data/padding_share": 1.0 - tokens / area}
        scalars = {**metrics, **self.throughput.scalars(), **of_batch}
        training.monitor.step(progress.step, scalars, **self._place(), **self._eta_fields())
        return now, metrics

    def _finish_step(self, owed: list[str] | None = None) -> Ending | None:
        """Evaluation and the end of the epoch where due, then what parts do at the end of a step.

        Args:
            owed: what of it a signal cut short in the process before; None for all of it.

        Raises:
            StopRequested: a signal cuts it short now; `progress.owed` says where.
        """
        training, progress = self.training, self.training.progress
        ending = None
        if owed is None:
            progress.evaluated = training.evaluates(progress.step, progress.batch)
            owed = [_EVALUATION, *(name for name, _ in self._at_step_end)]
        progress.owed = owed
        if _EVALUATION in owed:
            epoch_is_over = training.epoch_is_over
            ending = self._evaluate() if progress.evaluated else None
            if epoch_is_over:
                self._finish_epoch()
            owed.remove(_EVALUATION)
        for name, hook in self._at_step_end:
            if name in owed:
                ending = self._end_step(name, hook) or ending
        return self._asked_to_end() or ending

    def _end_step(self, name: str, hook: Callable[[bool], Ending | None]) -> Ending | None:
        """One hook; what it saves, a checkpoint for one, does not count it as owed."""
        owed = self.training.progress.owed
        owed.remove(name)
        try:
            with self._pause(name):
                return hook(self.training.progress.evaluated)
        except StopRequested:
            owed.insert(0, name)
            raise

    def _evaluate(self) -> Ending | None:
        training, progress = self.training, self.training.progress
        with self._pause("evaluation"), training.evaluating():
            batches = Counted(training.data.eval_batches("validation", training.plan.eval_batches))
            with explain_out_of_memory(training.data.smaller_batch), training.stop_signal.interrupting():
                means = training.engine.evaluate(batch.to(training.engine.device).tokens for batch in batches)
        means = batches.by_cell(means)
        progress.scalars = {f"val/{name}": float(value) for name, value in means.items() if "/beta" not in name}
        place = {"epoch": training.epoch_number, "epochs": training.epochs}
        training.monitor.eval(progress.step, progress.scalars, **place)
        ending: Ending | None = self._first(self._after_evaluation, progress.scalars)
        return ending

    def _finish_epoch(self) -> None:
        training, progress = self.training, self.training.progress
        scalars, place = {"time/epoch": progress.epoch_seconds, **progress.means()}, self._place()
        training.monitor.flush_deferred()
        training.monitor.write(progress.usage.record(progress.step))
        training.monitor.say(Kind.EPOCH, progress.step, scalars, **place)
        progress.next_epoch()
        for name, hook in self._at_epoch_end:
            with self._pause(name):
                hook(progress.epoch)

    def _go_back(self, decision: GoBack) -> None:
        training, left = self.training, self.training.step
        self.load(decision.folder)
        training.monitor.rewind(training.step)
        for part in training.parts.values():
            part.went_back(left, decision)

    def _asked_to_end(self) -> Ending | None:
        monitor, signal = self.training.monitor, self.training.stop_signal.received
        if (found := monitor.stop_reason) is not None:
            return Ending("stopped", f"anomaly policy {monitor.policy}: {found.fields['message']}")
        if signal:
            return Ending("preempted", f"{signal} received; saved at step {self.training.step}")
        return None

    def _first(self, hooks: list[tuple[str, Callable[..., Any]]], about: object) -> Any:
        """Call all hooks; the first decision that one of them gives."""
        first = None
        for name, hook in hooks:
            with self._pause(name):
                decision = hook(about)
            first = first or decision
        return first

    def _hooks(self, name: str) -> list[tuple[str, Callable[..., Any]]]:
        """This hook of the parts that have it; what is not overridden costs a step nothing."""
        inherited = getattr(Part, name)
        parts = self.training.parts.items()
        return [(key, getattr(part, name)) for key, part in parts if getattr(type(part), name) is not inherited]

    @contextmanager
    def _pause(self, kind: str) -> Iterator[None]:
        """Time that is not a step's own: kept out of the throughput, and known to the ETA as what recurs."""
        began = time.perf_counter()
        yield
        seconds = time.perf_counter() - began
        self._paused += seconds
        self.training.eta.overhead(seconds, kind)

    def _place(self) -> Mapping[str, Json]:
        training, progress = self.training, self.training.progress
        return {
            "epoch": training.epoch_number,
            "epochs": training.epochs,
            "batch": progress.batch,
            "batches": training.batches,
            "files": progress.usage.files,
            "augmented": progress.usage.augmented,
        }

    def _eta_fields(self) -> dict[str, Json]:
        estimate = self.training.eta.estimate()
        if estimate is None:
            return {"eta": None}
        return {"eta": round(estimate[0], 1), "eta_low": round(estimate[1], 1), "eta_high": round(estimate[2], 1)}
