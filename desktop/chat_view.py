"""The transcript on the screen: bubbles behind the text, and one row of actions.

Knows message ids and text. It opens nothing and loads nothing: what a model writes is text.
The cost of adding text does not depend on how much stands above.
"""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, QRectF, Qt, QUrl, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QTextBlock,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import QApplication, QFrame, QMenu, QTextEdit, QWidget

from desktop.action_bar import ActionBar, Offer
from desktop.clipboard import private_mime_data
from desktop.parts import button
from desktop.theme import Theme
from desktop.transcript_document import (
    BUBBLE_INDENT,
    GAP,
    PAD,
    Look,
    Part,
    Section,
    TranscriptDocument,
    part,
)
from theragen_core.conversation import MessageId, Role
from theragen_core.resources import text

LINE_LENGTH = 78  # average characters; longer lines are hard to read
EDGE = 14
ROUND = 10.0
_AT_BOTTOM = 4  # pixels from the end that still count as the end


class ChatView(QTextEdit):
    """Messages in order of their ids; the last reply may grow."""

    copy_requested = Signal(int)
    edit_requested = Signal(int)
    regenerate_requested = Signal(int)
    variant_requested = Signal(int, int)  # message, the variant wanted, from 0
    filled = Signal(bool)  # whether there is anything to see

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._transcript = TranscriptDocument(self.document(), theme.muted)
        self._variants: dict[MessageId, tuple[int, int]] = {}
        self._current: MessageId | None = None
        self._marked = False  # the current message was chosen by keyboard: show which it is
        self._following = True
        self._set_up_widget()
        self._bar = self._make_bar()
        self._jump = button("window.new_text_below")
        self._jump.setParent(self)
        self._jump.hide()
        self._jump.clicked.connect(self._on_jump)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.verticalScrollBar().rangeChanged.connect(self._on_range_changed)
        QApplication.instance().focusChanged.connect(self._on_focus_changed)

    def _set_up_widget(self) -> None:
        self.setReadOnly(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setMouseTracking(True)
        self.setAcceptDrops(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setAccessibleName(text("window.conversation"))

    def _make_bar(self) -> ActionBar:
        bar = ActionBar(self)
        bar.copy_requested.connect(self._on_copy)
        bar.edit_requested.connect(self._on_edit)
        bar.regenerate_requested.connect(self._on_regenerate)
        bar.previous_requested.connect(self._on_previous_variant)
        bar.next_requested.connect(self._on_next_variant)
        return bar

    # What stands there -----------------------------------------------------------------------

    def add_message(self, message: MessageId, role: Role, written: bool = False) -> None:
        """An empty message at the end. `written`: a reply that people wrote beforehand."""
        if role is Role.USER:
            self._on_jump()  # who writes wants to see what comes of it
        look = Look.PERSON if role is Role.USER else Look.WRITTEN if written else Look.MODEL
        self._transcript.add(look, message)
        self._on_changed()
        self._offer_jump()

    def append_text(self, message: MessageId, words: str) -> None:
        """More of the newest message. Notices below it have had their time, and go."""
        index = self._transcript.index(message)
        if index + 1 < len(self._transcript):
            self._transcript.remove_from(index + 1)
        if self._transcript[index].look is Look.PERSON:
            self._transcript.set_text(index, self._transcript.plain_text(index) + words)
        else:
            self._transcript.append(words)
        self._on_grown(index)

    def finish_message(self, message: MessageId, footer: str = "") -> None:
        """The newest message is complete; `footer` tells of it in small type."""
        index = self._transcript.index(message)
        if index + 1 == len(self._transcript):
            self._transcript.finish(footer)
        self._on_grown(index)

    def set_text(self, message: MessageId, words: str) -> None:
        """The message now reads so."""
        self._transcript.set_text(self._transcript.index(message), words)
        self._on_changed()

    def set_variants(self, message: MessageId, chosen: int, count: int) -> None:
        """The message shows variant `chosen` (from 0) of `count`."""
        self._variants[message] = (chosen, count)
        self._show_bar()

    def remove_from(self, message: MessageId) -> None:
        """Drop this message and all that follows."""
        index = self._transcript.index(message)
        for section in list(self._transcript)[index:]:
            self._forget(section)
        self._transcript.remove_from(index)
        self._on_changed()

    def add_notice(self, words: str, before: MessageId | None = None) -> None:
        """A line between messages; at the end, or above the message `before`."""
        if before is None:
            self._transcript.add(Look.NOTICE, None, words)
        else:
            self._transcript.insert_notice(words, self._transcript.index(before))
        self._on_changed()

    def set_trim_line(self, words: str, first_visible: MessageId | None) -> None:
        """A line above the first message that the model still sees; none when it sees all."""
        self._transcript.set_trim_line(words, first_visible)
        self._on_changed()

    def clear(self) -> None:
        """Forget all of it."""
        self._variants.clear()
        self._current = None
        self._transcript.clear()
        self.setTextCursor(QTextCursor(self.document()))
        self._following = True
        self._on_changed()

    def plain_text(self, message: MessageId) -> str:
        return self._transcript.plain_text(self._transcript.index(message))

    def find_text(self, words: str, backwards: bool = False) -> int:
        """Select the next place where `words` stand, going round at the end. Returns how often
        they stand there at all."""
        if not words:
            self._deselect()
            return 0
        flags = QTextDocument.FindFlag(0)
        if backwards:
            flags |= QTextDocument.FindFlag.FindBackward
        if not self.find(words, flags):
            before = self.textCursor()
            end = QTextCursor.MoveOperation.End if backwards else QTextCursor.MoveOperation.Start
            self.moveCursor(end)
            if not self.find(words, flags):
                before.clearSelection()
                self.setTextCursor(before)
        return self.toPlainText().casefold().count(words.casefold())

    def _deselect(self) -> None:
        cursor = self.textCursor()
        cursor.clearSelection()
        self.setTextCursor(cursor)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._transcript.set_muted(theme.muted)
        self.viewport().update()

    # The current message -----------------------------------------------------------------------

    def move_current(self, step: int) -> None:
        """Go to the message above (-1) or below (+1), by keyboard."""
        ids = [section.id for section in self._transcript if section.id is not None]
        if not ids:
            return
        if self._current in ids and self._marked:
            place = ids.index(self._current) + step
        else:
            place = len(ids) - 1
        self._set_current(ids[max(0, min(place, len(ids) - 1))], marked=True)
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._reveal_current()

    def _reveal_current(self) -> None:
        index = self._current_index()
        if index is None:
            return
        cursor = QTextCursor(self._transcript.last_block(index))
        self.setTextCursor(cursor)
        cursor.setPosition(self._transcript.first_block(index).position())
        self.setTextCursor(cursor)
        self._show_bar()

    def _on_focus_changed(self, _old: QWidget | None, new: QWidget | None) -> None:
        """A message chosen by keyboard stays chosen while it or its actions have the focus."""
        stays = new is None or new is self or self._bar.isAncestorOf(new)
        if self._marked and not stays:
            self._set_current(None)

    def _set_current(self, message: MessageId | None, marked: bool = False) -> None:
        if (message, marked) != (self._current, self._marked):
            self._current, self._marked = message, marked
            self._show_bar()
            self.viewport().update()

    def _current_index(self) -> int | None:
        try:
            return None if self._current is None else self._transcript.index(self._current)
        except KeyError:
            return None

    def _forget(self, section: Section) -> None:
        if section.id is None:
            return
        self._variants.pop(section.id, None)
        if section.id == self._current:
            self._current = None

    def _offer(self, index: int) -> Offer:
        section = self._transcript[index]
        chosen, count = self._variants.get(section.id, (0, 1)) if section.id else (0, 1)
        return Offer(
            edit=section.look is Look.PERSON,
            regenerate=section.look is Look.MODEL and section.id == self._last_message(),
            chosen=chosen,
            count=count,
        )

    def _last_message(self) -> MessageId | None:
        ids = (self._transcript[i].id for i in range(len(self._transcript) - 1, -1, -1))
        return next((message for message in ids if message is not None), None)

    def _show_bar(self) -> None:
        index = self._current_index()
        if index is None:
            self._bar.hide()
            return
        self._bar.offer(self._offer(index))
        bubble = self._bubble(index)
        x = bubble.left()
        if self._transcript[index].look is Look.PERSON:
            x = bubble.right() - self._bar.width()
        lowest = self.viewport().height() - self._bar.height()
        place = QPoint(int(max(0.0, x)), int(min(bubble.bottom() + 2, lowest)))
        self._bar.move(self.viewport().pos() + place)
        self._bar.show()

    # Events ----------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        hovered = self._message_at(event.position().toPoint())
        if hovered is not None:
            self._set_current(hovered)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        if not self._marked:
            self._set_current(None)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() is QContextMenuEvent.Reason.Mouse:
            self._set_current(self._message_at(self.viewport().mapFrom(self, event.pos())))
        menu = self._context_menu()
        menu.exec(event.globalPos())
        menu.deleteLater()

    def _context_menu(self) -> QMenu:
        menu = QMenu(self)
        if self.textCursor().hasSelection():
            menu.addAction(text("window.copy_selection"), self.copy)
        index = self._current_index()
        if index is None:
            return menu
        offer = self._offer(index)
        menu.addAction(text("window.copy_message"), self._on_copy)
        if offer.edit:
            menu.addAction(text("window.edit_message"), self._on_edit)
        if offer.regenerate:
            menu.addAction(text("window.try_again_message"), self._on_regenerate)
        if offer.chosen > 0:
            menu.addAction(text("window.previous_variant"), self._on_previous_variant)
        if offer.chosen < offer.count - 1:
            menu.addAction(text("window.next_variant"), self._on_next_variant)
        return menu

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._set_column()
        super().resizeEvent(event)
        self._transcript.set_width(self.viewport().width())
        self._place_jump()
        self._show_bar()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self._set_column()
            self._transcript.set_width(self.viewport().width())
            self._transcript.place()
            self._show_bar()

    def _set_column(self) -> None:
        room = self.width() - self.verticalScrollBar().sizeHint().width()
        column = LINE_LENGTH * self.fontMetrics().averageCharWidth() + 2 * PAD + BUBBLE_INDENT
        side = max(EDGE, int(room - column) // 2)
        self.setViewportMargins(side, 0, side, 0)

    def loadResource(self, kind: int, url: QUrl | str) -> object:
        """Nothing is ever loaded on behalf of a text."""
        return None

    def createMimeDataFromSelection(self) -> QMimeData:
        return private_mime_data(self.textCursor().selection().toPlainText())

    # Painting ----------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for index in self._visible(QRectF(event.rect())):
            self._paint_bubble(painter, index)
        painter.end()
        super().paintEvent(event)

    def _visible(self, area: QRectF) -> Iterator[int]:
        """The sections that touch this part of the viewport."""
        index = max(0, self._transcript.index_at(self._block_at(area.topLeft())))
        while index < len(self._transcript):
            if self._bubble(index).top() > area.bottom():
                return
            yield index
            index += 1

    def _paint_bubble(self, painter: QPainter, index: int) -> None:
        look = self._transcript[index].look
        if look is Look.NOTICE:
            return
        bubble = self._bubble(index)
        marked = self._marked and self._transcript[index].id == self._current
        if marked:
            painter.setPen(QPen(self._theme.accent, 2))
            bubble.adjust(1, 1, -1, -1)
        painter.setBrush(self._colour(look))
        painter.drawRoundedRect(bubble, ROUND, ROUND)
        painter.setPen(Qt.PenStyle.NoPen)
        if look is Look.WRITTEN and not marked:
            painter.setBrush(self._theme.accent)
            stripe = QRectF(bubble.left(), bubble.top() + ROUND, 3, bubble.height() - 2 * ROUND)
            painter.drawRect(stripe)
        if look is not Look.PERSON:
            self._paint_parts(painter, index)

    def _paint_parts(self, painter: QPainter, index: int) -> None:
        """Code and rules within a reply, where they are in sight."""
        width = self.viewport().width() - BUBBLE_INDENT - 2 * PAD
        for block in self._transcript.blocks(index, start=self._block_at(QPointF(0, 0))):
            rect = self._block_rect(block)
            if rect.top() > self.viewport().height():
                return
            if part(block) is Part.CODE:
                painter.setBrush(self._theme.code)
                painter.drawRect(QRectF(PAD, rect.top(), width, rect.height()))
            elif part(block) is Part.RULE:
                painter.setBrush(self._theme.border)
                painter.drawRect(QRectF(PAD, rect.center().y(), width, 1))

    def _colour(self, look: Look) -> QColor:
        theme = self._theme
        return {Look.PERSON: theme.person, Look.WRITTEN: theme.written}.get(look, theme.model)

    def _bubble(self, index: int) -> QRectF:
        """Where a section's bubble is, in the viewport."""
        first = self._transcript.first_block(index)
        top = self._block_rect(first).top() - PAD
        bottom = self._block_rect(self._transcript.last_block(index)).bottom() + PAD
        left, right = 0.0, self.viewport().width() - BUBBLE_INDENT
        if self._transcript[index].look is Look.PERSON:
            left, right = first.blockFormat().leftMargin() - PAD, right + BUBBLE_INDENT
        return QRectF(left, top, right - left, bottom - top)

    def _block_rect(self, block: QTextBlock) -> QRectF:
        rect = self.document().documentLayout().blockBoundingRect(block)
        return rect.translated(0, -self.verticalScrollBar().value())

    def _block_at(self, point: QPointF) -> QTextBlock:
        place = point + QPointF(0, self.verticalScrollBar().value())
        layout = self.document().documentLayout()
        position = layout.hitTest(place, Qt.HitTestAccuracy.FuzzyHit)
        return self.document().findBlock(max(0, position))

    def _message_at(self, point: QPoint) -> MessageId | None:
        """The message whose bubble, with the gap below it, is at this point."""
        index = self._transcript.index_at(self._block_at(QPointF(point)))
        for candidate in (index, index - 1):
            if 0 <= candidate < len(self._transcript):
                bubble = self._bubble(candidate)
                if bubble.top() <= point.y() < bubble.bottom() + GAP - 2 * PAD:
                    return self._transcript[candidate].id
        return None

    # Following the end -------------------------------------------------------------------------

    def _on_changed(self) -> None:
        self.filled.emit(len(self._transcript) > 0)
        self.viewport().update()
        self._show_bar()

    def _on_grown(self, index: int) -> None:
        # The text tells of its own changes; the bubble's lower edge moves with the last block.
        last = self._block_rect(self._transcript.last_block(index))
        top = max(0, int(last.top() - 2 * PAD))
        self.viewport().update(0, top, self.viewport().width(), self.viewport().height() - top)
        if self._transcript[index].id == self._current:
            self._show_bar()
        self._offer_jump()

    def _offer_jump(self) -> None:
        self._jump.setVisible(not self._following)
        self._place_jump()

    def _place_jump(self) -> None:
        self._jump.adjustSize()
        x = (self.width() - self._jump.width()) // 2
        self._jump.move(x, self.height() - self._jump.height() - EDGE)

    def _on_scrolled(self, value: int) -> None:
        self._following = value >= self.verticalScrollBar().maximum() - _AT_BOTTOM
        if self._following:
            self._jump.hide()
        self._show_bar()

    def _on_range_changed(self, _least: int, most: int) -> None:
        if self._following:
            self.verticalScrollBar().setValue(most)

    def _on_jump(self) -> None:
        self._following = True
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())
        self._jump.hide()

    # What was asked for ------------------------------------------------------------------------

    def _on_copy(self) -> None:
        if self._current is not None:
            self.copy_requested.emit(self._current)

    def _on_edit(self) -> None:
        if self._current is not None:
            self.edit_requested.emit(self._current)

    def _on_regenerate(self) -> None:
        if self._current is not None:
            self.regenerate_requested.emit(self._current)

    def _on_previous_variant(self) -> None:
        self._step_variant(-1)

    def _on_next_variant(self) -> None:
        self._step_variant(+1)

    def _step_variant(self, step: int) -> None:
        if self._current is not None:
            chosen, _count = self._variants.get(self._current, (0, 1))
            self.variant_requested.emit(self._current, chosen + step)
