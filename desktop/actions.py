"""Everything the menus offer, with its keys. What an action does is connected elsewhere."""

from __future__ import annotations

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from desktop.theme import ThemeChoice
from theragen_core.resources import text


class Actions:
    """One QAction for each thing that can be asked for; they belong to `owner`, so that their
    keys work even while the menu bar is hidden."""

    def __init__(self, owner: QWidget) -> None:
        self._owner = owner
        self.new = self._make("new", "Ctrl+N")
        self.forget = self._make("forget", "Ctrl+Shift+Del")
        self.copy_all = self._make("copy_all", "Ctrl+Shift+C")
        self.find = self._make("find", "Ctrl+F")
        self.try_again = self._make("try_again", "Ctrl+R")
        self.stop = self._make("stop", "Esc")
        self.previous_message = self._make("previous_message", "Alt+Up")
        self.next_message = self._make("next_message", "Alt+Down")
        self.restart = self._make("restart", "F5")
        self.models = self._make("models", "Ctrl+Shift+M")
        self.settings = self._make("settings", "Ctrl+,")
        self.replicate = self._make_of_cloud("replicate")
        self.use_local = self._make_of_cloud("use_local")
        self.include = self._make_of_cloud("include")
        self.quit = self._make("quit", "Ctrl+Q")
        self.larger = self._make("larger", "Ctrl++", "Ctrl+=")
        self.smaller = self._make("smaller", "Ctrl+-")
        self.normal_size = self._make("normal_size", "Ctrl+0")
        self.stats = self._make("stats", checkable=True)
        self.hide = self._make("hide", "F9", checkable=True)
        self.help = self._make("help", "F1", checkable=True)
        self.about = self._make("about")
        self.themes = {choice: self._make_theme(choice) for choice in ThemeChoice}
        self._group_themes()
        self._set_roles()
        self.stop.setEnabled(False)
        self.try_again.setEnabled(False)
        self.set_cloud(False)

    def set_cloud(self, on: bool) -> None:
        """What can be asked for only while replies come from elsewhere."""
        for action in (self.use_local, self.include):
            action.setEnabled(on)
            action.setVisible(on)

    def fill(self, bar: QMenuBar) -> None:
        conversation = bar.addMenu(text("window.menu_conversation"))
        _add(conversation, self.new, self.forget, None, self.copy_all, self.find, None)
        _add(conversation, self.try_again, self.stop, None)
        _add(conversation, self.previous_message, self.next_message, None)
        _add(conversation, self.replicate, self.use_local, self.include, None)
        _add(conversation, self.models, self.restart, self.settings, None, self.quit)
        view = bar.addMenu(text("window.menu_view"))
        _add(view.addMenu(text("window.menu_theme")), *self.themes.values())
        _add(view, self.larger, self.smaller, self.normal_size, None, self.stats, None, self.hide)
        _add(bar.addMenu(text("window.menu_help")), self.help, None, self.about)

    def _make_of_cloud(self, name: str) -> QAction:
        action = QAction(text(f"cloud.action_{name}"), self._owner)
        self._owner.addAction(action)
        return action

    def _make(self, name: str, *keys: str, checkable: bool = False) -> QAction:
        action = QAction(text(f"window.action_{name}"), self._owner)
        action.setShortcuts([QKeySequence(key) for key in keys])
        action.setCheckable(checkable)
        self._owner.addAction(action)
        return action

    def _make_theme(self, choice: ThemeChoice) -> QAction:
        action = self._make(f"theme_{choice.value}", checkable=True)
        action.setData(choice.value)
        return action

    def _group_themes(self) -> None:
        group = QActionGroup(self._owner)
        for action in self.themes.values():
            group.addAction(action)
        self.themes[ThemeChoice.SYSTEM].setChecked(True)

    def _set_roles(self) -> None:
        """Where macOS expects them."""
        self.quit.setMenuRole(QAction.MenuRole.QuitRole)
        self.settings.setMenuRole(QAction.MenuRole.PreferencesRole)
        self.about.setMenuRole(QAction.MenuRole.AboutRole)


def _add(menu: QMenu, *actions: QAction | None) -> None:
    """Put these into the menu; None is a line between them."""
    for action in actions:
        if action is None:
            menu.addSeparator()
        else:
            menu.addAction(action)
