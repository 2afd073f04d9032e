"""How fast the dashboard shows long runs and many runs, beside TensorBoard on the same data, in a real Chromium.

    python -m benchmarks.dashboard --folder FOLDER            # FOLDER keeps the data, some 900 MB, for the next time
    python -m benchmarks.dashboard --folder FOLDER --quick    # a tenth of the steps and of the runs
    python -m benchmarks.dashboard --folder FOLDER --parts long,live

It needs Debian's chromium and Playwright. Times are of the page's own clock, from the click to the frame in which the
last chart is on the screen. Parts: `long` one run of 12 scalars x 1,000,000 steps; `live` from written to painted;
`list` 1,000 runs; `overlay` 50 runs on 12 charts; `browsers` 50 open streams; `training` the step time with and without
a dashboard that reads; `peer` TensorBoard on the long run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.request import urlopen

import orjson

from aurl.dashboard.store.packing import unpack_binary
from aurl.record import Kind, Record
from aurl.runs.eventlog import EventLog, read_records
from benchmarks.dashboard_data import NAMES, SPIKE, SPIKES, begin, curves, long_run, many_runs
from benchmarks.dashboard_parts import (
    Browser,
    Server,
    aurl_server,
    browser,
    tensorboard_server,
    wait_until_read,
)
from benchmarks.measure import machine, percentile, spread, table

if TYPE_CHECKING:
    from playwright.sync_api import Response

Rows = list[tuple[str, str, str]]
_CHARTS = f"Object.keys(window.__painted).length >= {len(NAMES)} && window.__charts.length >= {len(NAMES)}"
_PORT_OF_PEER = 6206


def main(argv: Sequence[str] | None = None) -> None:
    options = _options(argv)
    folder = options.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    steps, runs = (100_000, 100) if options.quick else (1_000_000, 1000)
    print(f"before: {machine()}", flush=True)
    rows: Rows = []
    for part in options.parts:
        rows += _PARTS[part](folder / ("quick" if options.quick else "full"), steps, runs)
        print(f"{part}: {machine()}", flush=True)
    print()
    print(table("The dashboard", ["measured", "here", "aim"], rows))


def measure_long(folder: Path, steps: int, runs: int) -> Rows:
    """One long run: reading it, painting it, zooming into it."""
    long_run(folder / "long" / "run", steps, peers=folder / "peer" / "run")
    cache = folder / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    with aurl_server(folder / "long", cache) as server:
        key = server.json("/api/runs")["runs"][0]["key"]
        cold = wait_until_read(server, key)
        painted, zoomed, spikes, heap, errors = [], [], 0, 0.0, 0
        answers: list[Response] = []
        for _ in range(3):
            answers.clear()
            with browser() as chromium:
                chromium.page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108  - it sets attributes on it
                painted.append(_click_through(chromium, server, key))
                spikes = _spikes_in(answers)
                zoomed += [_zoom(chromium, steps * share) for share in (0.2, 0.5, 0.8)]
                heap, errors = max(heap, chromium.heap_mb()), errors + len(chromium.errors)
        memory, highest = server.memory_mb(), server.memory_mb("VmHWM")
    with aurl_server(folder / "long", cache) as server:
        warm = wait_until_read(server, key)
    size = (folder / "long" / "run" / "events" / "records.jsonl").stat().st_size / 2**20
    return [
        (f"12 charts of {steps:,} steps painted after the click", f"{spread(painted, '.2f')} s", "1.5 s"),
        ("zoom: refetched and painted", f"{spread([1000 * one for one in zoomed], '.0f')} ms", "300 ms"),
        (f"injected one-step spikes shown, of {SPIKES}", str(spikes), "48"),
        ("memory of the server, then and at its highest", f"{memory:.0f} MB, {highest:.0f} MB", "300 MB"),
        ("JavaScript heap", f"{heap:.0f} MB", "50 MB"),
        (f"log of {size:.0f} MB read, from the start of the server", f"{cold:.1f} s", ""),
        ("the same when it was read before", f"{warm:.1f} s", ""),
        ("errors in the browser's console", str(errors), "0"),
    ]


def measure_live(folder: Path, steps: int, runs: int) -> Rows:
    """From a record's write to its frame, and what an idle page costs."""
    long_run(folder / "long" / "run", steps, peers=folder / "peer" / "run")
    delays: list[float] = []
    with TemporaryDirectory(prefix="aurl-live-") as scratch:
        run = Path(scratch) / "outputs" / "live"
        sink = begin(run)
        log = EventLog(run / "events" / "records.jsonl")
        _write_steps(log, curves(2000, seed=3, spikes=0).tolist())
        with aurl_server(run.parent, Path(scratch) / "cache") as server, browser() as chromium:
            key = server.json("/api/runs")["runs"][0]["key"]
            _click_through(chromium, server, key)
            chromium.page.evaluate(_NOTE_PAINTS)
            time.sleep(1)
            written = {}
            for number, row in enumerate(curves(60, seed=4, spikes=0).tolist(), 2001):
                written[number] = time.time()
                _write_steps(log, [row], number)
                sink.flush()
                time.sleep(0.33)
            time.sleep(1)
            seen = chromium.page.evaluate("window.__seen")
            delays = [seen[str(step)] / 1000 - moment for step, moment in written.items() if str(step) in seen]
            sink.write(Record(Kind.END, 2060, fields={"status": "done"}, time=time.time()))
            sink.close()
            log.close()
            chromium.page.wait_for_timeout(5000)  # it counts bytes only while Playwright is at work
            before, cpu_before = chromium.bytes, server.cpu_seconds()
            chromium.page.wait_for_timeout(20_000)
            idle = (chromium.bytes - before) / 20
            cpu = (server.cpu_seconds() - cpu_before) / 20
    p50, p95 = median(delays), percentile(delays, 0.95)
    return [
        (f"written to painted, p50 and p95 of {len(delays)}", f"{p50:.2f} s, {p95:.2f} s", "p95 0.5 s"),
        ("traffic of a page at rest", f"{idle / 1000:.2f} KB/s", "2 KB/s"),
        ("the server's CPU meanwhile", f"{cpu:.1%} of a core", ""),
    ]


def measure_list(folder: Path, steps: int, runs: int) -> Rows:
    """The table of many runs, on a cold and on a warm server, and what a look at all of them costs."""
    many_runs(folder / "many", runs, 200)
    first = "document.querySelectorAll('tbody tr').length > 0 && window.__ready"
    cold, warm, ticks = [], [], []
    for _ in range(3):
        cache = folder / "cache-list"
        shutil.rmtree(cache, ignore_errors=True)
        with aurl_server(folder / "many", cache) as server, browser() as chromium:
            chromium.page.goto("about:blank")
            cold.append(_load(chromium, server.url, first))
            warm += [_load(chromium, server.url, first) for _ in range(3)]
            time.sleep(3.5)
            for _ in range(5):
                time.sleep(1.1)
                ticks.append(float(server.json("/api/status")["tick_ms"]))
    return [
        (f"table of {runs:,} runs painted, first visit", f"{spread(cold, '.2f')} s", "1.5 s"),
        ("again", f"{spread(warm, '.2f')} s", "0.3 s"),
        (f"a look at all {runs:,} runs", f"{spread(ticks, '.1f')} ms of CPU", "10 ms"),
    ]


def measure_overlay(folder: Path, steps: int, runs: int) -> Rows:
    """Fifty runs in each of 12 charts."""
    many_runs(folder / "fifty", 50, 2000)
    painted = []
    with aurl_server(folder / "fifty", folder / "cache-fifty") as server:
        keys = [row["key"] for row in server.json("/api/runs")["runs"]]
        for _ in range(3):
            with browser() as chromium:
                chromium.page.goto(server.url)
                chromium.page.evaluate("() => __when(() => window.__ready)")  # wait_for_function would break the CSP
                query = "&".join(f"run={key}" for key in keys)
                act = f"location.hash = '#/compare?bands=0&{query}'"
                painted.append(chromium.seconds_until(act, _CHARTS))
                heap = chromium.heap_mb()
    return [
        ("50 runs x 12 charts of 2,000 steps painted", f"{spread(painted, '.2f')} s", "1 s"),
        ("JavaScript heap then", f"{heap:.0f} MB", "50 MB"),
    ]


def measure_browsers(folder: Path, steps: int, runs: int) -> Rows:
    """Fifty open streams on one run: when the last of them has a point."""
    slowest = []
    with TemporaryDirectory(prefix="aurl-browsers-") as scratch:
        run = Path(scratch) / "outputs" / "live"
        begin(run)
        log = EventLog(run / "events" / "records.jsonl")
        _write_steps(log, curves(100, seed=5, spikes=0).tolist())
        with aurl_server(run.parent, Path(scratch) / "cache") as server:
            key = server.json("/api/runs")["runs"][0]["key"]
            arrivals: list[float] = []
            for _ in range(50):
                threading.Thread(target=_listen, args=(server, key, arrivals), daemon=True).start()
            while server.json("/api/status")["clients"] < 50:
                time.sleep(0.1)
            time.sleep(1)
            for number, row in enumerate(curves(10, seed=6, spikes=0).tolist(), 101):
                arrivals.clear()
                moment = time.time()
                _write_steps(log, [row], number)
                while len(arrivals) < 50 and time.time() < moment + 10:
                    time.sleep(0.01)
                slowest.append(max(arrivals) - moment if len(arrivals) >= 50 else float("inf"))
    return [("50 streams: the last has a new point after", f"{spread(slowest, '.2f')} s", "2 s")]


def measure_training(folder: Path, steps: int, runs: int) -> Rows:
    """Step times of one training, while a dashboard with an open page reads it and while both stand still."""
    with TemporaryDirectory(prefix="aurl-training-") as scratch:
        outputs = Path(scratch) / "outputs"
        command = [sys.executable, "-m", "aurl", "train", "experiment=quick", "trainer.steps=null", "trainer.epochs=60"]
        command += [f"paths.outputs='{outputs}'", "logging=[]", "sample=off", "trainer.eval_every=null"]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        with aurl_server(outputs, Path(scratch) / "cache") as server:
            training = subprocess.Popen(command, env=environment, **silent)  # type: ignore[call-overload]
            try:
                while not (found := server.json("/api/runs")["runs"]) or found[0]["step"] < 20:
                    time.sleep(0.5)
                threading.Thread(target=_listen, args=(server, found[0]["key"], []), daemon=True).start()
                before = server.cpu_seconds()
                turns = list(_turns(server, training, seconds=1.5, turns=80))
                reading = sum(end - start for reads, start, end in turns if reads)
                cpu = (server.cpu_seconds() - before) / reading
            finally:
                training.terminate()
                training.wait(60)
        run = next(outputs.rglob("run.json")).parent
        times = [(one.time, one.scalars["time/step"]) for one in read_records(run) if one.kind == Kind.STEP]
    means: dict[bool, list[float]] = {True: [], False: []}
    for reading, start, end in turns:
        inside = [seconds for moment, seconds in times if start + 0.2 < moment < end]
        if inside:
            means[reading].append(median(inside))
    pairs = [off / on for on, off in zip(means[True], means[False], strict=False)]
    value = f"{median(pairs):.3f} ({percentile(pairs, 0.25):.3f}-{percentile(pairs, 0.75):.3f})"
    return [
        ("speed of a training with a dashboard reading it / without, and quartiles", value, "0.99"),
        ("the server's CPU meanwhile", f"{cpu:.1%} of a core", ""),
    ]


def measure_peer(folder: Path, steps: int, runs: int) -> Rows:
    """TensorBoard on the long run."""
    long_run(folder / "long" / "run", steps, peers=folder / "peer" / "run")
    with tensorboard_server(folder / "peer", _PORT_OF_PEER) as server:
        address = "/data/plugin/scalars/scalars?run=run&tag=loss%2Ftotal"
        last = 0
        while last < steps:
            time.sleep(0.25)
            try:
                points = server.json(address)
            except OSError:
                continue
            last = points[-1][1]
        loaded = time.monotonic() - server.started
        spikes = sum(value > SPIKE / 2 for _, _, value in points)
        with browser() as chromium:
            charts = "document.querySelectorAll('scalar-card line-chart canvas').length"
            painted = _load(chromium, f"{server.url}/?tagFilter=.#timeseries", f"{charts} >= {len(NAMES)}")
            heap, memory = chromium.heap_mb(), server.memory_mb()
    return [
        ("TensorBoard: log read, from the start of the server", f"{loaded:.1f} s", ""),
        ("TensorBoard: address opened to 12 cards with their charts", f"{painted:.2f} s", ""),
        (f"TensorBoard: spikes among its {len(points)} points", str(spikes), ""),
        ("TensorBoard: memory, JavaScript heap", f"{memory:.0f} MB, {heap:.0f} MB", ""),
    ]


_PARTS: dict[str, Callable[[Path, int, int], Rows]] = {
    "long": measure_long,
    "live": measure_live,
    "list": measure_list,
    "overlay": measure_overlay,
    "browsers": measure_browsers,
    "training": measure_training,
    "peer": measure_peer,
}
_NOTE_PAINTS = """() => {
  window.__seen = {};
  const look = () => {
    const step = window.__painted["loss/total"];
    if (step && !(step in window.__seen)) window.__seen[step] = window.__paintedAt;
    requestAnimationFrame(look);
  };
  look();
}"""


def _click_through(chromium: Browser, server: Server, key: str) -> float:
    """Seconds from the click on a run in the table to its painted charts."""
    chromium.page.goto(server.url)
    chromium.page.evaluate("() => __when(() => window.__ready)")  # wait_for_function would break the CSP
    return chromium.seconds_until(f"document.querySelector('a[href*=\"{key}\"]').click()", _CHARTS)


def _spikes_in(answers: list[Response]) -> int:
    """How many of the spikes are among the points that the page was sent to draw."""
    shown: set[float] = set()
    for answer in answers:
        if "/api/curves" not in answer.url:
            continue
        header, numbers = unpack_binary(answer.body())
        for curve in header["curves"]:
            (x, count), (y, _) = curve["x"], curve["y"]
            high = numbers[y : y + count] > SPIKE / 2
            shown.update(numbers[x : x + count][high].tolist())
    return len(shown)


def _zoom(chromium: Browser, middle: float) -> float:
    """Seconds from a zoom of all charts to the frame with the detail of that stretch."""
    low, high = int(middle * 0.95), int(middle * 1.05)
    act = f"window.__charts[0].setScale('x', {{min: {low}, max: {high}}})"
    near = 0.1 * (high - low)  # a chart is sent one point beyond each edge
    return chromium.seconds_until(
        act, f"Object.values(window.__painted).every((step) => step >= {high - near} && step <= {high + near})"
    )


def _load(chromium: Browser, address: str, condition: str) -> float:
    """Seconds from opening an address to the frame in which a condition holds."""
    start = time.perf_counter()
    chromium.page.goto(address, wait_until="commit")
    chromium.page.evaluate(f"() => __when(() => {condition})")
    return time.perf_counter() - start


def _write_steps(log: EventLog, rows: list[list[float]], first: int = 1) -> None:
    for step, row in enumerate(rows, first):
        fields = {"epoch": 1, "batch": step, "batches": 10_000}
        log.append(Record(Kind.STEP, step, dict(zip(NAMES, row, strict=True)), fields, time.time()))


def _listen(server: Server, key: str, arrivals: list[float]) -> None:
    """Reads the stream of a run as a page does, and notes when points come."""
    names = "&".join(f"name={name}" for name in NAMES)
    try:
        with urlopen(f"{server.url}/events?run={key}&{names}", timeout=600) as stream:
            for line in stream:
                if line.startswith(b"data: ") and b'"after"' in line:
                    orjson.loads(line[6:])
                    arrivals.append(time.time())
    except OSError:
        return  # the server has ended


def _turns(
    server: Server, training: subprocess.Popen[bytes], seconds: float, turns: int
) -> Iterator[tuple[bool, float, float]]:
    """Lets the server run and stand still by turns; yields which, and from when to when."""
    for turn in range(turns):
        if training.poll() is not None:
            return
        reading = turn % 2 == 0
        os.kill(server.process.pid, signal.SIGCONT if reading else signal.SIGSTOP)
        start = time.time()
        time.sleep(seconds)
        yield reading, start, time.time()
    os.kill(server.process.pid, signal.SIGCONT)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="keeps the data between two calls")
    parser.add_argument("--quick", action="store_true", help="a tenth of the steps and of the runs")
    parser.add_argument(
        "--parts", type=lambda text: text.split(","), default=list(_PARTS), help=f"some of {','.join(_PARTS)}"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
