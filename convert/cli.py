"""The commands of `python -m convert`, as one parser.

Exit codes: 0 done; 2 bad usage or input, with one sentence on stderr; 130 interrupted; 1 a bug of
ours.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from convert.cog.package import Options, PackageError, write_package
from theragen_core.errors import UserError
from theragen_core.resources import fault_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except UserError as error:
        print(fault_text(error.fault, error.details), file=sys.stderr)
        return 2
    except PackageError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m convert")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    cog = commands.add_parser("cog", help="write a package that serves a model at Replicate")
    cog.add_argument("model", metavar="MODEL", help="a GGUF file, or its https address")
    cog.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new or empty folder")
    cog.add_argument("--sha256", default="", help="of the file at an address")
    cog.add_argument("--gpu", action="store_true", help="build llama.cpp for an NVIDIA GPU")
    cog.add_argument(
        "--concurrency", type=int, default=1, metavar="N", help="replies at a time (1 to 16)"
    )
    cog.set_defaults(run=_run_cog)
    return parser


def _run_cog(options: argparse.Namespace) -> int:
    chosen = Options(options.model, options.sha256, options.gpu, options.concurrency)
    write_package(chosen, options.out)
    print(f"{options.out} is ready. See docs/CLOUD.md for what comes next; in that folder:")
    print("    cog push r8.im/OWNER/NAME")
    return 0
