"""The training loop: what happens in which order. It knows the Monitor and nothing of sinks."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from torch import Tensor

from aurl.data.batch import Batch
from aurl.data.loader import TrainLoader
from aurl.data.module import MusicData
from aurl.data.usage import Usage
from aurl.machine.signals import StopSignal
from aurl.machine.throughput import Throughput
from aurl.monitor import Monitor
from aurl.quality.judge import QualityJudge
from aurl.record import Json, Kind
from aurl.train import state as loop_state
from aurl.train.checkpointer import Checkpointer
from aurl.train.early_stopping import EarlyStopping
from aurl.train.ending import Ending
from aurl.train.engine import Engine, explain_out_of_memory
from aurl.train.eta import Eta
from aurl.train.pictures.gallery import Gallery
from aurl.train.plan import Plan
from aurl.train.recovery import Recovery
from aurl.train.rescue import Rescue
from aurl.train.sampler import Sampler
from aurl.train.samples import SampleWriter


class Loop:
    """Trains one model to the end of its plan, or until a signal, an alert or early stopping ends it sooner.

    After a step come, in this order and where they are due: evaluation, samples, checkpoint. Evaluation and sampling
    draw nothing from the global generators, so a run that is resumed repeats the one that was not interrupted.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        data: MusicData,
        monitor: Monitor,
        plan: Plan,
        early_stopping: EarlyStopping,
        checkpointer: Checkpointer,
        sampler: Sampler,
        writer: SampleWriter,
        seed: int,
        stop_signal: StopSignal,
        recovery: Recovery | None = None,
        judge: QualityJudge | None = None,
        gallery: Gallery | None = None,
    ) -> None:
        self.engine, self.data, self.monitor, self.plan = engine, data, monitor, plan
        self.early_stopping, self.checkpointer = early_stopping, checkpointer
        self.sampler, self.writer, self.stop_signal = sampler, writer, stop_signal
        self.seed = seed
        self.judge = judge
        self.gallery = gallery
        self.rescue = Rescue(self, recovery) if recovery is not None else None
        self.moved = False  # a rollback has changed the place in the data
        self.loader: TrainLoader = data.train_loader(seed, engine.rank, engine.world)
        self.steps_per_epoch = -(-len(self.loader) // engine.accumulate)
        self.total_steps, self.epochs = plan.totals(self.steps_per_epoch)
        self.step = 0
        self.epoch = 0  # the one in progress, from 0
        self.batch = 0  # batches of it that are done
        self.scalars: dict[str, float] = {}  # of the last evaluation
        self.usage = Usage()
        self.throughput = Throughput()
        self.eta = Eta(self.total_steps)
        self.sums: dict[str, Tensor] = {}
        self.epoch_steps = 0
        self.epoch_seconds = 0.0
        self._last_saved = 0
        wanted = [*early_stopping.signs, *checkpointer.metrics]
        self._needs_quality = any(name.startswith("quality/") for name in wanted)
        self._resumed_at = 0.0  # when the last pause ended

    def run(self) -> Ending:
        """Train to the end; returns how it ended. Errors pass through, with everything before them recorded."""
        ending = None
        if self.step == 0:
            self._draw(0)
        while ending is None and self.step < self.total_steps:
            ending = self._run_epoch()
        if ending is None and self.step >= self.total_steps:
            ending = Ending("done", f"all {self.total_steps} steps of the plan")
        assert ending is not None
        if ending.status != "stopped" and self.step and not self._is_saved():
            self._save("signal" if ending.status == "preempted" else "end")
        self.writer.drain()
        if ending.status == "done":
            self._draw(self._evaluations(), last=True)
        return ending

    def load(self, folder: Path) -> None:
        """Take up the run where this checkpoint left it.

        Raises:
            CheckpointError: the checkpoint is damaged or of another model.
        """
        loop_state.restore(self, folder)

    def _run_epoch(self) -> Ending | None:
        if self.batch == 0:
            self.usage = Usage()
        self.moved = False
        batches = self.loader.epoch(self.epoch, self.batch)
        started = time.perf_counter()
        while group := list(islice(batches, self.engine.accumulate)):
            started, metrics = self._train_step(group, started)
            if ending := self.rescue.after_step(metrics) if self.rescue else None:
                return ending
            if not self.moved and (ending := self._after_step()):
                return ending
            if self.step >= self.total_steps or self.moved:
                break
            started = max(started, self._resumed_at)
        return None

    def _train_step(self, group: list[Batch], started: float) -> tuple[float, dict[str, Any]]:
        waited = time.perf_counter() - started
        if self.rescue:
            self.rescue.before_step()
        if self.gallery and self._evaluates(self.step + 1, self.batch + len(group)):
            self.gallery.before_step(self.engine, self.step, self._evaluations(1), self.step + 1 >= self.total_steps)
        with explain_out_of_memory(self.data.batch_size):
            tokens = [batch.to(self.engine.device).tokens for batch in group]
            metrics = self.engine.train_step(tokens, self.step, self.total_steps)
        self.step += 1
        self.batch += len(group)
        for batch in group:
            self.usage.add(batch.usage)
        self._add_up(metrics)
        now = time.perf_counter()
        self.epoch_seconds += now - started
        sequences = sum(len(batch.tokens) for batch in group)
        tokens_seen = sum(batch.usage.tokens for batch in group)
        self.throughput.update(now - started, waited, sequences, tokens_seen)
        self.eta.update(self.step, now)
        self.monitor.step(self.step, {**metrics, **self.throughput.scalars()}, **self._place(), **self._eta_fields())
        return now, metrics

    def _after_step(self) -> Ending | None:
        """Evaluation, samples, checkpoint where due; then whether the run ends here."""
        epoch_ends = self.batch >= len(self.loader)
        evaluated = self._evaluates(self.step, self.batch)
        if evaluated:
            with self._pause("evaluation"):
                self._evaluate()
            with self._pause("pictures"):
                self._draw(self._evaluations())
        if epoch_ends:
            self._finish_epoch()
        if self.sampler.due(self.step, evaluated):
            with self._pause("samples"):
                self._sample()
        early = self.early_stopping.update(self.scalars) if evaluated else None
        if self.checkpointer.due(self.step, evaluated):
            with self._pause("checkpoint"):
                self._save("epoch" if epoch_ends else "interval")
        return self._ending(early)

    @contextmanager
    def _pause(self, kind: str) -> Iterator[None]:
        """Time that is not a step's own: kept out of the throughput, and known to the ETA as what recurs."""
        began = time.perf_counter()
        yield
        self._resumed_at = time.perf_counter()
        self.eta.overhead(self._resumed_at - began, kind)

    def _ending(self, early: str | None) -> Ending | None:
        found = self.monitor.stop_reason
        if found is not None:
            return Ending("stopped", f"anomaly policy {self.monitor.policy}: {found.fields['message']}")
        if self.stop_signal.received:
            return Ending("preempted", f"{self.stop_signal.received} received; saved at step {self.step}")
        return Ending("done", f"early stopping: {early}") if early else None

    def _evaluate(self) -> None:
        batches = self.data.eval_batches("validation", self.plan.eval_batches)
        with explain_out_of_memory(self.data.batch_size):
            means = self.engine.evaluate(batch.to(self.engine.device).tokens for batch in batches)
        self.scalars = {f"val/{name}": float(value) for name, value in means.items() if "/beta" not in name}
        self.monitor.eval(self.step, self.scalars, epoch=self._epoch_number(), epochs=self.epochs)

    def _evaluates(self, step: int, batch: int) -> bool:
        """Whether an evaluation follows this step, after which `batch` batches of the epoch are done."""
        return self.plan.evaluates(step, batch >= len(self.loader)) or step >= self.total_steps

    def _evaluations(self, ahead: int = 0) -> int:
        """How many evaluations the run has had, this step's included, counted from its very start."""
        every = self.plan.eval_every or self.steps_per_epoch
        return max(1, -(-(self.step + ahead) // every))

    def _draw(self, number: int, last: bool = False) -> None:
        if self.gallery is not None:
            self.gallery.show(self.engine, self.data, self.step, number, last)

    def _finish_epoch(self) -> None:
        means = {name: float(value) / max(1, self.epoch_steps) for name, value in self.sums.items()}
        place = self._place()
        self.monitor.flush_deferred()
        self.monitor.write(self.usage.record(self.step))
        self.monitor.say(Kind.EPOCH, self.step, {"time/epoch": self.epoch_seconds, **means}, **place)
        self.sums, self.epoch_steps, self.epoch_seconds = {}, 0, 0.0
        self.epoch += 1
        self.batch = 0

    def _sample(self) -> None:
        drawn = self.sampler.draw(
            self.engine.model,
            self.data.tokenizer,
            self.data.corpus.validation,
            self.data.seq_len,
            self.data.bars,
            scoring=self.judge is not None,
        )
        for slot, seed, mode, decoded in drawn:
            keep = slot < self.sampler.count
            epoch = self._epoch_number()
            self.writer.submit(self.step, slot, decoded, seed=seed, mode=mode, epoch=epoch, keep=keep)
        self.writer.end_round(self.step)
        if self.judge is not None and self._needs_quality:
            self.writer.drain()  # the decision that follows wants the scores of these very samples
            self.scalars |= self.judge.latest

    def _save(self, reason: str) -> None:
        self.writer.drain()  # a checkpoint vouches for the samples before it
        self.monitor.flush_deferred()
        if not self.engine.weights_are_finite():
            self.monitor.note(
                f"checkpoint of step {self.step} not saved: the weights hold NaN or infinity; earlier ones are kept",
                level="error",
                module="checkpoint",
            )
            return
        try:
            saved = self.checkpointer.save(self.step, self.scalars, self._write_checkpoint)
        except OSError as error:
            self.monitor.note(
                f"checkpoint of step {self.step} not saved: {error}; training goes on, free space on the disk of "
                f"{self.checkpointer.folder}",
                level="critical",
                module="checkpoint",
            )
            return
        self._last_saved = self.step
        place = saved.path.relative_to(self.monitor.run.path).as_posix()
        fields: dict[str, Json] = {"path": place, "best": saved.best, "reason": reason}
        fields |= {"metric": self.checkpointer.formula, "value": saved.value}
        self.monitor.say(Kind.CHECKPOINT, self.step, **fields)

    def _write_checkpoint(self, path: Path) -> None:
        loop_state.save(self, path)

    def _is_saved(self) -> bool:
        return self._last_saved == self.step

    def _add_up(self, metrics: Mapping[str, Any]) -> None:
        self.epoch_steps += 1
        for name, value in metrics.items():
            if name.startswith("loss/"):
                self.sums[name] = self.sums[name] + value if name in self.sums else value.double()

    def _place(self) -> dict[str, Json]:
        return {
            "epoch": self._epoch_number(),
            "epochs": self.epochs,
            "batch": self.batch,
            "batches": len(self.loader),
            "files": self.usage.files,
            "augmented": self.usage.augmented,
        }

    def _epoch_number(self) -> int:
        """The epoch that the last step belongs to, from 1."""
        return max(1, -(-self.step // self.steps_per_epoch))

    def _eta_fields(self) -> dict[str, Json]:
        estimate = self.eta.estimate()
        if estimate is None:
            return {"eta": None}
        return {"eta": round(estimate[0], 1), "eta_low": round(estimate[1], 1), "eta_high": round(estimate[2], 1)}
