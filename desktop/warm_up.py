"""Work that the first message and the first reply would otherwise wait for.

Runs in a pool thread while the model loads, and gives the window its turn the more often: at the
interpreter's usual 5 ms the window, which asks for it many times, would stand still for 60 ms.
"""

from __future__ import annotations

import sys

from PySide6.QtCore import QThreadPool

_TURN_S = 0.0005


def start() -> None:
    QThreadPool.globalInstance().start(_warm_up_aside)


def _warm_up_aside() -> None:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_TURN_S)
    try:
        warm_up()
    finally:
        sys.setswitchinterval(usual)


def warm_up() -> None:
    """Use each once, and with a word: of an empty text no rule is asked."""
    from desktop import markdown_blocks
    from theragen_core import directory, risk, safety

    risk.assess_message("a")
    safety.review(safety.Sentence("a"))
    safety.asks_for_heavy("a")
    directory.countries()
    markdown_blocks.blocks(markdown_blocks.Chunk("a"))
