from __future__ import annotations

import os
import re

import pytest

from aurl.config.resolvers import job_label
from aurl.runs.stamp import stamp

STAMP = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_[0-9a-f]{4}")


def test_stamps_of_runs_started_in_one_second_differ() -> None:
    stamps = {stamp() for _ in range(20)}
    assert len(stamps) > 1
    assert all(STAMP.fullmatch(text) for text in stamps)


def test_the_ranks_of_one_torchrun_job_share_a_stamp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("MASTER_PORT", "29500")
    stamps = set()
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        stamps.add(stamp())
    assert len(stamps) == 1
    assert os.getppid() > 0


def test_labels_are_fit_for_a_directory_and_hold_no_secret() -> None:
    assert job_label("optim.lr=1e-3,seed=2") == "optim.lr=1e-3,seed=2"
    assert job_label("data.root=/a b/c") == "data.root=_a_b_c"
    assert "hunter2" not in job_label("notify.password=hunter2,seed=1")
    assert job_label("") == "job"
    assert len(job_label(",".join(f"key{i}=value" for i in range(50)))) <= 120
