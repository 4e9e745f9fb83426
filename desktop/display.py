"""Whether there is a display, asked before Qt, which aborts where there is none."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from desktop.arguments import Arguments


def available() -> bool:
    """Whether a window can be opened here."""
    if sys.platform in ("win32", "darwin") or "QT_QPA_PLATFORM" in os.environ:
        return True
    return _wayland_answers() or _x11_answers()


def open_terminal_chat(options: Arguments) -> int:
    """Say why there is no window, and chat in the terminal. Returns the exit code."""
    from theragen_core import cli
    from theragen_core.resources import text

    print(text("cli.no_display"), file=sys.stderr)
    model = [] if options.model is None else ["--model", str(options.model)]
    return cli.main(["chat", *model])


def _wayland_answers() -> bool:
    name = os.environ.get("WAYLAND_DISPLAY")
    return bool(name) and _answers(str(Path(os.environ.get("XDG_RUNTIME_DIR", "/")) / str(name)))


def _x11_answers() -> bool:
    host, _, number = os.environ.get("DISPLAY", "").partition(":")
    screen = number.partition(".")[0]
    if not screen.isdigit():
        return False
    if host not in ("", "unix"):
        return True  # across a network: Qt will see
    name = f"/tmp/.X11-unix/X{screen}"
    return _answers(name) or _answers(f"\0{name}")


def _answers(address: str) -> bool:
    with socket.socket(socket.AF_UNIX) as peer:
        try:
            peer.connect(address)
        except OSError:
            return False
        return True
