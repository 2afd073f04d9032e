from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.anomaly.statistics.context import Context
from aurl.anomaly.statistics.main_loss import choose
from aurl.anomaly.statistics.roles import Role, guess, plainest, words
from aurl.record import Kind, Record


def curves(count: int = 60) -> list[dict[str, float]]:
    """A total, two parts of it, a counter, a constant, and a smoothed total."""
    noise = random.Random(3)
    found, smooth = [], 4.0
    for at in range(count):
        recon, aux = 3 * math.exp(-at / 20) + 0.2 + noise.random() / 20, 0.05 + noise.random() / 50
        smooth = 0.9 * smooth + 0.1 * (recon + aux)
        found.append({
            "recon_loss": recon, "aux_loss": aux, "zz_loss": round(recon + aux, 4), "a_loss": float(at),
            "b_loss": 1.0, "zz_loss_smooth": smooth,
        })  # fmt: skip
    return found


def chosen(names: list[str], samples: list[dict[str, float]] | None = None) -> str:
    return choose(names, {name: words(name) for name in names}, samples or []).name


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["dynamics_loss_step", "initial_loss_step", "train_loss_step"], "train_loss_step"),
        (["Conductor_Copper_loss", "Air_loss", "mean_loss"], "mean_loss"),
        (["box_loss", "cls_loss", "loss"], "loss"),
        (["aux_loss", "total_loss", "loss_ce"], "total_loss"),
        (["loss", "total_loss"], "total_loss"),
        (["train_loss_epoch", "train_loss_step"], "train_loss_step"),
        (["nll_loss", "ppl", "loss"], "loss"),
        (["train/ppl", "train/loss"], "train/loss"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_the_words_of_the_names(names: list[str], expected: str, turned: bool) -> None:
    assert chosen(names[::-1] if turned else names) == expected


@pytest.mark.parametrize("seed", range(5))
def test_the_sum_of_the_others_wins_in_any_order(seed: int) -> None:
    samples = curves()
    names = ["recon_loss", "aux_loss", "zz_loss"]
    random.Random(seed).shuffle(names)
    choice = choose(names, {name: words(name) for name in names}, samples)
    assert choice[:2] == ("zz_loss", "it is the sum of others")
    assert chosen([*names, "zz_loss_smooth"], samples) == "zz_loss"  # all others but one


def test_a_counter_and_a_constant_are_no_losses() -> None:
    names = ["a_loss", "b_loss", "aux_loss"]
    choice = choose(names, {name: words(name) for name in names}, curves())
    assert (choice.name, choice.misfits) == ("aux_loss", {"a_loss"})
    told = guess(names, samples=curves())
    assert (told["a_loss"].role, told["b_loss"].role) == (Role.OTHER, Role.LOSS_PART)


def test_without_a_whole_the_one_that_falls_most() -> None:
    assert chosen(["aux_loss", "recon_loss"], curves()) == "recon_loss"


def test_a_divergence_among_the_addends() -> None:
    samples = [{"my_loss": 1.5, "other_loss": 1.0, "kl": 0.5}, {"my_loss": 1.25, "other_loss": 1.0, "kl": 0.25}]
    told = guess(["other_loss", "my_loss", "kl"], samples=samples)
    assert (told["my_loss"].role, told["kl"].role) == (Role.LOSS, Role.KL)
    assert told["my_loss"].choice == "taken before 1 other: it is the sum of others; loss=COLUMN names another one"


def test_one_record_is_enough_for_a_sum() -> None:
    assert plainest(["x_loss", "y_loss", "z_loss"], {"x_loss": 0.5, "y_loss": 0.75, "z_loss": 0.25}) == "y_loss"
    assert plainest(["x_loss"]) == "x_loss"


def test_a_live_run_lowers_the_whole_wherever_it_stands() -> None:
    context = Context()

    def step(**scalars: float) -> str | None:
        context.update(Record(Kind.STEP, context.step + 1, scalars))
        return context.training_loss.name if context.training_loss else None

    assert step(aux_loss=0.5) == "aux_loss"  # nothing else is known yet
    assert step(aux_loss=0.5, cls_loss=2.0, total_loss=2.5) == "total_loss"
    assert step(aux_loss=0.5) is None
    assert step(epoch_loss_mean=2.4) is None
    assert step(cls_loss=1.0, total_loss=1.5, aux_loss=0.5) == "total_loss"


_VALUES = st.floats() | st.sampled_from([0.0, 1.0, math.nan, math.inf])


@given(
    st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=6, unique=True).flatmap(
        lambda names: st.tuples(
            st.just(names), st.lists(st.dictionaries(st.sampled_from(names), _VALUES, max_size=6), max_size=12)
        )
    )
)
def test_any_values_have_a_choice(case: tuple[list[str], list[dict[str, float]]]) -> None:
    names, samples = case
    choice = choose(names, {name: words(name) for name in names}, samples)
    assert choice.name in names
    assert choice.name not in choice.misfits
