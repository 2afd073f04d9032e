from __future__ import annotations

import pytest

from aurl.anomaly.settings import Settings


@pytest.mark.parametrize(
    ("config", "advice"),
    [
        ({"data": {"batch_size": None, "tokens_per_batch": 1024}}, "lower data.tokens_per_batch from 1024 to 510"),
        ({"data": {"batch_size": 8, "tokens_per_batch": None}}, "lower data.batch_size from 8 to 4"),
        ({"args": {"per_device_train_batch_size": 16}}, "lower args.per_device_train_batch_size from 16 to 8"),
        ({"data": {"batch_size": None}}, "lower data.batch_size, to 0.5 times its value"),
        ({}, "lower batch size, to 0.5 times its value"),
    ],
)
def test_advice_names_the_key_that_decides(config: dict[str, object], advice: str) -> None:
    assert Settings(config).scale("batch_size", 0.5) == advice
