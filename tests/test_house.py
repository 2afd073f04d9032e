"""One idea, one place: what several rooms ask of the same thing, they are answered alike."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aurl.cli.watch import _follow
from aurl.dashboard.store.store import RunStore
from aurl.record import Kind, Record
from aurl.runs.codec import encode
from aurl.runs.tail import Follower


def lines(*steps: int) -> bytes:
    return b"".join(encode(Record(Kind.STEP, step, {"loss/total": float(step)}, {}, float(step))) for step in steps)


def rewritten(log: Path, *steps: int) -> None:
    log.write_bytes(lines(*steps))


def replaced(log: Path, *steps: int) -> None:
    (log.parent / "copy").write_bytes(lines(*steps))
    (log.parent / "copy").rename(log)


@pytest.mark.parametrize("change", [rewritten, replaced])
@pytest.mark.parametrize("then", [(7, 8, 9), (1, 2, 3), (1,), (7,), (7, 8)])
def test_sinks_the_dashboard_and_the_terminal_follow_a_log_alike(
    tmp_path: Path, change: Callable[..., None], then: tuple[int, ...]
) -> None:
    log = tmp_path / "events" / "records.jsonl"
    log.parent.mkdir()
    log.write_bytes(lines(1, 2))
    (tmp_path / "run.json").write_text(json.dumps({"status": "running", "updated": time.time()}))
    follower, store, terminal = Follower(log.parent), RunStore(tmp_path), _follow(tmp_path)

    def seen() -> tuple[list[int], list[float], list[float]]:
        shown.extend(record.step for record in follower.records())
        store.refresh()
        curve = store.curve("loss/total")
        _, state = next(terminal)
        assert curve is not None
        return shown, curve.x.tolist(), [span.step for span in state.curves["loss/total"].spans()]

    shown: list[int] = []
    assert seen() == ([1, 2], [1, 2], [1, 2])
    change(log, *then)
    found, dashboard, drawn = seen()
    assert found == [1, 2, *(step for step in then if step not in (1, 2))]  # a sink takes nothing back
    assert dashboard == list(then)
    assert drawn == list(then)
