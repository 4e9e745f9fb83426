"""The terminal commands, as one parser. Each command is a module of this package.

Exit codes: 0 done; 2 bad usage or input, with one sentence on stderr; 130 interrupted;
1 a bug of ours.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from theragen_core import __version__
from theragen_core.cli import assess, bench, chat, directory, doctor, models, review
from theragen_core.cli.lines import printable
from theragen_core.errors import UserError
from theragen_core.resources import fault_text, text

COMMANDS = {
    "chat": chat,
    "models": models,
    "doctor": doctor,
    "bench": bench,
    "assess": assess,
    "review": review,
    "directory": directory,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except UserError as error:
        print(printable(fault_text(error.fault, error.details)), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output went away; stdout must not be flushed again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m theragen_core")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, help=text(f"cli.{name}_help"))
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return parser
