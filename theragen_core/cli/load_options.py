"""The arguments by which a person fixes how a model is loaded; what is left out is chosen."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from theragen_core.protocol import KvType, LoadOptions
from theragen_core.resources import text

_Number = TypeVar("_Number", int, float)

MOST = 2**31 - 1  # what llama.cpp holds
_LEAST_CONTEXT = 512  # the system prompt, a message and a reply


def add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(text("cli.load_options"))
    tokens = between(int, 1, 2**16)
    group.add_argument("--context", type=between(int, _LEAST_CONTEXT, 2**20), metavar="TOKENS")
    group.add_argument("--gpu-layers", type=between(int, 0, 2**16), metavar="N")
    group.add_argument("--kv-type", choices=[str(kind) for kind in KvType])
    group.add_argument("--flash-attention", action=argparse.BooleanOptionalAction, default=None)
    group.add_argument("--batch", type=tokens, metavar="TOKENS")
    group.add_argument("--ubatch", type=tokens, metavar="TOKENS")
    group.add_argument("--threads", type=between(int, 1, 1024), metavar="N")


def load_options(options: argparse.Namespace) -> LoadOptions:
    return LoadOptions(
        context=options.context,
        gpu_layers=options.gpu_layers,
        kv_type=KvType(options.kv_type) if options.kv_type else None,
        flash_attention=options.flash_attention,
        batch=options.batch,
        ubatch=options.ubatch,
        threads=options.threads,
    )


def between(kind: type[_Number], least: int, most: int) -> Callable[[str], _Number]:
    """A parser of numbers in this range; NaN is in none."""

    def parse(word: str) -> _Number:
        with suppress(ValueError):
            if least <= (number := kind(word)) <= most:
                return number
        raise argparse.ArgumentTypeError(text("cli.out_of_range", least=least, most=most))

    return parse
