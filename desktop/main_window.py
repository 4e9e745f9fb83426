"""The window: its surfaces, and which of them is in sight. No conversation, no engine.

Surfaces that are rarely needed are imported and made when they are first shown: a quick start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QAction, QCloseEvent, QIcon, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMessageBox,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.actions import Actions
from desktop.announce import announce
from desktop.chat_view import ChatView
from desktop.composer import Composer
from desktop.dialogs import Aside, Dialogs
from desktop.flow_layout import FlowLayout
from desktop.greeting import Greeting
from desktop.parts import ElidedLabel, paragraph
from desktop.theme import Theme
from theragen_core import __version__
from theragen_core.resources import ROOT, text

if TYPE_CHECKING:
    from desktop.emergency_screen import EmergencyScreen
    from desktop.find_bar import FindBar
    from desktop.help_card import HelpCard
    from desktop.help_panel import HelpPanel
    from desktop.help_view import HelpView
    from desktop.onboarding import Onboarding

SIZE = (920, 720)
SMALLEST = (360, 420)
SIDE = 14
ICON = 64
PANEL_CHARACTERS = 46  # the help panel's width
CARD_SHARE = 40  # per cent of the window's height that the help card takes at most
ROOM_FOR_BOTH = 560  # pixels beside the help panel, below which it takes the whole window


class MainWindow(QMainWindow):
    accepted = Signal()  # the consent
    declined = Signal()
    searched = Signal(str, bool)
    link_activated = Signal(str)
    country_changed = Signal(str)
    help_opened = Signal()  # in the panel, on the card or on the emergency screen
    corrected = Signal()  # "that is not what I meant", on the card or on the emergency screen
    card_dismissed = Signal()
    closed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setWindowTitle(text("window.title"))
        self.setWindowIcon(QIcon(str(ROOT / "icons" / "theragen.png")))
        self.setMinimumSize(*SMALLEST)
        self.resize(*SIZE)
        self.actions_ = Actions(self)
        self.actions_.fill(self.menuBar())
        self._dialogs = Dialogs(self, self.actions_)
        self.chat = ChatView(theme)
        self.composer = Composer()
        self._help_view: HelpView | None = None
        self._help_panel: HelpPanel | None = None
        self._help_card: HelpCard | None = None
        self._emergency: EmergencyScreen | None = None
        self._rules_alone = False
        self._onboarding: Onboarding | None = None
        self._find_bar: FindBar | None = None
        self._veil: QWidget | None = None
        self._unsaid = ""  # announced when the window is brought back
        self._pages = QStackedWidget()
        self._front = QStackedWidget()  # consent, then conversation; or the emergency screen
        self._build()
        self._connect()

    # Building ----------------------------------------------------------------------------------

    def _build(self) -> None:
        self._transcript = QStackedWidget()
        self.greeting = Greeting()
        self._transcript.addWidget(self.greeting)
        self._transcript.addWidget(self.chat)
        self._column = QWidget()
        column = QVBoxLayout(self._column)
        column.setContentsMargins(0, 0, 0, 12)
        column.setSpacing(6)
        column.addWidget(self._make_header())
        column.addLayout(self._make_banner())
        column.addWidget(self._transcript, 1)
        column.addLayout(self._make_foot())
        self._front.addWidget(self._column)
        self._body = QWidget()
        row = QHBoxLayout(self._body)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._front, 1)
        self._pages.addWidget(self._body)
        self.setCentralWidget(self._pages)

    def _make_header(self) -> QWidget:
        self._status = ElidedLabel()
        self._status.setObjectName("muted")
        # Where room is short the badge stays whole, and the status gives way.
        self._status.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._badge = QLabel()
        self._badge.setObjectName("badge")
        self._use_local = QToolButton()
        self._use_local.setDefaultAction(self.actions_.use_local)
        self._use_local.setAccessibleName(self.actions_.use_local.iconText())
        self._use_local.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        header = QWidget()
        row = QHBoxLayout(header)
        row.setContentsMargins(16, 6, 16, 2)
        row.setSpacing(12)
        row.addWidget(self._badge)
        row.addWidget(self._use_local)
        row.addWidget(self._status, 1)
        self.set_cloud(False)
        return header

    def _make_banner(self) -> QVBoxLayout:
        self._banner = QFrame()
        self._banner.setObjectName("notice")
        self._banner_text = paragraph("")
        self._banner_button, self._banner_other = QToolButton(), QToolButton()
        self._banner_other.setDefaultAction(self.actions_.use_local)
        self._banner_other.setAccessibleName(self.actions_.use_local.iconText())
        self._banner_row = QHBoxLayout(self._banner)
        self._banner_row.addWidget(self._banner_text, 1)
        self._banner_buttons = FlowLayout()
        self._banner_row.addLayout(self._banner_buttons)
        for button in (self._banner_button, self._banner_other):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self._banner_buttons.addWidget(button)
        self._banner.hide()
        inset = QVBoxLayout()
        inset.setContentsMargins(SIDE, 0, SIDE, 0)
        inset.addWidget(self._banner)
        return inset

    def _make_foot(self) -> QVBoxLayout:
        self._foot = QVBoxLayout()
        self._foot.setContentsMargins(SIDE, 0, SIDE, 0)
        self._foot.addWidget(self.composer)
        return self._foot

    def _connect(self) -> None:
        actions = self.actions_
        actions.find.triggered.connect(self._on_find)
        actions.help.toggled.connect(self._on_help_toggled)
        actions.hide.toggled.connect(self._on_hide_toggled)
        self.greeting.model_requested.connect(actions.models.trigger)
        actions.about.triggered.connect(self._on_about)
        actions.quit.triggered.connect(self.close)
        actions.previous_message.triggered.connect(self._on_previous_message)
        actions.next_message.triggered.connect(self._on_next_message)
        self.composer.stop_requested.connect(actions.stop.trigger)
        self.chat.filled.connect(self._on_filled)
        self._dialogs.help_requested.connect(self.open_help)

    # What is shown -----------------------------------------------------------------------------

    def ask_consent(self) -> None:
        """Show the first page instead of the conversation."""
        if self._onboarding is None:
            from desktop.onboarding import Onboarding

            self._onboarding = Onboarding()
            self._onboarding.accepted.connect(self.accepted)
            self._onboarding.declined.connect(self.declined)
            self._onboarding.help_requested.connect(self.open_help)
            self._front.addWidget(self._onboarding)
        self._front.setCurrentWidget(self._onboarding)
        self._enable_conversation(False)
        self._onboarding.setFocus()

    def show_conversation(self) -> None:
        self._front.setCurrentWidget(self._column)
        self._enable_conversation(True)
        self.composer.setFocus()

    def _enable_conversation(self, enabled: bool) -> None:
        actions = self.actions_
        for action in (actions.new, actions.forget, actions.copy_all, actions.find):
            action.setEnabled(enabled)

    def set_status(self, words: str) -> None:
        """What the model is, or what it is doing."""
        self._status.setText(words)
        self._status.setAccessibleName(text("window.status_name", words=words))
        self._status.setToolTip(words)

    def say(self, words: str) -> None:
        """Announce to screen readers. While the window is hidden the latest words wait."""
        if self.actions_.hide.isChecked():
            self._unsaid = words
        else:
            announce(self, words)

    def set_cloud(self, on: bool) -> None:
        """Whether what is written leaves this computer: said at all times, and to all readers."""
        words = "cloud.badge" if on else "window.on_this_computer"
        self._badge.setText(("☁ " if on else "⌂ ") + text(words))
        self._badge.setAccessibleName(text(f"{words}_name"))
        self._badge.setProperty("cloud", on)
        self._badge.style().polish(self._badge)
        self._use_local.setVisible(on)
        self.actions_.set_cloud(on)
        self.greeting.set_cloud(on)

    def set_generating(self, generating: bool) -> None:
        self.composer.set_generating(generating)
        self.actions_.stop.setEnabled(generating)

    def show_fault(
        self, words: str, remedy: QAction | None = None, other: QAction | None = None
    ) -> None:
        """A calm line above the conversation, with one thing to do about it, or two."""
        self._banner_text.setText(words)
        for button, action in ((self._banner_button, remedy), (self._banner_other, other)):
            button.setVisible(action is not None)
            for earlier in button.actions():  # with several it would show the mark of a menu
                button.removeAction(earlier)
            if action is not None:
                button.setDefaultAction(action)
                button.setAccessibleName(action.iconText())
        self._banner.show()
        self._arrange_banner()

    def _arrange_banner(self) -> None:
        """Buttons stand beside the words where there is room for both, else below them."""
        below = self._banner_buttons.sizeHint().width() > self.width() // 2
        way = QBoxLayout.Direction.TopToBottom if below else QBoxLayout.Direction.LeftToRight
        self._banner_row.setDirection(way)

    def clear_fault(self) -> None:
        self._banner.hide()

    @property
    def fault(self) -> str:
        """What the line above the conversation says; empty while there is none."""
        return "" if self._banner.isHidden() else self._banner_text.text()

    @property
    def consent_page(self) -> Onboarding | None:
        return self._onboarding

    def set_theme(self, theme: Theme) -> None:
        self.chat.set_theme(theme)

    # Help --------------------------------------------------------------------------------------

    @property
    def shows_help(self) -> bool:
        """Whether any place of help is open; it wants a view, see set_help."""
        shown = (self._help_card, self._emergency)
        return self.actions_.help.isChecked() or any(s and not s.isHidden() for s in shown)

    def set_help(self, view: HelpView) -> None:
        """What the panel, the card and the emergency screen offer."""
        self._help_view = view
        for surface in (self._help_panel, self._help_card, self._emergency):
            if surface is not None:
                surface.set_help(view)

    def open_help(self) -> None:
        """In front of every dialog."""
        self._dialogs.put_aside(Aside.HELP)
        self.actions_.help.setChecked(True)
        self._need_panel().setFocus()

    def show_help_card(self) -> None:
        """From now on people to turn to stand above the composer."""
        card = self._need_card()
        card.set_concerned(True)
        card.show()
        self.help_opened.emit()

    def hide_help_card(self) -> None:
        if self._help_card is not None:
            self._help_card.hide()

    def set_card_correctable(self, correctable: bool) -> None:
        """Whether the card lets a person say that they were misunderstood."""
        if correctable or self._help_card is not None:
            self._need_card().set_correctable(correctable)

    def set_rules_alone(self, alone: bool) -> None:
        """While rules run alone the card is there from the start, and says so."""
        if alone == self._rules_alone:
            return
        self._rules_alone = alone
        card = self._need_card()
        card.set_rules_alone(alone)
        if alone:
            card.show()
            self.help_opened.emit()
        elif not card.concerned:
            card.hide()

    def show_emergency(self) -> None:
        """The emergency screen, in front of all, until a person goes back to the conversation."""
        self._dialogs.put_aside(Aside.HELP)
        screen = self._need_emergency()
        self._front.setCurrentWidget(screen)
        self.actions_.find.setEnabled(False)
        if self._front.isHidden():  # a narrow window, and the help panel fills it
            self.actions_.help.setChecked(False)
        screen.setFocus()
        self.help_opened.emit()

    def close_emergency(self) -> None:
        """Back to the conversation; nothing happens where the emergency screen is not open."""
        if self._front.currentWidget() is self._emergency:
            self.show_conversation()
            self._bring_back_dialogs()

    def _need_card(self) -> HelpCard:
        if self._help_card is None:
            from desktop.help_card import HelpCard

            self._help_card = card = HelpCard()
            card.hide()
            card.help_requested.connect(self.open_help)
            card.corrected.connect(self.corrected)
            card.dismissed.connect(self._on_card_dismissed)
            self._supply(card)
            self._foot.insertWidget(self._foot.count() - 1, card)
            self._share_room()
        return self._help_card

    def _need_emergency(self) -> EmergencyScreen:
        if self._emergency is None:
            from desktop.emergency_screen import EmergencyScreen

            self._emergency = screen = EmergencyScreen()
            screen.closed.connect(self.close_emergency)
            screen.corrected.connect(self._on_emergency_corrected)
            screen.country_requested.connect(self._on_country_requested)
            self._supply(screen)
            self._front.addWidget(screen)
        return self._emergency

    def _need_panel(self) -> HelpPanel:
        if self._help_panel is None:
            from desktop.help_panel import HelpPanel

            self._help_panel = panel = HelpPanel()
            panel.country_changed.connect(self.country_changed)
            panel.closed.connect(self._on_help_closed)
            self._supply(panel)
            layout = self._body.layout()
            assert layout is not None
            layout.addWidget(panel)
        return self._help_panel

    def _supply(self, surface: HelpPanel | HelpCard | EmergencyScreen) -> None:
        surface.link_activated.connect(self.link_activated)
        if self._help_view is not None:
            surface.set_help(self._help_view)

    # The conversation --------------------------------------------------------------------------

    def set_found(self, count: int) -> None:
        """How often the words that were searched for stand in the conversation."""
        if self._find_bar is not None:
            self._find_bar.set_count(count)

    def clear(self) -> None:
        """Forget every word of the person's that any surface holds."""
        self.chat.clear()
        self.composer.clear()
        if self._find_bar is not None:
            self._find_bar.clear()
        self._unsaid = ""
        self.clear_fault()
        self.close_emergency()
        self._clear_card()

    def _clear_card(self) -> None:
        """A new conversation begins without it, unless rules run alone."""
        if self._help_card is not None:
            self._help_card.set_concerned(False)
            self._help_card.set_correctable(False)
            self._help_card.setVisible(self._rules_alone)

    # Events ------------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        self.closed.emit()
        super().closeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_room()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self._share_room()

    def _share_room(self) -> None:
        """In a narrow window the help panel takes the place of the conversation."""
        self._arrange_banner()
        if self._help_card is not None:
            self._help_card.set_room(self.height() * CARD_SHARE // 100)
        panel = self._help_panel
        if panel is None:
            return
        shown = self.actions_.help.isChecked()
        width = PANEL_CHARACTERS * self.fontMetrics().averageCharWidth()
        both = self.width() - width >= ROOM_FOR_BOTH
        panel.setVisible(shown)
        panel.setMaximumWidth(width if both else self.maximumWidth())
        panel.setMinimumWidth(width if both else 0)
        self._front.setVisible(both or not shown)

    # What happened -----------------------------------------------------------------------------

    def _on_filled(self, filled: bool) -> None:
        self._transcript.setCurrentIndex(1 if filled else 0)

    def _on_find(self) -> None:
        if self._find_bar is None:
            from desktop.find_bar import FindBar

            self._find_bar = FindBar()
            self._find_bar.searched.connect(self.searched)
            self._find_bar.closed.connect(self.composer.setFocus)
            self._foot.insertWidget(0, self._find_bar)
        self._find_bar.open()

    def _on_help_toggled(self, shown: bool) -> None:
        panel = self._need_panel()
        self._share_room()
        if shown:
            panel.setFocus()
            self.help_opened.emit()
        else:
            self._focus_front()
            self._bring_back_dialogs()

    def _focus_front(self) -> None:
        """Let a person go on where they are: writing, or on the page in its place."""
        front = self._front.currentWidget()
        (self.composer if front is self._column else front).setFocus()

    def _on_help_closed(self) -> None:
        self.actions_.help.setChecked(False)

    def _on_hide_toggled(self, hidden: bool) -> None:
        """One key blanks the window, title and menus too; the same key brings all back."""
        if self._veil is None:
            self._veil = _make_veil()
            self._pages.addWidget(self._veil)
        self._pages.setCurrentWidget(self._veil if hidden else self._body)
        self.menuBar().setVisible(not hidden)
        self.setWindowTitle(text("window.title_hidden" if hidden else "window.title"))
        if hidden:
            self._dialogs.put_aside(Aside.HIDING)
            self._veil.setFocus()
        else:
            self._come_back()

    def _come_back(self) -> None:
        self._focus_front()
        self._bring_back_dialogs()
        words, self._unsaid = self._unsaid, ""
        self.say(words)

    def _bring_back_dialogs(self) -> None:
        """Not in front of the emergency screen."""
        if self._emergency is None or self._front.currentWidget() is not self._emergency:
            self._dialogs.bring_back()

    def _on_country_requested(self) -> None:
        self.open_help()
        self._need_panel().choose_country()

    def _on_card_dismissed(self) -> None:
        self.composer.setFocus()
        self.card_dismissed.emit()

    def _on_emergency_corrected(self) -> None:
        self.close_emergency()
        self.corrected.emit()

    def _on_about(self) -> None:
        about = QMessageBox(self)
        about.setWindowTitle(text("window.title"))
        about.setText(text("window.about", version=__version__))
        about.setIconPixmap(self.windowIcon().pixmap(ICON, ICON))
        about.finished.connect(about.deleteLater)
        about.open()  # not exec(): that would end when it is put aside

    def _on_previous_message(self) -> None:
        self.chat.move_current(-1)

    def _on_next_message(self) -> None:
        self.chat.move_current(+1)


def _make_veil() -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    hint = paragraph(text("window.hidden"), muted=True)
    hint.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom)
    column.addWidget(hint)
    return page
