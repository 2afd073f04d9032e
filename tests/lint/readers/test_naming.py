from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.lint.readers.naming import slots_of
from aurl.lint.readers.numerals import TOKEN, value


def named(line: str) -> dict[str, float | None]:
    parts = TOKEN.split(line)
    slots, _ = slots_of([text.strip() for text in parts[::2]], parts[1::2])
    assert len({slot.name for slot in slots}) == len(slots)
    return {slot.name: value(parts[1::2][slot.at]) for slot in slots}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("iter 10: loss 4.5, time 262ms", {"iter": 10, "loss": 4.5, "time": 262}),
        ("{'loss': '0.5', 'epoch': 1.0}", {"loss": 0.5, "epoch": 1}),
        ("(epoch: 1, iters: 100) D_A: 0.25 G_A: 0.5", {"epoch": 1, "iters": 100, "D_A": 0.25, "G_A": 0.5}),
        ("[0/25][3/782] D(x): 0.5 D(G(z)): 0.25 / 0.125", {"epoch": 0, "batch_idx": 3, "D(x)": 0.5, "D(G(z))": 0.25}),
        ("Loss 6.5 (7.5) Acc@1 70.0", {"Loss": 6.5, "Acc@1": 70}),
        ("loss: 6.5 (avg: 7.5)", {"loss": 6.5, "loss avg": 7.5}),
        ("Epoch 3, Train Loss: 1.5 Acc: 0.5 | Val Loss: 2.5 Acc: 0.25",
         {"epoch": 3, "Train Loss": 1.5, "Acc": 0.5, "Val Loss": 2.5, "val/Acc": 0.25}),
        ("3epoch results: [train] loss=2.5, [valid] loss=1.5", {"epoch": 3, "loss": 2.5, "val/loss": 1.5}),
        ("Test set: Average loss: 0.5", {"val/Average loss": 0.5}),
        ("Score at iteration 100 is 0.75", {"iteration": 100, "score loss": 0.75}),
        ("Cost after epoch 5: 0.25", {"epoch": 5, "Cost": 0.25}),
        ("1234.5 avg loss, 0.5 rate, 3.5 seconds, 9 cats", {"avg loss": 1234.5, "rate": 0.5, "time": 3.5, "cats": 9}),
        ("2020-01-01 12:00:00,123 - root - INFO - step: 7 loss: 1.5", {"step": 7, "loss": 1.5}),
        ("I0101 12:00:00.1 99 train.py:100] loss: 0.5", {"loss": 0.5}),
        ("Train: 3 [10/500] Loss: 1.5", {"epoch": 3, "batch_idx": 10, "Loss": 1.5}),
        ("{'loss': array(0.5, dtype=float32), 'lr': tensor(0.25)}", {"loss": 0.5, "lr": 0.25}),
        ("loss = 0.5 (* 1 = 0.5 loss)", {"loss": 0.5}),
        ("\u635f\u5931: 0.5 \u0395\u03c0 3", {"\u635f\u5931": 0.5, "\u0395\u03c0": 3}),
        ("Fri May 12 10:00:00 2023", {}), ("0.5 0.25", {}), ("100", {}),
    ],
)  # fmt: skip
def test_the_words_around_a_number_name_it(line: str, expected: dict[str, float]) -> None:
    assert named(line) == expected


_NAMES = st.lists(st.sampled_from(["loss", "acc", "lr", "grad_norm", "val_loss", "D_A", "top5", "mAP", "\u635f\u5931"]),
                  min_size=1, max_size=6, unique=True)  # fmt: skip
_SIGN = st.sampled_from([": ", "=", " ", ":", " = "])
_BETWEEN = st.sampled_from([", ", " | ", "; ", "  ", "\t", " - ", ","])
_VALUE = st.sampled_from(["0.5", "1e-3", "nan", "-inf", "1,234.5", "98.6%", "262.3ms", "-0.25", "3.1it/s", "7"])
_BEGIN = st.sampled_from(["", "step 3: ", "2024-01-01 12:00:00 INFO ", "[rank0]: ", "Epoch 1/9 | ", ">>> "])


@given(names=_NAMES, sign=_SIGN, between=_BETWEEN, begin=_BEGIN, data=st.data())
def test_names_and_values_in_any_dress(
    names: list[str], sign: str, between: str, begin: str, data: st.DataObject
) -> None:
    values = [data.draw(_VALUE) for _ in names]
    line = begin + between.join(f"{name}{sign}{text}" for name, text in zip(names, values, strict=True))
    found = named(line)
    for name, text in zip(names, values, strict=True):
        number = text.rstrip("%msit/")
        assert found[name] == pytest.approx(value(number), nan_ok=True)


_PIECES = st.sampled_from([*"(){}[]:=|,'\"-> \t%", "1", "loss", "val"])


@given(st.text(max_size=300) | st.lists(_PIECES, max_size=60).map("".join))
def test_any_line_has_names_or_none(line: str) -> None:
    assert all(name.strip() for name in named(line))
