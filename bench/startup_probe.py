"""Opens a window, types a key, and prints when it was taken (monotonic seconds) and peak MiB.

Run as a file by bench/startup.py, so that nothing is imported that the program itself does not.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication, QPlainTextEdit


def main() -> None:
    from PySide6.QtCore import QTimer

    qt, edit = _bare() if sys.argv[1] == "bare" else _app()
    # After the events that show the window, and whatever the program itself put in the queue.
    QTimer.singleShot(0, lambda: _type_a_key(edit))
    qt.exec()


def _bare() -> tuple[QApplication, QPlainTextEdit]:
    from PySide6.QtWidgets import QApplication, QPlainTextEdit

    qt = QApplication([])
    edit = QPlainTextEdit()
    edit.show()
    edit.setFocus()
    return qt, edit


def _app() -> tuple[QApplication, QPlainTextEdit]:
    """As desktop.app.run does, up to its event loop; the person has consented before."""
    from desktop import app
    from desktop.arguments import Arguments
    from theragen_core.settings import CONSENT_VERSION, Settings, default_path, save

    if not default_path().exists():
        save(Settings(consent=CONSENT_VERSION), default_path())
    application, qt = app.open_window(Arguments())
    _keep.append(application)
    return qt, application.window.composer.edit


_keep: list[object] = []  # the application must outlive the function that made it


def _type_a_key(edit: QPlainTextEdit) -> None:
    from PySide6.QtCore import QCoreApplication, QEvent, Qt
    from PySide6.QtGui import QKeyEvent

    window = edit.window()
    if not edit.isVisible() or window.focusWidget() not in (edit, None):
        raise SystemExit("the text box is not focused")
    key = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_A, Qt.KeyboardModifier.NoModifier, "a")
    QCoreApplication.sendEvent(edit, key)
    if edit.toPlainText() != "a":
        raise SystemExit("the key was not taken")
    print(time.monotonic(), _peak_mib(), flush=True)
    os._exit(0)


def _peak_mib() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
