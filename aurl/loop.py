"""The training loop: what happens in which order. It knows the Monitor and nothing of sinks."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aurl import checkpoint
from aurl.checkpointer import Checkpointer
from aurl.data.batch import Batch
from aurl.data.loader import TrainLoader
from aurl.data.module import MusicData
from aurl.data.usage import Usage
from aurl.early_stopping import EarlyStopping
from aurl.ending import Ending
from aurl.engine import Engine, explain_out_of_memory, rng_state, set_rng_state
from aurl.eta import Eta
from aurl.monitor import Monitor
from aurl.plan import Plan
from aurl.record import Json, Kind
from aurl.recovery import Recovery
from aurl.rescue import Rescue
from aurl.sampler import Sampler
from aurl.samples import SampleWriter
from aurl.signals import StopSignal
from aurl.system.throughput import Throughput


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
    ) -> None:
        self.engine, self.data, self.monitor, self.plan = engine, data, monitor, plan
        self.early_stopping, self.checkpointer = early_stopping, checkpointer
        self.sampler, self.writer, self.stop_signal = sampler, writer, stop_signal
        self.seed = seed
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
        self._sums: dict[str, Tensor] = {}
        self._epoch_steps = 0
        self._epoch_seconds = 0.0
        self._last_saved = 0
        self._resumed_at = 0.0  # when the last pause ended

    def run(self) -> Ending:
        """Train to the end; returns how it ended. Errors pass through, with everything before them recorded."""
        ending = None
        while ending is None and self.step < self.total_steps:
            ending = self._run_epoch()
        if ending is None and self.step >= self.total_steps:
            ending = Ending("done", f"all {self.total_steps} steps of the plan")
        assert ending is not None
        if ending.status != "stopped" and self.step and not self._is_saved():
            self._save("signal" if ending.status == "preempted" else "end")
        self.writer.drain()
        return ending

    def state_dict(self) -> dict[str, Any]:
        """Everything but tensors that a resumed run needs, as JSON values."""
        numpy_state = np.random.get_state(legacy=False)
        assert isinstance(numpy_state, dict)
        return {
            "step": self.step,
            "epoch": self.epoch,
            "batch": self.batch,
            "scalars": self.scalars,
            "sums": {name: float(value) for name, value in self._sums.items()},
            "epoch_steps": self._epoch_steps,
            "epoch_seconds": self._epoch_seconds,
            "usage": self.usage.state_dict(),
            "eta": self.eta.state_dict(),
            "early_stopping": self.early_stopping.state_dict(),
            "checkpoints": self.checkpointer.state_dict(),
            "detectors": self.monitor.state_dict(),
            "scaler": self.engine.scaler.state_dict(),
            "python_rng": random.getstate(),
            "numpy_rng": {**numpy_state, "state": {k: np.asarray(v).tolist() for k, v in numpy_state["state"].items()}},
            "recovery": self.rescue.recovery.state_dict() if self.rescue else None,
            "tokenizer": self.data.tokenizer.fingerprint,
        }

    def load(self, folder: Path) -> None:
        """Take up the run where this checkpoint left it.

        Raises:
            CheckpointError: the checkpoint is damaged or of another model.
        """
        tensors = rng_state() | self._gates()
        state = checkpoint.load(folder, self.engine.model, self.engine.optimizers, tensors)
        self.step, self.epoch, self.batch = state["step"], state["epoch"], state["batch"]
        self.scalars = {name: float("nan") if value is None else value for name, value in state["scalars"].items()}
        self._sums = {name: torch.tensor(value, dtype=torch.float64) for name, value in state["sums"].items()}
        self._epoch_steps, self._epoch_seconds = state["epoch_steps"], state["epoch_seconds"]
        self.usage.load_state_dict(state["usage"])
        self.eta.load_state_dict(state["eta"])
        self.early_stopping.load_state_dict(state["early_stopping"])
        self.checkpointer.load_state_dict(state["checkpoints"], folder.name, self.scalars)
        self.monitor.load_state_dict(state["detectors"])
        self.engine.scaler.load_state_dict(state["scaler"])
        if self.rescue and state["recovery"]:
            self.rescue.recovery.load_state_dict(state["recovery"])
            self.rescue.reseed()
        _restore_python_and_numpy(state)
        set_rng_state(tensors)

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
        with explain_out_of_memory(self.data.batch_size):
            tokens = [batch.to(self.engine.device).tokens for batch in group]
            metrics = self.engine.train_step(tokens, self.step, self.total_steps)
        self.step += 1
        self.batch += len(group)
        for batch in group:
            self.usage.add(batch.usage)
        self._add_up(metrics)
        now = time.perf_counter()
        self._epoch_seconds += now - started
        sequences = sum(len(batch.tokens) for batch in group)
        tokens_seen = sum(batch.usage.tokens for batch in group)
        self.throughput.update(now - started, waited, sequences, tokens_seen)
        self.eta.update(self.step, now)
        self.monitor.step(self.step, {**metrics, **self.throughput.scalars()}, **self._place(), **self._eta_fields())
        return now, metrics

    def _after_step(self) -> Ending | None:
        """Evaluation, samples, checkpoint where due; then whether the run ends here."""
        epoch_ends = self.batch >= len(self.loader)
        evaluated = self.plan.evaluates(self.step, epoch_ends) or self.step >= self.total_steps
        early = None
        if evaluated:
            with self._pause("evaluation"):
                early = self._evaluate()
        if epoch_ends:
            self._finish_epoch()
        if self.sampler.due(self.step, evaluated):
            with self._pause("samples"):
                self._sample()
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

    def _evaluate(self) -> str | None:
        """Write an EVAL record; the reason for early stopping, if there is one."""
        batches = self.data.eval_batches("validation", self.plan.eval_batches)
        with explain_out_of_memory(self.data.batch_size):
            means = self.engine.evaluate(batch.to(self.engine.device).tokens for batch in batches)
        self.scalars = {f"val/{name}": float(value) for name, value in means.items() if "/beta" not in name}
        self.monitor.eval(self.step, self.scalars, epoch=self._epoch_number(), epochs=self.epochs)
        return self.early_stopping.update(self.scalars)

    def _finish_epoch(self) -> None:
        means = {name: float(value) / max(1, self._epoch_steps) for name, value in self._sums.items()}
        place = self._place()
        self.monitor.flush_deferred()
        self.monitor.write(self.usage.record(self.step))
        self.monitor.say(Kind.EPOCH, self.step, {"time/epoch": self._epoch_seconds, **means}, **place)
        self._sums, self._epoch_steps, self._epoch_seconds = {}, 0, 0.0
        self.epoch += 1
        self.batch = 0

    def _sample(self) -> None:
        drawn = self.sampler.draw(
            self.engine.model, self.data.tokenizer, self.data.corpus.validation, self.data.seq_len
        )
        for slot, seed, mode, decoded in drawn:
            self.writer.submit(self.step, slot, decoded, seed=seed, mode=mode, epoch=self._epoch_number())

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
        fields |= {"metric": self.checkpointer.metric, "value": saved.value}
        self.monitor.say(Kind.CHECKPOINT, self.step, **fields)

    def _write_checkpoint(self, path: Path) -> None:
        checkpoint.save(path, self.engine.model, self.engine.optimizers, rng_state() | self._gates(), self.state_dict())

    def _gates(self) -> dict[str, Tensor]:
        gates = self.engine.gates
        return {
            f"gate.{phase}.{name}": value for phase, gate in gates.items() for name, value in gate.tensors().items()
        }

    def _is_saved(self) -> bool:
        return self._last_saved == self.step

    def _add_up(self, metrics: Mapping[str, Any]) -> None:
        self._epoch_steps += 1
        for name, value in metrics.items():
            if name.startswith("loss/"):
                self._sums[name] = self._sums[name] + value if name in self._sums else value.double()

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


def _restore_python_and_numpy(state: Mapping[str, Any]) -> None:
    version, values, gauss = state["python_rng"]
    random.setstate((version, tuple(values), gauss))
    numpy_state = dict(state["numpy_rng"])
    numpy_state["state"] = {
        "key": np.asarray(numpy_state["state"]["key"], np.uint32),
        "pos": numpy_state["state"]["pos"],
    }
    np.random.set_state(numpy_state)
