"""Frozen dataclasses as JSON and back, by their own type hints: nothing is taken that the hints do not say.

Enough for evidence and trust lists: text, numbers, bytes, times, enumerations, tuples, mappings of text, dataclasses and None.
"""

from __future__ import annotations

import base64
import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_plain(value: object) -> Any:  # noqa: ANN401, PLR0911  # JSON; one return for each form
    """`value` as `json.dumps` takes it.

    Raises:
        TypeError: It is, or holds, something that does not travel.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, date):  # and datetime, which is one
        return value.isoformat()
    if isinstance(value, tuple | list | frozenset):
        return [to_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {entry.name: to_plain(getattr(value, entry.name)) for entry in fields(value)}
    raise TypeError(f"{type(value).__name__} does not travel")


def from_plain(kind: type[T], plain: object) -> T:
    """The `kind` that `to_plain` made `plain` of.

    Raises:
        ValueError: It is of another form.
    """
    value: T = _read(kind, plain)
    return value


def _read(kind: Any, plain: object) -> Any:  # noqa: ANN401, PLR0911  # a type hint; one return for each form
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        options = [option for option in get_args(kind) if option is not type(None)]
        if plain is None and len(options) < len(get_args(kind)):
            return None
        if len(options) != 1:
            raise ValueError(f"{kind} is not told apart")
        return _read(options[0], plain)
    if origin is tuple or origin is frozenset:
        return origin(_items(get_args(kind), _of(list, plain)))
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _read(get_args(kind)[1], item) for key, item in _of(dict, plain).items()}
    if kind is float:
        return float(_of(float if isinstance(plain, float) else int, plain))
    if kind is bytes:
        return base64.b64decode(_of(str, plain), validate=True)
    if kind in (date, datetime):
        return kind.fromisoformat(_of(str, plain))
    if is_dataclass(kind):
        return _record(kind, _of(dict, plain))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(_of(str, plain))
    if kind in (str, int, bool):
        return _of(kind, plain)
    raise ValueError(f"{kind} does not travel")


def _items(hints: tuple[Any, ...], items: list[Any]) -> Sequence[Any]:
    if len(hints) == 1 or (len(hints) == 2 and hints[1] is Ellipsis):
        return [_read(hints[0], item) for item in items]
    if len(hints) != len(items):
        raise ValueError(f"{len(items)} items where {len(hints)} are due")
    return [_read(hint, item) for hint, item in zip(hints, items, strict=True)]


def _record(kind: Any, values: dict[str, Any]) -> Any:  # noqa: ANN401  # a dataclass
    hints = _hints(kind)
    if values.keys() != hints.keys():
        raise ValueError(f"not the fields of {kind.__name__}")
    return kind(**{name: _read(hint, values[name]) for name, hint in hints.items()})


@lru_cache(maxsize=64)
def _hints(kind: Any) -> dict[str, Any]:  # noqa: ANN401  # a dataclass
    hints = get_type_hints(kind)
    return {entry.name: hints[entry.name] for entry in fields(kind)}


def _of(kind: type[T], plain: object) -> T:
    if type(plain) is not kind:
        raise ValueError(f"{type(plain).__name__} where {kind.__name__} is due")
    return plain
