"""How fast lint reads what loops print.

    python benchmarks/printed_logs.py [--megabytes 10]

Makes four logs (nanoGPT's lines; transformers' dictionaries between progress bars; fairseq's long lines; nanoGPT's
lines between others of which no two are alike), and times the reading, the two passes over what was kept, and the
memory at its peak. CPU seconds of one core, detectors not included.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from aurl.lint.log import TableLog
from aurl.lint.readers.printed_log import PrintedLog


def nanogpt(at: int, noise: random.Random) -> str:
    return f"iter {at * 10}: loss {3 + noise.random():.4f}, time {260 + noise.random() * 5:.2f}ms, mfu 8.9%\n"


def transformers(at: int, noise: random.Random) -> str:
    told = f"{{'loss': {2 + noise.random():.4f}, 'grad_norm': {noise.random():.6f}, 'epoch': {at / 1000:.2f}}}\n"
    bar = "\u2588" * (at % 10)
    return f"{told} {at % 100}%|{bar:10}| {at}/100000 [00:{at % 60:02d}<10:00, {9 + noise.random():.2f}it/s]\r"


def fairseq(at: int, noise: random.Random) -> str:
    when = f"2024-01-01 12:{at // 60 % 60:02d}:{at % 60:02d}"
    return (
        f"{when} | INFO | train_inner | epoch {at // 1000 + 1:03d}: {at % 1000:6d} / 1000 "
        f"loss={5 + noise.random():.3f}, nll_loss={4 + noise.random():.3f}, ppl=100.2, wps=12345, ups=3.1, wpb=3900.2, "
        f"bsz=128, num_updates={at}, lr=1.25e-05, gnorm={noise.random():.3f}, clip=0, wall={at}\n"
    )


def noisy(at: int, noise: random.Random) -> str:
    if at % 3 == 0:
        return nanogpt(at, noise)
    return f"[W] s_{noise.randrange(10**9):x}.jpg from /data/{noise.randrange(10**6)}/x took {noise.random():.3f} s\n"


def timed(made: Callable[[], Iterable[object] | object]) -> tuple[float, object]:
    begin = time.process_time()
    result = made()
    return time.process_time() - begin, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=10.0)
    size = int(parser.parse_args().megabytes * 1e6)
    with tempfile.TemporaryDirectory() as folder:
        for line in (nanogpt, transformers, fairseq, noisy):
            path = Path(folder) / f"{line.__name__}.log"
            noise, written, at = random.Random(0), 0, 0
            with path.open("w", encoding="utf-8") as file:
                while written < size:
                    written += file.write(line(at, noise))
                    at += 1
            megabytes = path.stat().st_size / 1e6
            reading, source = timed(lambda path=path: PrintedLog(path, "utf-8"))  # type: ignore[misc]
            assert isinstance(source, PrintedLog)
            passes, count = timed(lambda source=source: sum(1 for _ in TableLog(source, {}).records()))  # type: ignore[misc]
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
            print(
                f"{path.stem:13} {megabytes:5.1f} MB: read at {megabytes / reading:5.1f} MB/s ({reading:.2f} s), "
                f"{count} records in {passes:.2f} s, {peak:.0f} MB of memory"
            )


if __name__ == "__main__":
    main()
