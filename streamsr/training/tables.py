"""Tables of a TOML file as dataclasses: unknown keys and values of the wrong type are errors that name the way out."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from ..errors import ConfigError

Section = TypeVar("Section")


def read_table(path: Path) -> dict[str, Any]:
    """The whole file as nested dictionaries.

    Raises:
        ConfigError: it cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"recipe {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"recipe {path} is not TOML: {error}") from error


def override(raw: dict[str, Any], line: str) -> None:
    """Set one value: `optim.steps=1000`. The value is TOML; what is not TOML is taken as text.

    Raises:
        ConfigError: there is no `=`, or a part of the path is not a table.
    """
    path, equals, text = line.partition("=")
    *tables, key = path.strip().split(".")
    if not (equals and key):
        raise ConfigError(f"{line!r} sets nothing; write section.key=value, such as optim.steps=1000")
    for name in tables:
        raw = raw.setdefault(name, {})
        if not isinstance(raw, dict):
            raise ConfigError(f"{line!r}: {name} is not a table")
    try:
        raw[key] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        raw[key] = text.strip()


def section(kind: type[Section], raw: Any, where: str) -> Section:
    """A dataclass from a table; lists become tuples, inner tables become dataclasses where the type says so.

    Raises:
        ConfigError: as the module says; `where` begins the message.
    """
    if not isinstance(raw, dict):
        raise ConfigError(f"{where} is {raw!r}, expected a table")
    hints = get_type_hints(kind)
    known = {each.name: hints[each.name] for each in fields(cast("Any", kind))}
    unknown = sorted(set(raw) - set(known))
    if unknown:
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}; legal keys: {', '.join(known)}")
    missing = [name for name in _required(kind) if name not in raw]
    if missing:
        raise ConfigError(f"{where}: {missing[0]!r} is missing")
    values = {key: _value(value, known[key], f"{where}: {key}") for key, value in raw.items()}
    try:
        return kind(**values)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def check_ranges(table: Any, **legal: bool) -> None:
    """For the `__post_init__` of a dataclass: raise `ConfigError` for the first field whose value is not `legal`."""
    for name, holds in legal.items():
        if not holds:
            raise ConfigError(f"{name} = {getattr(table, name)} is out of its range")


def _required(kind: Any) -> list[str]:
    return [each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING]


def _value(value: Any, hint: Any, where: str) -> Any:
    """`value` as the type `hint` has it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if is_dataclass(hint):
        return section(cast("type[Any]", hint), value, where)
    if origin is UnionType:
        (inner,) = (each for each in arguments if each is not NoneType)
        return _value(value, inner, where)
    if origin is Literal:
        if value not in arguments:
            raise ConfigError(f"{where} is {value!r}, expected one of {', '.join(map(str, arguments))}")
        return value
    if origin is tuple:
        return tuple(_value(item, arguments[0], where) for item in _of_type(value, (list,), where))
    if origin is dict:
        table = _of_type(value, (dict,), where)
        return {key: _value(item, arguments[1], f"{where}.{key}") for key, item in table.items()}
    return value if hint is Any else _of_type(value, {float: (int, float)}.get(hint, (hint,)), where)


def _of_type(value: Any, kinds: tuple[type, ...], where: str) -> Any:
    if type(value) not in kinds:
        raise ConfigError(f"{where} is {value!r}, expected {kinds[-1].__name__}")
    return value
