"""Every error message that a config can give, held against a file."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aurl.config.build import to_plain
from aurl.config.compose import compose
from aurl.config.flags import is_multirun, source_of, split_argv
from aurl.config.grammar import parse
from aurl.config.places import missing_places
from aurl.config.preflight import preflight
from aurl.config.validate import check
from aurl.errors import ConfigError
from tests.config.conftest import FILES, write_tree
from tests.config.parts import Root

COMPOSED: dict[str, list[str]] = {
    "unknown_key": ["trainer.epoch=3"],
    "unknown_key_without_its_group": ["lr=1e-4"],
    "unknown_key_in_a_misspelt_group": ["trainr.epochs=3"],
    "unknown_key_below_a_value": ["trainer.epochs.most=3"],
    "unknown_key_that_the_class_takes": ["model.dropout=0.2"],
    "unknown_keys_at_once": ["trainer.epoch=3", "sed=2", "model.widht=1"],
    "unknown_option": ["model=vea"],
    "unknown_option_in_a_list": ["logging=[console,tensorbord]"],
    "unknown_option_of_a_number": ["model=3"],
    "unknown_option_in_a_yaml_file": ["experiment=bad_group"],
    "unknown_options_at_once": ["model=vea", "data=foldr"],
    "unknown_group": ["modell=vae"],
    "unknown_group_with_a_slash": ["model/sise=small"],
    "unknown_option_of_hydra": ["hydra/help=defualt"],
    "unknown_hydra_key": ["hydra.run.dirr=x"],
    "wrong_hydra_value": ["hydra.job.chdir=maybe"],
    "group_forced": ["++model=vae"],
    "group_deleted_that_is_a_list": ["~logging"],
    "key_deleted_that_is_not_there": ["~trainer.epoch"],
    "key_added_that_is_there": ["+trainer.epochs=3"],
    "no_equals_sign": ["trainer"],
    "no_key": ["=3"],
    "open_bracket": ["trainer.early.metrics={val/loss:min"],
    "open_quote": ["name='abc"],
    "two_equals_signs": ["name=a=b"],
    "two_syntax_errors": ["name='abc", "seed"],
    "secret_in_a_syntax_error": ["logging.wandb.api_key=[secret-1234"],
    "several_values": ["seed=1,2"],
    "several_values_of_a_group": ["model=vae,transformer"],
    "broken_yaml": ["experiment=broken"],
    "key_twice_in_yaml": ["experiment=twice"],
    "broken_interpolation_in_yaml": ["experiment=half"],
    "yaml_that_is_not_text": ["experiment=latin"],
    "missing_value": ["data=needs_root"],
    "missing_values": ["data=needs_root", "experiment=null"],
    "dangling_interpolation": ["experiment=dangling"],
    "environment_variable_not_set": ["logging=wandb"],
    "folder_not_found": ["data.root=no/such/folder"],
    "flag_unknown": ["--multi-run"],
    "flag_without_value": ["--config-name"],
    "sweep_of_unknown_option": ["-m", "model=vae,vea", "seed=1,2"],
    "sweep_with_a_fault_everywhere": ["-m", "seed=1,2", "trainer.epochs=x"],
    "sweep_over_an_interval": ["-m", "trainer.lr=interval(0,1)"],
    "sweep_over_hydra": ["-m", "hydra.job.chdir=true,false"],
    "config_name_unknown": ["--config-name", "trane"],
    "config_dir_unknown": ["--config-dir", "no/such/dir"],
}
# Found by validation, in a config that composes.
VALIDATED: dict[str, list[str]] = {
    "unknown_key_added": ["+trainer.epoch=3"],
    "unknown_key_of_a_class": ["+model.dropuot=0.2"],
    "unknown_key_at_the_top": ["+sed=3"],
    "wrong_integer": ["seed=abc"],
    "wrong_number": ["trainer.lr=fast"],
    "wrong_choice": ["trainer.precision=bf61"],
    "wrong_null": ["trainer.lr=null"],
    "wrong_text": ["name=2026"],
    "wrong_list": ["tags=bach"],
    "wrong_list_item": ["data.splits=[0.8,rest]"],
    "wrong_mapping_value": ["trainer.early.metrics={val/loss:down}"],
    "value_for_a_whole_node": ["trainer.early=3"],
    "secret_of_a_wrong_type": ["+logging.console.api_key=12345678"],
    "many_faults": ["seed=abc", "trainer.lr=fast", "+model.dropuot=0.2", "model.width=null", "tags=bach"],
    "target_untrusted": ["model._target_=os.system"],
    "target_untrusted_in_disguise": ["model._target_=torch.os.system"],
    "target_dangerous": ["model._target_=torch.hub.load"],
    "target_not_a_name": ["model._target_=vae"],
    "target_without_module": ["model._target_=aurl.modells.vae.VAE"],
    "target_without_class": ["model._target_=tests.config.parts.Modell"],
    "target_abstract": ["logging.console._target_=tests.config.parts.Sink"],
    "target_not_callable": ["model._target_=tests.config.parts.KINDS"],
    "target_without_a_runtime_keyword": ["model._target_=tests.config.parts.Console"],
    "runtime_keyword_in_the_config": ["+model.vocab_size=3"],
    "missing_argument": ["~model.width"],
}


@pytest.mark.parametrize("name", COMPOSED)
def test_composed(
    name: str,
    broken_conf: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    snapshot: Callable[[str, str], None],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        _check(["--config-path", str(broken_conf), *COMPOSED[name]])
    text = str(caught.value).replace(str(broken_conf), "CONF").replace(str(tmp_path), "HERE")
    assert "Error" not in text
    snapshot(f"messages/{name}.txt", f"$ aurl check {' '.join(COMPOSED[name])}\n{text}\n")


def _check(argv: list[str]) -> None:
    flags, overrides = split_argv(argv)
    preflight(overrides, is_multirun(flags), source_of(flags), root=Root, inspect=missing_places)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return to_plain(compose([], write_tree(tmp_path_factory.mktemp("conf"), FILES)))


@pytest.mark.parametrize("name", VALIDATED)
def test_validated(name: str, plain: dict[str, Any], snapshot: Callable[[str, str], None]) -> None:
    with pytest.raises(ConfigError) as caught:
        check(_changed(plain, VALIDATED[name]), Root)
    assert "Error" not in str(caught.value)
    snapshot(f"messages/{name}.txt", f"$ aurl check {' '.join(VALIDATED[name])}\n{caught.value}\n")


def _changed(plain: dict[str, Any], overrides: list[str]) -> dict[str, Any]:
    changed = copy.deepcopy(plain)
    for override in parse(overrides):
        *above, name = override.key_or_group.split(".")
        node = changed
        for key in above:
            node = node[key]
        if override.is_delete():
            del node[name]
        else:
            node[name] = override.value()
    return changed


def test_no_snapshot_is_left_over() -> None:
    files = {path.stem for path in (Path(__file__).parent / "messages").glob("*.txt")}
    assert files == COMPOSED.keys() | VALIDATED.keys()
