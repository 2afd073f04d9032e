from __future__ import annotations

import math

import pytest
import torch

from aurl.errors import RecordError
from aurl.machine.deferred import Deferred
from aurl.machine.numbers import is_tensor


def test_numbers_and_cpu_tensors_are_read_in_their_order() -> None:
    deferred = Deferred({"a": 1, "b": torch.tensor(2.5), "c": torch.tensor([3.5], dtype=torch.float64), "d": 4.0})
    assert deferred.on_host
    assert deferred.read() == {"a": 1.0, "b": 2.5, "c": 3.5, "d": 4.0}
    assert list(deferred.read()) == ["a", "b", "c", "d"]


def test_half_precision_and_gradients_are_no_obstacle() -> None:
    weight = torch.tensor(1.5, requires_grad=True)
    read = Deferred({"a": weight * 2, "b": torch.tensor(0.5, dtype=torch.bfloat16), "c": torch.tensor(math.inf)}).read()
    assert read == {"a": 3.0, "b": 0.5, "c": math.inf}


def test_what_is_not_one_number_is_refused_with_its_name() -> None:
    with pytest.raises(RecordError, match=r"'a': a tensor of shape \(2,\) is not one number"):
        Deferred({"a": torch.ones(2)})
    with pytest.raises(RecordError, match="'a': Tensor .* is not a number"):
        Deferred({"a": torch.ones((), device="meta")})


def test_what_is_a_tensor() -> None:
    assert is_tensor(torch.ones(()))
    assert not is_tensor(1.0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_tensors_are_copied_without_blocking() -> None:
    deferred = Deferred({"a": torch.ones((), device="cuda"), "b": 2.0})
    assert not deferred.on_host
    assert deferred.read() == {"a": 1.0, "b": 2.0}
