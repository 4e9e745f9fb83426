"""The binding itself; see docs/adr/0003."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QGuiApplication

class Sender(QObject):
    told = Signal(bool)
    def on(self, value): pass

application = QGuiApplication([])
sender, action = Sender(), QAction()
sender.told.connect(sender.on)
action.setCheckable(True)

def work():
    sender.told.emit(True)
    sender.told.emit(False)
    action.toggle()

work()
before = [sys.getrefcount(value) for value in (True, False, None)]
for _ in range(100):
    work()
after = [sys.getrefcount(value) for value in (True, False, None)]
sys.exit(max(abs(a - b) for a, b in zip(after, before)) > 20)
"""


def test_signals_and_void_calls_keep_reference_counts() -> None:
    assert subprocess.run([sys.executable, "-c", CODE], check=False).returncode == 0
