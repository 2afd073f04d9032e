"""Which settings vary, and which runs differ in nothing but the seed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aurl.compare.grouping import confounded, distinct, split, varying
from aurl.show.naming import group_id, same_value, show_value

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.sampled_from([0.1, 1.0, 1e-3]),
    st.text(max_size=3),
    st.just([1, 2]),
)
SETTINGS = st.lists(
    st.dictionaries(st.sampled_from(["a", "b.c", "model.d", "seed", "name"]), VALUES), min_size=1, max_size=8
)


@given(SETTINGS)
def test_every_run_is_in_one_group_and_groups_agree_in_every_setting(settings: list[dict[str, object]]) -> None:
    columns = varying(settings, [None] * len(settings))
    groups = split(list(range(len(settings))), columns)
    assert sorted(at for _, members in groups for at in members) == list(range(len(settings)))
    for config, members in groups:
        for at in members:
            assert {key: settings[at].get(key) for key in columns} == config
    assert not {"seed", "name"} & columns.keys()


@given(SETTINGS)
def test_confounded_keys_split_the_runs_alike(settings: list[dict[str, object]]) -> None:
    columns = varying(settings, [None] * len(settings))
    for keys in confounded(columns):
        parts = [[members for _, members in split(list(range(len(settings))), {key: columns[key]})] for key in keys]
        assert all(part == parts[0] for part in parts)


def test_keys_that_follow_from_the_option_of_their_group_say_nothing_more() -> None:
    settings = [
        {"model": option, "model._target_": option.upper(), "model.d": width, "optim.lr": 0.1}
        | ({"model.beta": 0.5} if option == "vae" else {})
        for option in ("vae", "gan")
        for width in (64, 128)
    ]
    columns = varying(settings, [1, 1, 1, 1])
    assert columns == {"model": ["vae", "vae", "gan", "gan"], "model.d": [64, 128, 64, 128]}


def test_a_key_that_repeats_the_seed_is_the_seed() -> None:
    settings = [{"data.shuffle": seed, "optim.lr": lr} for seed in (1, 2) for lr in (0.1, 0.2)]
    assert list(varying(settings, [1, 1, 2, 2])) == ["optim.lr"]


def test_keys_that_move_together_are_named() -> None:
    columns = {"a": [1, 1, 2, 2], "b": ["x", "x", "y", "y"], "c": [1, 2, 1, 2]}
    assert confounded(columns) == (("a", "b"),)


def test_one_and_one_point_zero_are_the_same_but_true_is_not() -> None:
    assert varying([{"a": 1}, {"a": 1.0}], [None, None]) == {}
    assert varying([{"a": 1}, {"a": True}], [None, None]) == {"a": [1, True]}


def test_values_in_order_missing_ones_last() -> None:
    assert distinct([0.3, None, 0.1, "x", 0.1]) == [0.1, 0.3, "x", None]


def test_names_can_be_typed_as_overrides() -> None:
    config = {"model": "vae", "optim.lr": 1e-3, "data.root": None, "model.tie": True, "sizes": [1, 2]}
    assert group_id(config) == "model=vae, optim.lr=0.001, data.root=null, model.tie=true, sizes=[1, 2]"
    assert group_id({}) == "all runs"


@given(VALUES)
def test_a_value_is_recognised_as_it_is_shown(value: object) -> None:
    assert same_value(value, show_value(value))


def test_typed_numbers_are_compared_as_numbers() -> None:
    assert same_value(1e-3, "0.001")
    assert same_value(1e-3, "1e-3")
    assert same_value(True, "True")
    assert not same_value(True, "1")
    assert not same_value("vae", "gan")
    assert show_value(0.1 + 0.2) == "0.30000000000000004"
