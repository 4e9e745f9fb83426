"""What may stand behind `theragen` on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Arguments:
    """`model`: a GGUF file to open instead of the one in the settings, for this run only."""

    model: Path | None = None


def parse(arguments: Sequence[str]) -> Arguments:
    """Exits with code 2 and one sentence for what is not understood."""
    if not arguments:
        return Arguments()  # the usual start does not pay for importing a parser
    import argparse

    from theragen_core import __version__

    parser = argparse.ArgumentParser(
        prog="theragen", description="Private support conversations on your own computer."
    )
    parser.add_argument("--model", type=Path, metavar="FILE", help="open this GGUF model file")
    parser.add_argument("--version", action="version", version=__version__)
    return Arguments(model=parser.parse_args(arguments).model)
