"""An X server of a test's own, with the keyboard and the clipboard of whoever sits before it.

Knows X only, and sees the program as a person does: from outside. There is no window manager.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NEEDED = ("Xvfb", "xdotool")
_WAIT_S = 30
_KEY_PAUSE_MS = "15"  # faster than anyone types, and slow enough for the server to keep the order

# Qt asks the owner of the clipboard as any other program would; xclip is one more thing to install.
_READ_CLIPBOARD = """
import sys
from PySide6.QtGui import QGuiApplication
application = QGuiApplication(sys.argv)
sys.stdout.buffer.write(application.clipboard().text().encode())
"""


class XDisplay:
    """One screen."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def environment(self) -> dict[str, str]:
        """What a program on this screen is started with."""
        kept = {k: v for k, v in os.environ.items() if k not in ("QT_QPA_PLATFORM", "DISPLAY")}
        kept.pop("WAYLAND_DISPLAY", None)
        return {**kept, "DISPLAY": self.name}

    def focus(self, title: str) -> None:
        """Wait for the window of this title and give it the keyboard."""
        self._xdotool("search", "--sync", "--onlyvisible", "--name", title, "windowfocus", "--sync")

    def press(self, *keys: str) -> None:
        """Press keys such as "Tab" and "ctrl+q", one after another, wherever the focus is."""
        self._xdotool("key", "--delay", _KEY_PAUSE_MS, *keys)

    def type(self, words: str) -> None:
        self._xdotool("type", "--delay", _KEY_PAUSE_MS, "--", words)

    def clipboard(self) -> str:
        reader = [sys.executable, "-c", _READ_CLIPBOARD]
        return self._run(reader).decode()

    def _xdotool(self, *words: str) -> None:
        self._run(["xdotool", *words])

    def _run(self, command: list[str]) -> bytes:
        done = subprocess.run(
            command, env=self.environment, stdout=subprocess.PIPE, check=True, timeout=_WAIT_S
        )
        return done.stdout


def missing() -> list[str]:
    """The programs that are needed for this and not installed."""
    return [name for name in NEEDED if shutil.which(name) is None]


@contextmanager
def x_display() -> Iterator[XDisplay]:
    """A server on a number that no other one uses; ended afterwards."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1100x850x24"]
    with subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL) as server:
        os.close(writing)
        with open(reading, encoding="ascii") as pipe:
            number = pipe.readline().strip()
        assert number, "Xvfb did not start"
        try:
            yield XDisplay(f":{number}")
        finally:
            server.terminate()
