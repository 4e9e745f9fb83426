"""Work that the first message and the first reply would otherwise wait for.

Runs in a pool thread while the model loads; the interpreter gives the window its turn every 5 ms.
"""

from __future__ import annotations

from PySide6.QtCore import QThreadPool


def start() -> None:
    QThreadPool.globalInstance().start(_warm_up)


def _warm_up() -> None:
    from desktop import markdown_blocks
    from theragen_core import directory, risk, safety

    risk.assess_message("")  # compiles the rules
    safety.review(safety.Sentence(""))
    directory.countries()
    markdown_blocks.blocks(markdown_blocks.Chunk("a"))
