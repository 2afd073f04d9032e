"""The runs that the loading benchmark makes, and the records that it cuts out of W&B's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from aurl.compare.comparing import compare
from benchmarks.many_runs import METRICS, POINTS, _messages, make_runs


def test_made_runs_are_compared_in_groups_of_three_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    make_runs(tmp_path / "runs", 6)
    comparison = compare([tmp_path / "runs"])
    assert [group.n for group in comparison.groups] == [3, 3]
    assert set(comparison.differences) == {"optim.lr", "model.d_model"} or set(comparison.differences) == {"optim.lr"}
    assert {run.step for run in comparison.runs} == {POINTS}
    assert len(comparison.runs[0].curves[METRICS[0]].steps) == POINTS


def test_messages_are_put_together_over_blocks() -> None:
    def part(kind: int, data: bytes) -> bytes:
        return bytes(4) + len(data).to_bytes(2, "little") + bytes([kind]) + data

    first = part(1, b"whole")
    room = 32_768 - 7 - len(first) - 7
    data = bytes(7) + first + part(2, b"a" * room) + part(3, b"b" * (32_768 - 7)) + part(4, b"c") + part(1, b"last")
    assert list(_messages(data)) == [b"whole", b"a" * room + b"b" * (32_768 - 7) + b"c", b"last"]
    assert list(_messages(data[:-6])) == [b"whole", b"a" * room + b"b" * (32_768 - 7) + b"c"]
