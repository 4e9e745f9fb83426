"""Batch commands: one JSON object a line in, one a line out, in the same order.

A bad line is reported on stderr with its number, and the rest is still processed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar

from theragen_core.conversation import Message, Role
from theragen_core.guard import Guard
from theragen_core.process import forbid_memory_dumps
from theragen_core.resources import text

_Kind = TypeVar("_Kind")


class BadLine(Exception):
    """Why a line cannot be used, in words that repeat none of it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rules", action="store_true", help="by rules alone, without the encoder")


def make_guard(options: argparse.Namespace) -> Guard:
    """As the options ask; says so where the encoder cannot be had."""
    forbid_memory_dumps()
    guard = Guard(load=lambda: None) if options.rules else Guard()
    if not guard.trained and not options.rules:
        print(text("cli.rules_alone"), file=sys.stderr)
    return guard


def process(answer: Callable[[dict[str, Any]], dict[str, Any]], lines: BinaryIO) -> int:
    """Answer every line. Returns the exit code: 2 if some line was bad, else 0."""
    code = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            answered = answer(_parsed(line))
        except BadLine as reason:
            print(text("cli.bad_line", number=number, reason=str(reason)), file=sys.stderr)
            code = 2
            continue
        print(json.dumps(answered), flush=True)
    return code


def messages_of(row: dict[str, Any]) -> tuple[Message, ...]:
    """The conversation of a row."""
    return tuple(
        Message(_role(field(entry, "role", str)), field(entry, "text", str))
        for entry in (_object(entry) for entry in field(row, "messages", list))
    )


def field(row: dict[str, Any], name: str, kind: type[_Kind]) -> _Kind:
    value = row.get(name)
    if not isinstance(value, kind):
        raise BadLine(text("cli.no_field", field=name))
    return value


def _role(name: str) -> Role:
    if name not in list(Role):
        raise BadLine(text("cli.bad_role"))
    return Role(name)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadLine(text("cli.not_json"))
    return value


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        return _object(json.loads(line.decode("utf-8-sig")))
    except UnicodeDecodeError:
        raise BadLine(text("cli.not_utf8")) from None
    except (ValueError, RecursionError):
        raise BadLine(text("cli.not_json")) from None
