"""Generated pieces on disk: MIDI, picture and sound are made on a thread of their own, never on the training thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from queue import Empty, Queue
from threading import Thread
from typing import TYPE_CHECKING, TypeAlias

from aurl.errors import ConfigError
from aurl.music.audio import open_synthesizer, write_audio
from aurl.music.midi_writer import write_midi
from aurl.music.notes import Notes
from aurl.record import Json, Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.show.pianoroll import write_piano_roll

if TYPE_CHECKING:
    from pathlib import Path

    from aurl.music.synthesizers import Synthesizer
    from aurl.music.tokens import Decoded

Observer: TypeAlias = Callable[[Record, Notes], None]
"""Called with the SAMPLE record and the notes of every sample, also of those that are not kept."""

_ADVICE = {
    ".mid": "Check the disk's free space and the folder's permissions.",
    ".png": "sample.image=false turns pictures off.",
    ".wav": "sample.audio=false turns sound off.",
}


@dataclass(frozen=True, slots=True)
class _Job:
    step: int
    slot: int
    decoded: Decoded
    seed: int
    mode: str
    epoch: int | None
    keep: bool

    def file(self, suffix: str) -> str:
        return f"samples/{self.step:06d}_{self.slot}{suffix}"


class SampleWriter:
    """Writes samples/<step>_<slot>.mid, .png and .wav, and announces each sample by a SAMPLE record.

    A file that cannot be made is null in the record, and a NOTE record of level warning says why; the run goes on.

    Args:
        run: where the files go.
        write: takes the records, on the writer's thread. What it raises is raised again by the next call here.
        image: whether to draw piano rolls.
        audio: whether to make audio previews.
        audio_seconds: length of the longest preview.
        queue_size: how many samples may wait before `submit` blocks.
        on_sample: called on the writer's thread after the record of each sample, also where files are missing.
        on_round: called on the writer's thread with the step, when all samples of that step are done.

    Raises:
        ConfigError: `audio_seconds` or `queue_size` is not positive.
    """

    def __init__(
        self,
        run: RunDirectory,
        write: Callable[[Record], None],
        *,
        image: bool = True,
        audio: bool = True,
        audio_seconds: float = 30.0,
        queue_size: int = 64,
        on_sample: Sequence[Observer] = (),
        on_round: Sequence[Callable[[int], None]] = (),
    ) -> None:
        if not audio_seconds > 0:
            raise ConfigError(f"sample.audio_seconds={audio_seconds}: needs to be positive; sample.audio=false is off.")
        if queue_size < 1:
            raise ConfigError(f"sample.queue_size={queue_size}: needs at least 1.")
        self._run = run
        self._write = write
        self._image = image
        self._audio = audio
        self._audio_seconds = audio_seconds
        self._on_sample = tuple(on_sample)
        self._on_round = tuple(on_round)
        self._synthesizer: Synthesizer | None = None
        self._failure: Exception | None = None
        self._closed = False
        self._jobs: Queue[_Job | int | None] = Queue(queue_size)
        self._thread = Thread(target=self._work, name="aurl-samples", daemon=True)
        self._thread.start()

    def submit(
        self,
        step: int,
        slot: int,
        decoded: Decoded,
        *,
        seed: int,
        mode: str,
        epoch: int | None = None,
        keep: bool = True,
    ) -> None:
        """Queue one sample; blocks while the queue is full.

        Args:
            step: optimiser steps finished when it was generated.
            slot: its number among the samples of this step.
            decoded: its notes, and how many of its tokens were invalid.
            seed: the seed that generates it again.
            mode: how it was generated: "prior", "continuation", ...
            epoch: 1-based epoch, where there is one.
            keep: write and announce it; otherwise only the observers see it.

        Raises:
            RuntimeError: the writer has been closed.
            Exception: what `write` raised for an earlier sample.
        """
        if self._closed:
            raise RuntimeError(f"sample {slot} of step {step} came after SampleWriter.close()")
        self._raise_failure()
        self._jobs.put(_Job(step, slot, decoded, seed, mode, epoch, keep))

    def end_round(self, step: int) -> None:
        """All samples of this step are submitted: `on_round` follows the last of them."""
        self._raise_failure()
        self._jobs.put(step)

    def drain(self, timeout: float | None = None) -> bool:
        """Wait until every submitted sample is written and announced, at most `timeout` seconds; whether it is so.

        Raises:
            Exception: what `write` raised for an earlier sample.
        """
        finished = self._jobs.all_tasks_done
        with finished:
            done = finished.wait_for(lambda: not self._jobs.unfinished_tasks, timeout)
        self._raise_failure()
        return done

    def abandon(self) -> int:
        """Leave out what was submitted and not begun; how many samples that are."""
        left = 0
        while True:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return left
            left += isinstance(job, _Job)
            self._jobs.task_done()

    def close(self) -> None:
        """Finish what was submitted and end the thread; a second call does nothing.

        Raises:
            Exception: what `write` raised for an earlier sample.
        """
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            self._thread.join()
            self._raise_failure()

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                if self._failure is None:
                    self._finish_round(job) if isinstance(job, int) else self._finish(job)
            except Exception as error:  # noqa: BLE001 - kept, and raised on the training thread by the next call
                self._failure = error
            finally:
                self._jobs.task_done()
        self._jobs.task_done()

    def _finish(self, job: _Job) -> None:
        notes = job.decoded.notes
        if not job.keep:
            self._show(_announce(job, None, None, None), notes)
            return
        path = self._make(job, ".mid", lambda target: write_midi(notes, target))
        image = self._make(job, ".png", lambda target: write_piano_roll(notes, target)) if self._image else None
        audio = self._make(job, ".wav", lambda target: self._play(notes, target)) if self._audio else None
        record = _announce(job, path, image, audio)
        self._write(record)
        self._show(record, notes)

    def _show(self, record: Record, notes: Notes) -> None:
        for observer in self._on_sample:
            self._observe(lambda observer=observer: observer(record, notes), observer, record.step)  # type: ignore[misc]

    def _finish_round(self, step: int) -> None:
        for observer in self._on_round:
            self._observe(lambda observer=observer: observer(step), observer, step)  # type: ignore[misc]

    def _make(self, job: _Job, suffix: str, make: Callable[[Path], None]) -> str | None:
        """Make one file; its path relative to the run, or None where that failed."""
        name = job.file(suffix)
        try:
            make(self._run.path / name)
        except Exception as error:  # noqa: BLE001 - a failing picture must not stop a run of days
            self._warn(job.step, f"{name} was not written: {_reason(error)}. The run goes on. {_ADVICE[suffix]}")
            return None
        return name

    def _play(self, notes: Notes, target: Path) -> None:
        synthesizer, self._synthesizer = self._synthesizer or open_synthesizer(), None
        write_audio(notes, target, seconds=self._audio_seconds, synthesizer=synthesizer)
        self._synthesizer = synthesizer  # kept only after success: one that failed may still be sounding

    def _observe(self, call: Callable[[], None], observer: object, step: int) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - like a picture, a score that fails must not stop a run
            self._warn(step, f"{observer!r} failed on a sample of step {step}: {_reason(error)}. The run goes on.")

    def _warn(self, step: int, message: str) -> None:
        fields = {"message": message, "level": "warning", "module": "samples"}
        self._write(Record(Kind.NOTE, step, fields=fields, time=time.time()))


def _announce(job: _Job, path: str | None, image: str | None, audio: str | None) -> Record:
    """The SAMPLE record; a sample of no tokens counts as all valid."""
    notes, invalid, total = job.decoded.notes, job.decoded.invalid, job.decoded.total
    scalars = {
        "sample/notes": float(len(notes)),
        "sample/bars": float(notes.bars),
        "sample/valid_tokens": 1.0 - invalid / max(total, 1),
        "sample/seconds": notes.seconds,
    }
    fields: dict[str, Json] = {"path": path, "image": image, "audio": audio}
    fields |= {"digest": _digest(notes), "slot": job.slot, "seed": job.seed, "mode": job.mode}
    fields |= {"invalid_tokens": invalid, "tokens": total}
    if job.epoch is not None:
        fields["epoch"] = job.epoch
    return Record(Kind.SAMPLE, job.step, scalars, fields, time.time())


def _digest(notes: Notes) -> str:
    """Equal for equal pitches at equal times, so that samples that are alike can be told without their files."""
    return blake2b(notes.pitch.tobytes() + notes.onset.tobytes(), digest_size=8).hexdigest()


def _reason(error: Exception) -> str:
    """The error as one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
