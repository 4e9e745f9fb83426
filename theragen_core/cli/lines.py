"""Lines for a person at a terminal, whatever its encoding, and whatever stands in them."""

from __future__ import annotations

import sys
from collections.abc import Iterable


def print_lines(lines: Iterable[str]) -> None:
    """To stdout. A terminal whose encoding has no Å must not end the command."""
    sys.stdout.flush()
    shown = "".join(f"{printable(line)}\n" for line in lines)
    sys.stdout.buffer.write(shown.encode("utf-8", "replace"))
    sys.stdout.buffer.flush()


def printable(line: str) -> str:
    """Without what the name of a file could do to a terminal."""
    return "".join(filter(str.isprintable, line))
