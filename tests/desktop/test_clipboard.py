from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from desktop.clipboard import copy_text


def test_text_is_copied_with_the_wish_not_to_be_kept(qapp: QApplication) -> None:
    copy_text("1 < 2 & <b>plain</b>")
    data = QGuiApplication.clipboard().mimeData()
    assert data.text() == "1 < 2 & <b>plain</b>"
    assert not data.hasHtml()
    assert bytes(data.data("x-kde-passwordManagerHint").data()) == b"secret"
    assert data.hasFormat("ExcludeClipboardContentFromMonitorProcessing")
    assert data.hasFormat("org.nspasteboard.ConcealedType")
    QGuiApplication.clipboard().clear()
