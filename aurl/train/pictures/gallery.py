"""The pictures of one run: made when due, announced by records, and switched off where they fail."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from aurl.data.module import MusicData
from aurl.machine.files import replace_file
from aurl.record import Json, Kind
from aurl.train.ending import Ending
from aurl.train.engine import Engine, rng_state, set_rng_state
from aurl.train.part import Part, Training
from aurl.train.pictures.base import Picture


class Gallery(Part):
    """Draws pictures into `artifacts/` and announces each by a NOTE record that names its files.

    A picture that raises does not stop the run: a NOTE of level warning says why, and it is drawn no more. Weights,
    buffers and random generators are left as they were, so a run with pictures trains as one without.

    Args:
        pictures: by name.
    """

    def __init__(self, pictures: Mapping[str, Picture]) -> None:
        self._pictures = dict(pictures)
        self._drawn: tuple[int, set[str]] = (-1, set())  # a step, and what was drawn at it

    def open(self, folder: Path, say: Callable[..., None]) -> None:
        """Draw into this run directory.

        Args:
            say: writes a record of a kind, at a step, with these fields; `Monitor.say`.
        """
        self._folder, self._say = folder, say

    def begin(self, training: Training) -> None:
        super().begin(training)
        self.open(training.run.path, training.monitor.say)

    def at_start(self) -> None:
        if self.training.step == 0:
            self._show(0)

    def before_step(self, batches: int) -> None:
        training, step = self.training, self.training.step
        if training.evaluates(step + 1, training.progress.batch + batches):
            self.prepare(training.engine, step, training.evaluations(1), step + 1 >= training.total_steps)

    def after_evaluation(self, scalars: dict[str, float]) -> None:
        self._show(self.training.evaluations())

    def at_end(self, ending: Ending) -> None:
        if ending.status == "done":
            self._show(self.training.evaluations(), last=True)

    def prepare(self, engine: Engine, step: int, number: int, last: bool) -> None:
        """The step after `step` ends with evaluation `number`; `last`: it is the last one of the plan."""
        for name, picture in list(self._pictures.items()):
            if picture.wanted(number, last):
                with self._guarded(name, step):
                    picture.before_step(engine)

    def show(self, engine: Engine, data: MusicData, step: int, number: int, last: bool = False) -> None:
        """Draw what is wanted after `step`, at evaluation `number`, and was not drawn there before.

        Args:
            number: 0 at the start of the run.
            last: whether no step follows.
        """
        if self._drawn[0] != step:
            self._drawn = (step, set())
        for name, picture in list(self._pictures.items()):
            if self._is_asked_to_end():
                return  # not inside of a drawing: some move weights, and put them back
            if name not in self._drawn[1] and picture.wanted(number, last):
                self._drawn[1].add(name)
                with self._guarded(name, step), _undisturbed(engine):
                    self._draw(picture, engine, data, step)

    def _show(self, number: int, last: bool = False) -> None:
        with self.training.evaluating():
            self.show(self.training.engine, self.training.data, self.training.step, number, last)

    def _is_asked_to_end(self) -> bool:
        training = getattr(self, "training", None)
        return training is not None and training.stop_signal.received is not None

    def _draw(self, picture: Picture, engine: Engine, data: MusicData, step: int) -> None:
        began = time.perf_counter()
        drawn = picture.draw(engine, data)
        names = {suffix: f"artifacts/{step:06d}_{picture.name}{suffix}" for suffix in drawn.files}
        for suffix, content in drawn.files.items():
            replace_file(self._folder / names[suffix], content)
        [path, *images] = names.values()
        artifact: dict[str, Json] = {"type": picture.name, "path": path, "image": images[0] if images else None}
        message = f"{picture.name}: {path} ({time.perf_counter() - began:.1f} s)"
        self._note(step, message, "debug", artifact={**artifact, **drawn.fields})

    @contextmanager
    def _guarded(self, name: str, step: int) -> Iterator[None]:
        """Keep a failure from the training."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  a picture must not end a run of days; it is recorded and switched off
            del self._pictures[name]
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
            self._note(step, f"picture {name} failed: {reason}. It is switched off, the run goes on", "warning")

    def _note(self, step: int, message: str, level: str, **fields: Json) -> None:
        self._say(Kind.NOTE, step, message=message, level=level, module="pictures", **fields)


@contextmanager
def _undisturbed(engine: Engine) -> Iterator[None]:
    """Whatever happens inside, random generators and the model's mode are as before afterwards."""
    training, tensors, python, arrays = engine.model.training, rng_state(), random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        engine.model.train(training)
        set_rng_state(tensors)
        random.setstate(python)
        np.random.set_state(arrays)
