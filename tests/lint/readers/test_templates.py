from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.lint.readers import templates
from aurl.lint.readers.templates import TemplateReader


def values(lines: list[str]) -> list[dict[str, float]]:
    reader = TemplateReader()
    read = [reader.read(line) for line in lines]
    return [dict(zip(one.template.names, one.values, strict=True)) if one else {} for one in read]


_NUMBERS = st.sampled_from(["0.5", "12", "1e-3", "nan", "-inf", "-0.25", "1,234.5", "3/10", "7.", ".5", "1.5e+03"])
_SHAPES = st.sampled_from([
    "iter {}: loss {}, time {}ms", "{{'loss': {}, 'lr': {}, 'epoch': {}}}", "| {} | loss {} | {} tok/s",
    "Epoch {} - loss: {} - acc: {}%", "2024-01-01 12:00:00 INFO step: {} loss: {} gnorm: {}", "  {}   {}    {}",
])  # fmt: skip


@given(st.lists(st.tuples(_SHAPES, _NUMBERS, _NUMBERS, _NUMBERS), min_size=1, max_size=60))
def test_patterns_read_what_taking_apart_reads(made: list[tuple[str, str, str, str]]) -> None:
    lines = [shape.format(*numbers) for shape, *numbers in made]
    fast = values(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(templates, "_WORTH_A_PATTERN", 10**9)
        slow = values(lines)
    assert repr(fast) == repr(slow)


def test_a_pattern_takes_over_and_lets_others_through() -> None:
    lines = [f"step {at} loss {at / 8}" for at in range(30)]
    lines[20:22] = ["step 20 loss nan", "step 21: loss 5"]
    found = values(lines)
    assert found[19:23] == [
        {"step": 19, "loss": 19 / 8},
        pytest.approx({"step": 20, "loss": math.nan}, nan_ok=True),
        {"step": 21, "loss": 5},
        {"step": 22, "loss": 22 / 8},
    ]


def test_the_head_of_a_table_names_its_rows_until_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["epoch  train_loss  valid_loss", *["1  0.5  0.25"] * 20, "a line between", "2  0.5  0.25"]
    lines += ["epoch  lr  grad_norm", "3  0.5  0.25"]
    found = values(lines)
    assert found[20] == {"epoch": 1, "train_loss": 0.5, "valid_loss": 0.25}
    assert found[22] == {"epoch": 2, "train_loss": 0.5, "valid_loss": 0.25}
    assert found[24] == {"epoch": 3, "lr": 0.5, "grad_norm": 0.25}


def test_ever_new_kinds_cost_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "_NAMED_AT_ONCE", 20)
    monkeypatch.setattr(templates, "_MOST", 40)
    reader = TemplateReader()
    for at in range(300):
        name = "".join(chr(97 + int(digit)) for digit in str(at))
        reader.read(f"loading {name}x 1.5")
        reader.read(f"iter {at} loss {at / 4}")
    assert len(reader.templates) < 60
    last = reader.read("iter 300 loss 75.0")
    assert last is not None
    assert (last.template.names, last.values) == (("iter", "loss"), [300.0, 75.0])
