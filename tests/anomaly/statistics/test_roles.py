from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.anomaly.statistics.roles import Role, Roles, guess, role_of
from aurl.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("loss/total", Role.LOSS), ("loss/recon", Role.LOSS_PART), ("val/loss/total", Role.VAL_LOSS),
        ("train_loss", Role.LOSS), ("Train Loss", Role.LOSS), ("trainLoss", Role.LOSS), ("eval_loss", Role.VAL_LOSS),
        ("validation/ce_loss", Role.VAL_LOSS), ("test_accuracy", Role.VAL_ACCURACY), ("acc", Role.ACCURACY),
        ("learning_rate", Role.LR), ("lr-AdamW", Role.LR), ("optim/lr", Role.LR), ("grad_norm", Role.GRAD_NORM),
        ("train/gradientNorm", Role.GRAD_NORM), ("gnorm", Role.GRAD_NORM), ("kl_loss", Role.KL), ("D_loss",
        Role.DISCRIMINATOR_LOSS), ("loss_g", Role.GENERATOR_LOSS), ("global_step", Role.STEP), ("Epoch", Role.EPOCH),
        ("iter_time", Role.STEP_TIME), ("data_time", Role.DATA_TIME), ("tokens/sec", Role.THROUGHPUT),
        ("gpu_mem_mb", Role.MEMORY), ("_runtime", Role.CLOCK), ("quality/copied_fraction", Role.COPIED),
        ("system/gpu_percent", Role.GPU_PERCENT), ("dead/fraction", Role.DEAD_UNITS), ("banana", Role.OTHER),
        ("train", Role.LOSS), ("val", Role.VAL_LOSS), ("val_ppl", Role.VAL_LOSS), ("Loss/loss/num", Role.OTHER),
        ("best_val_loss", Role.OTHER), ("loss_weight", Role.OTHER),
        ("time/epoch", Role.OTHER), ("system/disk_free_gb", Role.OTHER), ("quality/npvi", Role.OTHER),
    ],
)  # fmt: skip
def test_the_words_of_a_name_tell_its_role(name: str, role: Role) -> None:
    assert role_of(name) is role


def test_one_column_is_the_loss_and_names_stay_apart() -> None:
    told = guess(["step", "train_loss_epoch", "loss", "val_loss", "val_box_loss", "lr/pg0", "lr/pg1"])
    assert told["loss"][:3] == (Role.LOSS, "loss/total", "'loss' in its name")
    assert told["loss"].choice == "taken before 1 other: others are means over more; loss=COLUMN names another one"
    assert told["train_loss_epoch"].role is Role.LOSS_PART
    assert "loss is the whole: others are means over more" in told["train_loss_epoch"].why
    assert told["val_box_loss"].role is Role.VAL_PART
    assert told["lr/pg1"].name != told["lr/pg0"].name == "lr"
    assert len({one.name for one in told.values()}) == len(told)


def test_overrides_win_and_are_checked() -> None:
    told = guess(["a", "b"], {"a": "loss", "b": Role.VAL_LOSS})
    assert (told["a"].name, told["b"].name, told["a"].why) == ("loss/total", "val/loss/total", "given by you")
    with pytest.raises(ConfigError, match="column 'c': not in this log"):
        guess(["a"], {"c": "loss"})
    with pytest.raises(ConfigError, match=r"no role 'los'\. Did you mean 'loss'\?"):
        guess(["a"], {"a": "los"})


def test_own_patterns_come_first() -> None:
    roles = Roles({"loss": ["my/*"], "lr": "opt?/rate"})
    assert (roles("my/objective"), roles("opt1/rate"), roles("grad/norm")) == (Role.LOSS, Role.LR, Role.GRAD_NORM)
    with pytest.raises(ConfigError, match=r"anomaly\.roles\.rate: no role 'rate'"):
        Roles({"rate": "x"})


@given(st.lists(st.text(max_size=30), unique=True, max_size=12))
def test_any_columns_have_a_guess(columns: list[str]) -> None:
    told = guess(columns)
    assert list(told) == columns
    assert sum(one.role is Role.LOSS for one in told.values()) <= 1
