"""Masks secrets in configs, overrides, argument lists and text, before any of them is written to a run directory.

A value is masked when the key it stands under names a secret (`wandb.api_key`, `HF_TOKEN`, `password`), or when it
looks like one whatever its key (`hf_...`, `ghp_...`, `https://user:password@host`, a Slack webhook, 40 hexadecimal
digits that no word calls a commit). Keys of the
vocabulary kind (`tokenizer`, `max_tokens`, `pad_token`, `key_value_heads`) are left alone, and so are interpolations
such as `${oc.env:WANDB_API_KEY}`, which reveal nothing. When in doubt a string is masked. Masking twice changes
nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

from aurl.record import Json

MASK = "***"

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET_WORD = re.compile(
    "secrets?|passwords?|passwd|passphrase|credentials?|apikeys?|webhooks?|authorization|auth|bearer|cookies?|"
    "privatekey|accesskey|dsn"
)
_SECRET_PAIR = re.compile(
    "(?:api|private|access|secret|signing|encryption|ssh|account|license|master|shared|service) keys?"
)
_NOTIFIER = re.compile(r"[-~+]*notify\.webhook\.(?!url\b)")  # a config node, which names the variable of its secret
_PLACE = re.compile("files?|paths?|dir|folder|env|var|length|len|count|policy")
_VOCABULARY = re.compile(  # the word before `token` where that is a unit of text or music
    "pad|bos|eos|unk|mask|cls|sep|start|end|stop|begin|special|next|previous|first|last|per|each|any|no|valid|invalid|"
    "new|bar|position|pitch|velocity|duration|tempo|note|rest|time|text|image|audio|vocab|added"
)
_HARMLESS = re.compile(
    r"(?:\$\{(?:oc\.env:)?[\w.]+(?:,\s*(?:null|''|\"\")?)?\})+|\?\?\?|null|None|\*\*\*|https?://\.\.\.|"
)

_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", MASK),
        (r"(https?://hooks\.slack\.com/[a-z]+/)[^\s\"'<>]+", rf"\1{MASK}"),
        (r"(https?://(?:\w{1,20}\.)?discord(?:app)?\.com/api/webhooks/)[^\s\"'<>]+", rf"\1{MASK}"),
        (r"(https?://[\w.-]{1,200}\.webhook\.office\.com/)[^\s\"'<>]+", rf"\1{MASK}"),
        (r"(https?://api\.telegram\.org/bot)[^\s\"'<>/]+", rf"\1{MASK}"),
        (r"(\b[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s/:@\"'<>]*:)[^\s/\"'<>]+(?=@)", rf"\1{MASK}"),
        (r"(https?://)(?!git@)[^\s/:@\"'<>]+(?=@)", rf"\1{MASK}"),
        (r"\bhf_[A-Za-z0-9]{16,}", MASK),
        (r"\bgh[pousr]_[A-Za-z0-9]{16,}", MASK),
        (r"\bgithub_pat_\w{16,}", MASK),
        (r"\bglpat-[\w-]{16,}", MASK),
        (r"\bwandb_v\d_\w{16,}", MASK),
        (r"\bnpm_[A-Za-z0-9]{32,}", MASK),
        (r"\bpypi-[\w-]{32,}", MASK),
        (r"(?<![\w-])sk-(?:(?=[\w-]*\d)[\w-]{16,}|[A-Za-z0-9]{20,})", MASK),
        (r"\bxox[a-z]-[\w-]{10,}", MASK),
        (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", MASK),
        (r"\bAIza[\w-]{32,}", MASK),
        (r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*", MASK),
        (r"(?i)\b(bearer\s+)(?=\S*\d|\S{20})[A-Za-z0-9._~+/=-]{8,}", rf"\1{MASK}"),
        (r"(?i)\b(authorization[\"']?\s*[:=]\s*[\"']?(?:bearer|basic|token|digest)\s+)[^\s\"']+", rf"\1{MASK}"),
    )
)
_MAY_HOLD = re.compile(  # one look that spares most texts, names of metrics above all, the thirty of the patterns
    "[=:]|--|hf_|gh[pousr]_|github_pat_|glpat-|wandb_v|npm_|pypi-|sk-|xox|AKIA|ASIA|AIza|eyJ|(?i:bearer)|[0-9a-f]{40}"
)
_HEX_KEY = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{40}(?![0-9A-Za-z])")  # a key of Weights & Biases, or a git commit
_HASH_WORDS = (
    "sha\\d*|commits?|rev|revision|hash|digest|tree|checksum|parent|merge|head|git|blob|ref|etag|fingerprint|snapshots|"
    "resolve|raw|archive"
)
_CALLED_A_HASH = re.compile(rf"(?i)(?:@|\.\.|(?:\b|_)(?:{_HASH_WORDS})[\"']?\s{{0,3}}[:=/]?\s{{0,3}}[\"']?)$")
_HASH_KEY = re.compile(rf"(?i)(?:.*[._-])?(?:{_HASH_WORDS})")
_FILESYSTEM_OPTIONS = re.compile(r"(?:.*[._])?(?:options|client_kwargs)")  # of fsspec: `key` and `secret`
_CACHED_LENGTH = 512
# A name and its sign, as in YAML, shell, Python (`name: str = `), JSON, the query part of a URL, and `--name value`.
_NAMED = re.compile(
    r"(?<![\w.-])(?P<key>(?P<flag>--)?[\w.-]++)"
    r"(?:[\"']?\]?[ \t]*(?::[ \t]*[\w.\[\]| ]{1,60}?=(?!=)|:(?![/:])|=(?!=))[ \t]*|(?(flag)[ \t]+(?!-)|(?!)))"
)
_QUOTED = re.compile(r"[bBfFrRuU]{0,2}(?P<quote>[\"'])(?P<value>(?:\\.|(?!(?P=quote))[^\\\n])*+)(?P=quote)")
_BARE = re.compile(r"(?P<value>[^\s\"'(){}\[\],;&]++)(?![(\[])")
_CODE_WORD = re.compile(r"str|bytes|int|float|bool|Any|Optional|object|(?:self|os|args|cfg|config|settings)\..*|\$.*")
_HOOK = re.compile("(?i)(?:.*[._-])?webhooks?")  # prose has it too: `notify=webhook: the variable is not set`
_OVERRIDE = re.compile(r"(?s)(?P<key>[-~+]*[\w.@/:-]+)=(?P<value>.*)")
_FLAG = re.compile(r"--?[A-Za-z][\w.-]*")


def mask(value: Json) -> Json:
    """A copy of the value with every secret in it replaced by `***`; mappings become dicts, sequences lists.

    Everything under a secret key is masked, nested values too; true, false and null are kept everywhere.
    """
    return _mask(value, secret=None)


def mask_override(override: str) -> str:
    """`wandb.api_key=abc` to `wandb.api_key=***`; an override that holds no secret comes back as it was."""
    found = _OVERRIDE.fullmatch(override)
    if found and (strength := _path_strength(found["key"])):
        return f"{found['key']}={_leaf(found['value'], strength)}"
    return mask_text(override)


def mask_argv(argv: Sequence[str]) -> list[str]:
    """A command line without its secrets; also the value after a flag such as `--token`."""
    masked: list[str] = []
    secret_flag = ""
    for argument in argv:
        if secret_flag and not argument.startswith("-"):
            masked.append(str(_leaf(argument, secret_flag)))
            secret_flag = ""
        else:
            masked.append(mask_override(argument))
            secret_flag = _path_strength(argument) if _FLAG.fullmatch(argument) else ""
    return masked


def mask_text(text: str) -> str:
    """Free text (a diff, a log line) without known token shapes and without values assigned to secret names."""
    if not _MAY_HOLD.search(text):
        return text
    if len(text) <= _CACHED_LENGTH:
        return _mask_short(text)
    return _mask_any(text)


@lru_cache(maxsize=8192)
def _mask_short(text: str) -> str:
    """Records repeat their short texts again and again."""
    return _mask_any(text)


def _mask_any(text: str) -> str:
    for pattern, replacement in _SHAPES:
        text = pattern.sub(replacement, text)
    return _mask_named(_HEX_KEY.sub(_mask_hex, text))


def _mask_hex(found: re.Match[str]) -> str:
    before = found.string[max(0, found.start() - 24) : found.start()]
    return found[0] if _CALLED_A_HASH.search(before) else MASK


@lru_cache(maxsize=4096)
def key_strength(key: str) -> str:
    """`"strong"` for a key that names a secret, `"weak"` for one of the `token` kind, `""` for any other.

    Under a weak key only strings are masked: a number there is a vocabulary id.
    """
    words = [word.lower() for word in _WORDS.findall(key)]
    if not words or _PLACE.fullmatch(words[-1]):
        return ""
    if any(map(_SECRET_WORD.fullmatch, words)) or any(map(_SECRET_PAIR.fullmatch, map(" ".join, pairwise(words)))):
        return "strong"
    if words[-1] == "token" and (len(words) == 1 or not _VOCABULARY.fullmatch(words[-2])):
        return "weak"
    return ""


def _path_strength(path: str) -> str:
    before, dot, last = path.rpartition(".")
    if dot and last == "key" and _FILESYSTEM_OPTIONS.fullmatch(before):
        return "strong"
    strengths = {key_strength(part) for part in re.split(r"[./@:]", _NOTIFIER.sub("", path))}
    return "strong" if "strong" in strengths else "weak" if "weak" in strengths else ""


def _mask(value: Json, secret: str | None) -> Json:
    if isinstance(value, Mapping):
        login = "secret" in value  # of a file system: its key is half of it
        return {key: _mask_under(str(key), item, secret, login) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_mask(item, secret) for item in value]
    if secret:
        return _leaf(value, secret)
    return mask_override(value) if isinstance(value, str) else value


def _mask_under(key: str, value: Json, secret: str | None, login: bool) -> Json:
    if isinstance(value, str) and not secret and _HASH_KEY.fullmatch(key) and _HEX_KEY.fullmatch(value):
        return value
    if _FILESYSTEM_OPTIONS.fullmatch(key) and isinstance(value, Mapping) and "key" in value:
        return {name: _mask_under(f"{key}.{name}", item, secret, False) for name, item in value.items()}
    return _mask(value, secret or _key_strength(key, value) or ("strong" if login and key == "key" else None))


def _key_strength(key: str, value: Json) -> str:
    is_notifier = key == "webhook" and isinstance(value, Mapping) and "_target_" in value
    return "" if is_notifier else _path_strength(key)


def _leaf(value: Json, strength: str) -> Json:
    if value is None or isinstance(value, bool):
        return value
    if strength == "weak" and _is_number(value):
        return value
    return value if isinstance(value, str) and _HARMLESS.fullmatch(value.strip("'\"")) else MASK


def _mask_named(text: str) -> str:
    done, parts = 0, []
    while named := _NAMED.search(text, done):
        strength = _path_strength(named["key"])
        # Behind any other name goes the search on: `failed: password=x` looks like `name: type = value`.
        start = named.end() if strength else named.end("key")
        parts.append(text[done:start])
        done = start
        if strength and (found := _QUOTED.match(text, start) or _BARE.match(text, start)):
            value, done = found["value"], found.end()
            is_code = found.re is _BARE and _is_code(value, strength)
            is_prose = bool(_HOOK.fullmatch(named["key"])) and not _looks_like_a_place(value)
            kept = is_code or is_prose or _HARMLESS.fullmatch(value)
            parts.append(found[0] if kept else found[0].replace(value, MASK))
    return "".join([*parts, text[done:]])


def _is_code(word: str, strength: str) -> bool:
    if _CODE_WORD.fullmatch(word):
        return True
    return strength == "weak" and not _looks_random(word)  # `token = tokens` is code, not a leak


def _looks_like_a_place(word: str) -> bool:
    return "/" in word or _looks_random(word)


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) or (isinstance(value, str) and value.isdecimal() and len(value) < 9)


def _looks_random(word: str) -> bool:
    return len(word) >= 12 and any(letter.isdigit() for letter in word)
