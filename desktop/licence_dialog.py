"""The licence of a model, to be accepted before anything of it is fetched."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from desktop.flow_layout import WrappingCheckBox
from desktop.parts import button, paragraph
from theragen_core.resources import text

WIDTH = 56  # in characters


class LicenceDialog(QDialog):
    """`accepted` once the person has said that they read it and accept it."""

    link_activated = Signal(str)

    def __init__(
        self, name: str, licence: str, url: str, size: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._url = url
        self.setWindowTitle(text("manager.licence_title"))
        self.read = button("manager.licence_open", link=True)
        self.read.setAccessibleName(text("manager.licence_open_name", licence=licence))
        self.read.setToolTip(url)
        self.read.clicked.connect(self._on_read)
        self.accept_box = WrappingCheckBox(text("manager.licence_accept"))
        self.go = button("manager.download", primary=True)
        self.go.setText(text("manager.licence_download", size=size))
        self.go.setAccessibleName(text("manager.download_name", name=name, size=size))
        self.go.setEnabled(False)
        self.accept_box.toggled.connect(self.go.setEnabled)
        self.refuse = button("manager.no")
        box = QDialogButtonBox()
        box.addButton(self.go, QDialogButtonBox.ButtonRole.AcceptRole)
        box.addButton(self.refuse, QDialogButtonBox.ButtonRole.RejectRole)
        box.accepted.connect(self.accept)
        box.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addWidget(paragraph(text("manager.licence", name=name, licence=licence)))
        column.addWidget(self.read, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.accept_box)
        column.addWidget(box)
        width = max(WIDTH * self.fontMetrics().averageCharWidth(), self.sizeHint().width())
        self.resize(width, column.totalHeightForWidth(width))

    def _on_read(self) -> None:
        self.link_activated.emit(self._url)
