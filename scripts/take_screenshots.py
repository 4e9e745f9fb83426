"""Take the screenshots in docs/images anew: the real window, the real host, the starter model.

    QT_QPA_PLATFORM=offscreen .venv/bin/python scripts/take_screenshots.py

What is typed is made up for this purpose; look at the pictures before they are committed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from desktop.app import Application
from desktop.arguments import Arguments
from desktop.cloud_dialog import CloudDialog
from desktop.model_manager import ModelManager
from desktop.settings_dialog import SettingsDialog
from theragen_core.settings import Settings, save

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
SAID = ("I had a long week at work, and I feel drained.", "I keep saying yes to everyone.")


class Photographer:
    """Waits as a person would, then takes a picture."""

    def __init__(self, qt: QApplication) -> None:
        self._qt = qt

    def wait(self, condition: Callable[[], bool], limit_s: float = 60) -> None:
        deadline = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > deadline:
                sys.exit("The model took too long.")
            self._qt.processEvents()
            time.sleep(0.01)

    def rest(self) -> None:
        until = time.monotonic() + 0.5
        self.wait(lambda: time.monotonic() > until)

    def take(self, widget: QWidget, name: str) -> None:
        self.rest()
        widget.grab().save(str(FOLDER / f"{name}.png"))
        print(f"docs/images/{name}.png")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    qt = QApplication([])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settings.json"
        save(Settings(country="GB", theme="light"), path)
        _take_all(qt, Application(qt, Arguments(), path))


def _take_all(qt: QApplication, application: Application) -> None:
    photographer, window = Photographer(qt), application.window
    application.show()
    window.resize(820, 640)
    photographer.take(window, "consent")
    window.accepted.emit()
    photographer.wait(lambda: application.presenter.model_loaded)
    for words in SAID:
        QTest.keyClicks(window.composer.edit, words)
        QTest.keyClick(window.composer.edit, Qt.Key.Key_Return)
        photographer.wait(lambda: not window.actions_.stop.isEnabled())
    photographer.take(window, "chat")
    window.actions_.settings.trigger()
    dialog = next(w for w in qt.topLevelWidgets() if isinstance(w, SettingsDialog))
    photographer.take(dialog, "settings")
    dialog.reject()
    window.actions_.replicate.trigger()
    page = next(w for w in qt.topLevelWidgets() if isinstance(w, CloudDialog))
    photographer.take(page, "replicate")
    page.reject()
    window.actions_.models.trigger()
    models = next(w for w in qt.topLevelWidgets() if isinstance(w, ModelManager))
    photographer.wait(lambda: bool(models.cards))
    photographer.take(models, "models")
    models.accept()
    application.preferences.choose_theme("dark")
    photographer.take(window, "dark")
    application.preferences.choose_theme("light")
    window.open_help()
    photographer.take(window, "help")
    window.actions_.help.setChecked(False)
    window.show_help_card()
    photographer.take(window, "card")
    window.show_emergency()
    photographer.take(window, "emergency")
    window.close()


if __name__ == "__main__":
    main()
