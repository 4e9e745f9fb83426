from __future__ import annotations

import subprocess
import sys

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from desktop.clipboard import copy_text, forget_copied


def test_text_is_copied_with_the_wish_not_to_be_kept(qapp: QApplication) -> None:
    copy_text("1 < 2 & <b>plain</b>")
    data = QGuiApplication.clipboard().mimeData()
    assert data.text() == "1 < 2 & <b>plain</b>"
    assert not data.hasHtml()
    assert bytes(data.data("x-kde-passwordManagerHint").data()) == b"secret"
    assert data.hasFormat("ExcludeClipboardContentFromMonitorProcessing")
    assert data.hasFormat("org.nspasteboard.ConcealedType")
    QGuiApplication.clipboard().clear()


def test_a_program_that_copied_ends_without_a_crash() -> None:
    code = (
        "from PySide6.QtGui import QGuiApplication\n"
        "from desktop.clipboard import copy_text, forget_copied, forget_copied\n"
        "application = QGuiApplication([])\n"
        "copy_text('words')\n"
        "forget_copied()\n"
        "assert QGuiApplication.clipboard().text() == ''\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_empty_clipboard_and_what_others_copied_are_left_alone(qapp: QApplication) -> None:
    clipboard = QGuiApplication.clipboard()
    clipboard.clear()
    forget_copied()
    clipboard.setText("from another program")
    forget_copied()
    assert clipboard.text() == "from another program"
    clipboard.clear()
