"""What is masked, what is left alone, and that masking twice changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.machine.secrets import MASK, key_strength, mask, mask_argv, mask_override, mask_text

SECRET_KEYS = [
    "token", "hf_token", "HF_TOKEN", "githubToken", "access-token", "secret", "client_secret", "password",
    "db_password", "passwd", "api_key", "apikey", "apiKey", "WANDB_API_KEY", "api_keys", "credential", "credentials",
    "webhook", "slack_webhook_url", "private_key", "AWS_SECRET_ACCESS_KEY", "aws_access_key_id", "authorization",
    "Authorization", "passphrase", "sentry_dsn", "hf_token2",
]  # fmt: skip
OPEN_KEYS = [
    "tokenizer", "tokens", "max_tokens", "num_tokens", "tokens_per_step", "token_id", "token_embedding", "pad_token",
    "bos_token", "mask_token", "key", "key_value_heads", "key_signature", "monkey", "num_keys", "sort_key", "author",
    "secretary", "password_file", "api_key_env", "private_key_path", "lr", "seed", "per_token", "no-token", "",
]  # fmt: skip
SHAPES = [
    "hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345",
    "ghp_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
    "github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz",
    "glpat-abcdefghij0123456789",
    "sk-proj-abcdefgh0123456789abcdef",
    "xoxb-123456789012-abcdefghijkl",
    "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyA-1234567890abcdefghijklmnopqrstu",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "wandb_v1_AbCdEfGhIjKlMnOpQrStUvWx",
]
plain = st.text("abcdefgh ${}.:=/@-_'\"\n0123", max_size=30)
secret_text = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789", min_size=16, max_size=40).map("Zq9".__add__)


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_value_under_a_secret_key_is_masked(key: str) -> None:
    assert mask({"outer": [{key: "hunter2"}]}) == {"outer": [{key: MASK}]}
    assert mask_override(f"+wandb.{key}=hunter2") == f"+wandb.{key}={MASK}"


@pytest.mark.parametrize("key", OPEN_KEYS)
def test_value_under_an_ordinary_key_is_kept(key: str) -> None:
    config: dict[str, Any] = {key: "value", "nested": {key: 3, "list": [{key: 0.5}]}}
    assert mask(config) == config
    assert mask_override(f"model.{key or 'x'}=value") == f"model.{key or 'x'}=value"


@pytest.mark.parametrize("secret", SHAPES)
def test_known_shapes_are_masked_under_any_key_and_in_text(secret: str) -> None:
    assert mask({"note": secret}) == {"note": MASK}
    assert secret not in mask_text(f"cloned with {secret}, then trained")
    assert mask_override(f"note={secret}") == f"note={MASK}"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://me:pa@ss@host.example/x", "https://me:***@host.example/x"),
        ("postgresql://me:hunter2@db:5432/runs", "postgresql://me:***@db:5432/runs"),
        ("https://abcdef0123456789@sentry.example/1", "https://***@sentry.example/1"),
        ("https://git@github.com/a/b", "https://git@github.com/a/b"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("http://127.0.0.1:8080/?token=abc123def456ghi&run=3", "http://127.0.0.1:8080/?token=***&run=3"),
        ("https://hooks.slack.com/services/T0/B0/xyz", "https://hooks.slack.com/services/***"),
        ("https://discord.com/api/webhooks/123/xyz", "https://discord.com/api/webhooks/***"),
        ("curl -H 'Authorization: Bearer abc.def-123456'", "curl -H 'Authorization: *** ***'"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: *** ***"),
        ("export WANDB_API_KEY=0123abc", "export WANDB_API_KEY=***"),
        ('+    password: str = "hunter2",', '+    password: str = "***",'),
        ('+    os.environ["WANDB_API_KEY"] = "0123abc"', '+    os.environ["WANDB_API_KEY"] = "***"'),
        ('+    password = b"hunt\\"er2"', '+    password = b"***"'),
        ('{"api_key": "abc", "lr": 0.1}', '{"api_key": "***", "lr": 0.1}'),
        ("cmd=--api_key=abc", "cmd=--api_key=***"),
        ("cmd: \"run --api-key abc --lr 3\"", "cmd: \"run --api-key *** --lr 3\""),
        ("+    token = tokens[i]", "+    token = tokens[i]"),
        ("+    token: int = vocabulary.bar", "+    token: int = vocabulary.bar"),
        ("+    password = get_password(name)", "+    password = get_password(name)"),
        ("+    password: str", "+    password: str"),
        ("api_key: ${oc.env:WANDB_API_KEY}", "api_key: ${oc.env:WANDB_API_KEY}"),
    ],
)  # fmt: skip
def test_text(text: str, masked: str) -> None:
    assert mask_text(text) == masked


def test_private_key_block_is_masked_even_when_cut_off() -> None:
    block = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n"
    assert mask_text(f"before\n{block}") == f"before\n{MASK}"
    assert mask_text(f"{block}-----END RSA PRIVATE KEY-----\nafter") == f"{MASK}\nafter"


def test_a_git_sha_is_not_a_secret_but_a_wandb_key_is() -> None:
    digest = "0123456789abcdef0123456789abcdef01234567"
    assert mask({"sha": digest, "wandb_api_key": digest}) == {"sha": digest, "wandb_api_key": MASK}


@pytest.mark.parametrize(
    "value", ["${oc.env:WANDB_API_KEY}", "${oc.env:KEY,null}", "${logging.wandb.key}", "???", "", None, True, MASK]
)
def test_what_reveals_nothing_is_kept(value: object) -> None:
    assert mask({"api_key": value}) == {"api_key": value}  # type: ignore[dict-item]


def test_the_default_of_an_interpolation_may_be_a_secret() -> None:
    assert mask({"api_key": "${oc.env:KEY,abc}"}) == {"api_key": MASK}


def test_numbers_are_masked_as_passwords_but_not_as_vocabulary_ids() -> None:
    assert mask({"password": 1234, "newline_token": 5}) == {"password": MASK, "newline_token": 5}
    assert mask_override("data.newline_token=5") == "data.newline_token=5"
    assert mask_override("db.password=1234") == "db.password=***"


def test_everything_under_a_secret_key_is_masked() -> None:
    assert mask({"credentials": {"a": ["x", {"b": "y"}], "on": True}}) == {
        "credentials": {"a": [MASK, {"b": MASK}], "on": True}
    }


def test_overrides() -> None:
    assert mask_override("wandb.api_key=abc") == "wandb.api_key=***"
    assert mask_override("wandb.api_key=a,b") == "wandb.api_key=***"
    assert mask_override("++secrets.x='a=b'") == "++secrets.x=***"
    assert mask_override("logging.wandb={api_key:abc,project:x}") == "logging.wandb={api_key:***,project:x}"
    assert mask_override("wandb.api_key='${oc.env:KEY}'") == "wandb.api_key='${oc.env:KEY}'"
    for harmless in ("trainer.steps=300", "~logging", "model=tiny", "data.max_tokens=5", "seed=1,2,3", "-m", "x="):
        assert mask_override(harmless) == harmless


def test_argv() -> None:
    argv = ["train.py", "--api-key", "abc", "--token", "--no-token", "outputs", "--password=x y", "hf.token=z", "-m"]
    assert mask_argv(argv) == [
        "train.py", "--api-key", MASK, "--token", "--no-token", "outputs", "--password=***", "hf.token=***", "-m",
    ]  # fmt: skip


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | plain | st.sampled_from(SHAPES),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(SECRET_KEYS + OPEN_KEYS) | plain, inner, max_size=3)
    ),
    max_leaves=8,
)


@given(json_values)
def test_masking_twice_changes_nothing_and_keeps_the_structure(value: Any) -> None:
    masked = mask(value)
    assert mask(masked) == masked
    assert _skeleton(masked) == _skeleton(value)


@given(st.lists(st.sampled_from(["password=", "token: ", "x ", "'", '"', "https://a:b@c ", "\n", *SHAPES]) | plain))
def test_masking_text_twice_changes_nothing(parts: list[str]) -> None:
    masked = mask_text("".join(parts))
    assert mask_text(masked) == masked


@given(st.lists(plain | st.sampled_from(["--token", "--password", "a.token=b", "secret=${x}"]), max_size=6))
def test_masking_argv_twice_changes_nothing(argv: list[str]) -> None:
    masked = mask_argv(argv)
    assert mask_argv(masked) == masked
    assert len(masked) == len(argv)


@given(st.sampled_from(SECRET_KEYS), secret_text, json_values)
def test_a_planted_secret_never_survives(key: str, secret: str, around: Any) -> None:
    planted = {"around": around, "deep": [{"inner": {key: {"value": [secret]}, "override": f"a.{key}={secret}"}}]}
    assert secret not in json.dumps(mask(planted))
    assert secret not in mask_text(f"x\n{key}={secret}\n")
    assert secret not in mask_text(f'{key}: "{secret}"')
    assert all(secret not in part for part in mask_argv([f"--{key}", secret, f"--{key}={secret}"]))


@pytest.mark.parametrize("piece", ["a", "a.", "a=", "ab-", "eyJ", "--a ", "://", "-----BEGIN ", "https://a:", "sk-"])
def test_long_hostile_text_is_masked_in_linear_time(piece: str) -> None:
    # Where a pattern backtracks quadratically this takes minutes instead of some hundredths of a second.
    assert mask_text(f"{piece * 60_000}\npassword=hunter2").endswith("password=***")


def test_key_strength_by_word_boundaries() -> None:
    assert key_strength("passwordless") == ""
    assert key_strength("tokenized") == ""
    assert key_strength("MY_API_KEY") == "strong"


def _skeleton(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _skeleton(item) for key, item in value.items()}
    return [_skeleton(item) for item in value] if isinstance(value, list) else None


def test_the_settings_of_the_webhook_notifier_are_no_secrets() -> None:
    settings = {"_target_": "aurl.sinks.notify.webhook.Webhook", "url_env": "HOOK", "style": "slack"}
    assert mask({"notify": {"webhook": settings}}) == {"notify": {"webhook": settings}}
    assert mask({"notify.webhook.style": "slack"}) == {"notify.webhook.style": "slack"}
    assert mask_override("notify.webhook.style=slack") == "notify.webhook.style=slack"
    assert mask_override("+notify.webhook.quiet=22:00-07:00") == "+notify.webhook.quiet=22:00-07:00"
    for override in ("notify.webhook.url=x", "notify.webhook=x", "notify.webhook.api_key=x", "my.webhook.address=x"):
        assert mask_override(override) == f"{override.partition('=')[0]}={MASK}"
    assert mask({"webhook": {"value": "x"}}) == {"webhook": {"value": MASK}}
