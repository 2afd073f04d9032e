"""CPU time of aurl's TensorBoard sink beside torch's SummaryWriter, for the same content.

    python -m benchmarks.tensorboard_cost
    python -m benchmarks.tensorboard_cost --quick

Each measurement runs in a process of its own and counts the CPU time of all its threads, from the first record to the
end of closing; imports and opening are not counted. The two take turns. Of histograms aurl's part is everything, from
the tensors on: counting, the .npz file, reading it again. Pictures and sounds are files already when a record names
them, as samples are; SummaryWriter is given the decoded pixels and samples, which is what its interface takes.
"""

from __future__ import annotations

import argparse
import wave
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np
import torch
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from aurl.music.audio import wav_bytes
from aurl.music.notes import Notes
from aurl.record import Json, Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.show.pianoroll import write_piano_roll
from aurl.sinks.tensorboard.sink import TensorBoardSink
from aurl.train.pictures.base import npz
from aurl.train.pictures.histograms import measure
from benchmarks.measure import cpu_seconds, in_child, machine, spread, table
from benchmarks.monitor_cost import NAMES

Side: TypeAlias = Callable[[Path, int], float]
"""Writes so many rounds of something into a folder; the CPU seconds it took."""

NOON = 1_790_000_000.0
SHAPES = ((256, 256),) * 20 + ((768, 256),) * 6 + ((256,),) * 20
"""Parameters of a model of 2.5 million weights."""


def scalars_ours(folder: Path, rounds: int) -> float:
    values = list(_values(rounds))
    return _fed(folder, (Record(Kind.STEP, step, each, {}, NOON + step) for step, each in enumerate(values, 1)))


def scalars_theirs(folder: Path, rounds: int) -> float:
    values, writer = list(_values(rounds)), SummaryWriter(folder)
    began = cpu_seconds()
    for step, each in enumerate(values, 1):
        for name, value in each.items():
            writer.add_scalar(name, value, step)
    writer.close()
    return cpu_seconds() - began


def histograms_ours(folder: Path, rounds: int) -> float:
    tensors = _tensors()

    def records() -> Iterator[Record]:
        for step in range(1, rounds + 1):
            found = [measure(tensor) for tensor in tensors.values()]
            content = npz(
                names=np.array(list(tensors)),
                offsets=np.cumsum([0, *(len(each.limits) for each in found)]),
                limits=np.concatenate([each.limits for each in found]),
                counts=np.concatenate([each.counts for each in found]),
                stats=np.array([each.stats for each in found]),
            )
            (folder / f"{step}.npz").write_bytes(content)
            yield Record(Kind.NOTE, step, {}, {"artifact": {"type": "histograms", "path": f"{step}.npz"}}, NOON + step)

    return _fed(folder, records())


def histograms_theirs(folder: Path, rounds: int) -> float:
    tensors, writer = _tensors(), SummaryWriter(folder)
    began = cpu_seconds()
    for step in range(1, rounds + 1):
        for name, tensor in tensors.items():
            writer.add_histogram(name, tensor, step)
    writer.close()
    return cpu_seconds() - began


def samples_ours(folder: Path, rounds: int) -> float:
    _sample_files(folder)
    fields: dict[str, Json] = {"image": "roll.png", "audio": "sound.wav", "slot": 0}
    return _fed(folder, (Record(Kind.SAMPLE, step, {}, fields, NOON + step) for step in range(1, rounds + 1)))


def samples_theirs(folder: Path, rounds: int) -> float:
    _sample_files(folder)
    pixels = np.asarray(Image.open(folder / "roll.png").convert("RGB"))
    with wave.open(str(folder / "sound.wav")) as file:
        sound = torch.from_numpy(np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768.0)
    writer = SummaryWriter(folder)
    began = cpu_seconds()
    for step in range(1, rounds + 1):
        writer.add_image("roll", pixels, step, dataformats="HWC")
        writer.add_audio("sound", sound, step, sample_rate=22050)
    writer.close()
    return cpu_seconds() - began


CONTENTS: dict[str, tuple[int, Side, Side]] = {
    "steps of 12 scalars": (20_000, scalars_ours, scalars_theirs),
    "histograms of 46 parameters": (20, histograms_ours, histograms_theirs),
    "piano rolls and 10 s of sound": (40, samples_ours, samples_theirs),
}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.tensorboard_cost")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round of a tenth of the content")
    options = parser.parse_args(argv)
    rounds, part = (1, 10) if options.quick else (options.rounds, 1)
    torch.set_num_threads(1)
    print(f"before: {machine()}")
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with TemporaryDirectory(prefix="aurl-tensorboard-") as home:
        for number in range(rounds):
            for name, (count, *sides) in CONTENTS.items():
                homes = [Path(home, f"{number}-{name}-{place}") for place in range(len(sides))]
                ours, theirs = (_spent(*pair, count // part) for pair in zip(sides, homes, strict=True))
                found[name].append((ours, theirs))
    print(f"after: {machine()}, {rounds} rounds\n")
    print(cost_table(found, part))


def cost_table(found: dict[str, list[tuple[float, float]]], part: int) -> str:
    """A row for each content, and their sum: CPU seconds of both, and the ratio in each round."""
    named = {f"{CONTENTS[name][0] // part} {name}": pairs for name, pairs in found.items()}
    together = list(zip(*found.values(), strict=True))
    named["all"] = [(sum(ours for ours, _ in each), sum(theirs for _, theirs in each)) for each in together]
    rows = []
    for name, pairs in named.items():
        ours, theirs = zip(*pairs, strict=True)
        ratios = [mine / yours for mine, yours in pairs]
        rows.append([name, spread(ours, ".2f"), spread(theirs, ".2f"), spread(ratios, ".3f")])
    head = ["content", "aurl", "SummaryWriter", "ratio"]
    return table("CPU seconds of the process: median over the rounds, and range", head, rows)


def _spent(side: Side, folder: Path, rounds: int) -> float:
    folder.mkdir()
    return in_child(lambda: side(folder, rounds), folder / "output.txt")


def _fed(folder: Path, records: Iterator[Record]) -> float:
    """A sink's CPU seconds for these records, flushed as often as the Monitor's thread does, and more."""
    run = RunDirectory(folder)
    run.create()
    sink = TensorBoardSink()
    sink.open(run)
    began = cpu_seconds()
    for number, record in enumerate(records):
        sink.write(record)
        if number % 50 == 0:
            sink.flush()
    sink.close()
    return cpu_seconds() - began


def _values(steps: int) -> Iterator[dict[str, float]]:
    for row in np.random.default_rng(0).standard_normal((steps, len(NAMES))).tolist():
        yield dict(zip(NAMES, row, strict=True))


def _tensors() -> dict[str, Any]:
    torch.manual_seed(0)
    return {f"weights/{number}": torch.randn(shape) * 0.02 for number, shape in enumerate(SHAPES)}


def _sample_files(folder: Path) -> None:
    pitches = np.random.default_rng(0).integers(48, 80, 64)
    write_piano_roll(Notes.build(np.arange(64) * 6, [12] * 64, pitches), folder / "roll.png")
    sound = np.sin(np.arange(220_500) / 30).astype(np.float32)
    (folder / "sound.wav").write_bytes(wav_bytes(sound, 22050))


if __name__ == "__main__":
    main()
