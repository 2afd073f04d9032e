"""From a `_target_` name to the class or function, with a whitelist: a config must not run just anything."""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires
from re import match
from types import ModuleType
from typing import Any

from aurl.errors import ConfigError, did_you_mean

TRUSTED = ("aurl", "torch")
# Parts of torch that fetch or run code, or unpickle files: to be named in AURL_TRUST by those who want them.
DANGEROUS = ("torch.hub", "torch.load", "torch.serialization", "torch.package", "torch.utils.cpp_extension")
_IMPORT_FAULTS = (SyntaxError, NameError, TypeError, ValueError, AttributeError, OSError, RuntimeError)


def locate(target: object) -> Callable[..., Any]:
    """The class or function that a `_target_` names.

    Raises:
        ConfigError: it is not a dotted name, not trusted, does not exist, needs a package that is not installed, or
            cannot be called.
    """
    if not isinstance(target, str) or not all(part.isidentifier() for part in target.split(".")) or "." not in target:
        raise ConfigError(f"{target!r} is not the full name of a class, such as aurl.models.vae.VAE.")
    _check_trusted(target, target)
    found = _find(target)
    home = getattr(found, "__module__", None)
    if isinstance(home, str):
        _check_trusted(home, target)
    if not callable(found):
        raise ConfigError(f"'{target}' is {type(found).__name__}, not a class or function.")
    target_callable: Callable[..., Any] = found
    return target_callable


def _check_trusted(name: str, target: str) -> None:
    """Also the module where an object was made counts: `torch.os.system` is not torch's."""
    allowed = [prefix.strip() for prefix in os.environ.get("AURL_TRUST", "").split(",") if prefix.strip()]
    if _within(name, allowed) or (_within(name, TRUSTED) and not _within(name, DANGEROUS)):
        return
    made = "" if name == target else f" (made in {name})"
    prefix = name if _within(name, DANGEROUS) else name.split(".", maxsplit=1)[0]
    raise ConfigError(
        f"'{target}'{made} is not trusted: a config may name {' and '.join(f'{known}.*' for known in TRUSTED)} only; "
        f"if you trust it, set the environment variable AURL_TRUST={prefix} (several with commas)."
    )


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
