"""Commands and events as single JSON lines between the window and its children.

A line is {"v": PROTOCOL_VERSION, "type": "Generate", ...fields}. Whatever a dataclass of
theragen_core.protocol can hold travels; whatever does not fit its declared types is a
ProtocolError, and no part of the line is repeated in the error, since it may be private.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

from theragen_core import protocol
from theragen_core.errors import ProtocolError

PROTOCOL_VERSION = 1

_COMMANDS = get_args(protocol.Command)
_EVENTS = get_args(protocol.Event)
_MODELS = get_args(protocol.ModelSpec)


def encode(value: protocol.Command | protocol.Event) -> bytes:
    """One line of UTF-8 with its line break. Lone surrogates travel as JSON escapes."""
    return json.dumps({"v": PROTOCOL_VERSION, **_plain(value)}).encode("ascii") + b"\n"


def decode_command(line: bytes) -> protocol.Command:
    command: protocol.Command = _decode(line, _COMMANDS)
    return command


def decode_event(line: bytes) -> protocol.Event:
    event: protocol.Event = _decode(line, _EVENTS)
    return event


def _decode(line: bytes, allowed: tuple[type, ...]) -> Any:
    try:
        data = json.loads(line)
        if data.get("v") != PROTOCOL_VERSION:
            raise ProtocolError("a line of another protocol version")
        return _build_tagged(data, allowed)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        # "from None": the cause would quote the line.
        raise ProtocolError(f"a malformed line of {len(line)} bytes") from None


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        body = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return {"type": type(value).__name__, **body}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, frozenset):
        return sorted(_plain(item) for item in value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _build_tagged(data: Any, allowed: tuple[type, ...]) -> Any:
    for kind in allowed:
        if kind.__name__ == data["type"]:
            return _build(data, kind)
    raise ProtocolError("a line of unknown type")


def _build(data: dict[str, Any], kind: type) -> Any:
    parsers = _field_parsers(kind)
    return kind(**{name: parse(data[name]) for name, parse in parsers.items()})


@cache
def _field_parsers(kind: type) -> dict[str, Callable[[Any], Any]]:
    hints = get_type_hints(kind)
    return {field.name: _parser(hints[field.name]) for field in fields(kind)}


def _parser(hint: Any) -> Callable[[Any], Any]:
    """A function that turns parsed JSON into a value of the type `hint`, or raises."""
    if isinstance(hint, NewType):
        return _parser(hint.__supertype__)
    if get_origin(hint) in (Union, UnionType):
        return _union_parser(get_args(hint))
    if get_origin(hint) in (tuple, frozenset):
        build, parse = get_origin(hint), _parser(get_args(hint)[0])
        return lambda items: build(parse(item) for item in _checked(items, list))
    if get_origin(hint) is dict:
        key, value = (_parser(argument) for argument in get_args(hint))
        return lambda items: {key(k): value(v) for k, v in _checked(items, dict).items()}
    if isinstance(hint, type) and is_dataclass(hint):
        return lambda data: _build(_checked(data, dict), hint)
    if isinstance(hint, type) and issubclass(hint, Enum | Path):
        return hint
    if hint is float:
        return lambda number: float(_checked(number, (int, float)))
    return lambda value: _checked(value, hint)


def _union_parser(kinds: tuple[Any, ...]) -> Callable[[Any], Any]:
    if kinds == _MODELS:
        return lambda data: _build_tagged(data, _MODELS)
    if NoneType in kinds:
        (kind,) = (_parser(kind) for kind in kinds if kind is not NoneType)
        return lambda value: None if value is None else kind(value)
    return lambda value: _checked(value, kinds)


def _checked(value: Any, kind: Any) -> Any:
    """`value` when it is of `kind`. A bool is no number."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError
    return value
