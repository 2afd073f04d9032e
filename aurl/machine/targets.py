"""From a `_target_` name to a class: what a name may stand for is decided by the place where it stands.

Each place of a config expects one base class: a Sink in `logging`, a Detector in `anomaly.detectors`, a MusicModel in
`model`. A name there may stand for a class below that base and for nothing else. There is no list of forbidden names:
torch alone has dozens of callables that run commands, fetch code or unpickle files.

Nothing is called here, and no module is imported before its package is known to be allowed: aurl's own, the few modules
of torch that hold classes of the wanted kind, and the packages that the user names in `AURL_TRUST`.
"""

from __future__ import annotations

import inspect
import os
import pkgutil
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires
from re import match
from types import FunctionType, ModuleType
from typing import Any

from aurl.errors import ConfigError, did_you_mean
from aurl.machine.signatures import returns

# Classes of other packages that may stand where their base is expected: the base's full name, and where they lie.
_OTHERS = {
    "torch.optim.optimizer.Optimizer": ("torch.optim",),
    "torch.optim.lr_scheduler.LRScheduler": ("torch.optim.lr_scheduler",),
    "torch.nn.modules.module.Module": ("torch.nn",),
}
_IMPORT_FAULTS = (SyntaxError, NameError, TypeError, ValueError, AttributeError, OSError, RuntimeError)


def locate(target: object, *bases: type) -> Callable[..., Any]:
    """The class that a `_target_` names, or a function of a trusted package whose annotation says that it makes one.

    Args:
        bases: what the place expects: one of these classes or one below it. Without any, nothing may stand there.

    Raises:
        ConfigError: it is not a dotted name, not trusted, does not exist, needs a package that is not installed, or
            is not of the expected kind.
    """
    if not isinstance(target, str) or not all(part.isidentifier() for part in target.split(".")) or "." not in target:
        raise ConfigError(f"{target!r} is not the full name of a class, such as aurl.models.vae.VAE.")
    if not bases:
        raise ConfigError(f"'{target}': no class may be named here; a parameter takes one where it is annotated so.")
    trusted = _trusted()
    others = [place for base in bases for place in _OTHERS.get(_full_name(base), ())]
    if not _within(target, ("aurl", *others, *trusted)):
        raise ConfigError(_not_trusted(target, bases, others))
    found = _find(target)
    if inspect.isclass(found) and issubclass(found, bases):
        return found
    if isinstance(found, FunctionType) and _within(found.__module__, trusted):
        made = returns(found)
        if inspect.isclass(made) and issubclass(made, bases):
            return found
        raise ConfigError(
            f"'{target}' is a function; annotate what it returns with {full_names(bases)} or a class below."
        )
    kind = "is a class, but none" if inspect.isclass(found) else f"is {type(found).__name__}, not a class"
    raise ConfigError(f"'{target}' {kind} of the kind that stands here: {full_names(bases)} or a class below it.")


def full_names(bases: Iterable[type]) -> str:
    """These classes in words: `aurl.sinks.base.Sink`, several joined by `or`."""
    return " or ".join(map(_full_name, bases))


def _trusted() -> tuple[str, ...]:
    """The packages that the user trusts with their whole code; aurl and torch are asked for by their own rules."""
    return tuple(prefix.strip() for prefix in os.environ.get("AURL_TRUST", "").split(",") if prefix.strip())


def _not_trusted(target: str, bases: Iterable[type], others: Iterable[str]) -> str:
    package = target.partition(".")[0]
    allowed = " or ".join(f"{prefix}.*" for prefix in ("aurl", *others))
    advice = f" If you trust the package, set AURL_TRUST={package} (several with commas)." if package != "torch" else ""
    return f"'{target}' is not trusted: here stands {full_names(bases)} or a class below it, from {allowed}.{advice}"


def _full_name(base: type) -> str:
    return f"{base.__module__}.{base.__qualname__}"


def _within(name: str, prefixes: Iterable[str]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def _find(target: str) -> Any:
    parts = target.split(".")
    found: Any = _import(parts[0], target)
    for depth, part in enumerate(parts[1:], 1):
        if hasattr(found, part):
            found = getattr(found, part)
        elif isinstance(found, ModuleType):
            found = _import(".".join(parts[: depth + 1]), target)
        else:
            raise _no_attribute(found, ".".join(parts[:depth]), part)
    return found


def _import(name: str, target: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise ConfigError(_missing_package(name, error)) from error
        raise _not_found(name, target) from error
    except ImportError as error:
        raise ConfigError(f"importing {name} failed: {error}") from error
    except _IMPORT_FAULTS as error:
        raise ConfigError(f"importing {name} failed: {type(error).__name__}: {error}") from error


def _missing_package(module: str, error: ModuleNotFoundError) -> str:
    package = (error.name or "").split(".")[0]
    extra = _extra(package)
    install = f"pip install 'aurl[{extra}]'" if extra else f"pip install {package}"
    return f"{module} needs the package '{package}', which is not installed; run {install}, or choose another option."


def _extra(package: str) -> str:
    """The extra of aurl that brings a package, or an empty string."""
    try:
        requirements = requires("aurl") or []
    except PackageNotFoundError:
        return ""
    for requirement in requirements:
        found = match(r"([\w.\-]+).*extra == ['\"](\w+)['\"]", requirement)
        if found and found[1].replace("-", "_").lower() == package.lower() and found[2] != "dev":
            return found[2]
    return ""


def _not_found(name: str, target: str) -> ConfigError:
    above, _, last = name.rpartition(".")
    if not above:
        return ConfigError(f"'{target}': no package '{name}' is installed.")
    parent = import_module(above)
    if not hasattr(parent, "__path__") or name == target:
        return _no_attribute(parent, above, last)
    modules = [f"{above}.{module.name}" for module in pkgutil.iter_modules(parent.__path__)]
    return ConfigError(f"'{target}': no module '{name}'.{did_you_mean(name, modules)}")


def _no_attribute(owner: Any, path: str, name: str) -> ConfigError:
    known = [public for public in dir(owner) if not public.startswith("_") and callable(getattr(owner, public, None))]
    return ConfigError(f"'{path}' has no '{name}'.{did_you_mean(name, known)}")
