"""Which settings tell runs apart: what matters first, an odd run adds no column."""

from __future__ import annotations

from aurl.library.differing import differing, short_names, telling


def test_what_most_runs_differ_in_comes_first() -> None:
    configs = [{"optim.lr": lr, "model.size": 8 + (lr == 0.4), "seed": n} for n, lr in enumerate((0.1, 0.2, 0.3, 0.4))]
    assert differing(configs) == ["optim.lr", "model.size"]


def test_one_debugging_run_adds_no_columns() -> None:
    configs: list[dict[str, object]] = [{"optim.lr": lr, "trainer.steps": 100} for lr in (0.1, 0.1, 0.2, 0.2, 0.3)]
    configs.append({"optim.lr": 0.1, "trainer.steps": 3, "debug.nan": True, "trainer.eval": 1})
    assert telling(configs, 8) == ["optim.lr"]  # type: ignore[arg-type]
    assert set(differing(configs)) == {"optim.lr", "trainer.steps", "debug.nan", "trainer.eval"}  # type: ignore[arg-type]
    assert telling(configs[3:], 8) == differing(configs[3:])[:8]  # type: ignore[arg-type]


def test_what_a_choice_brings_comes_after_it() -> None:
    vae = {"model._target_": "aurl.models.vae.Vae", "model.a": 1, "model.b": 2, "lr": 0.1}
    gan = {"model._target_": "aurl.models.gan.Gan", "model.a": 3, "model.c": 2, "lr": 0.1}
    assert differing([vae, gan])[0] == "model._target_"
    assert telling([vae, vae, vae, gan, gan], 8) == ["model._target_"]


def test_equal_values_of_other_types_and_runs_without_a_config() -> None:
    assert differing([{"a": 1}, {"a": 1.0}, {}]) == []
    assert differing([{"a": 1}, {"a": True}]) == ["a"]
    assert differing([]) == []


def test_names_are_as_short_as_they_can_be() -> None:
    assert short_names(["optim.lr", "encoder.size", "decoder.size", "model._target_", "_target_"]) == [
        "lr", "encoder.size", "decoder.size", "model", "_target_",
    ]  # fmt: skip
    assert short_names(["model.name", "data.name"]) == ["model", "data"]
    assert short_names(["model.name", "model._target_"]) == ["model.name", "model._target_"]


def test_a_configuration_of_twenty_thousand_keys_is_sorted_at_once() -> None:
    huge = {f"part{number % 300}.key{number}": number for number in range(20_000)}
    assert len(differing([huge, {"a": 1}])) == 20_001  # two loops over all keys took minutes
