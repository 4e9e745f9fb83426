"""The conversation as one text document: which blocks belong to which message, and their formats.

One document, because adding text at its end lays out one paragraph, however long the
conversation is; a widget for each message would not. Knows no widget, no model and no HTML:
text goes in as text, and styles as formats.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QFontMetricsF,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
)

from desktop.markdown_blocks import Block, BlockKind, Chunk, ChunkSplitter, Run, blocks
from theragen_core.conversation import MessageId

PAD = 12.0  # between a message's text and the edge of its bubble
GAP = 2 * PAD + 22.0  # between the texts of two messages; the action bar stands here
PARAGRAPH_GAP = 8.0
ITEM_GAP = 3.0
LINE_HEIGHT = 118  # per cent
LEVEL_INDENT = 22.0
BUBBLE_INDENT = 44.0  # how far a bubble stays away from the other side

_PART = int(QTextFormat.Property.UserProperty) + 1
_LINE_SEPARATOR = "\u2028"
_KEEP = QTextCursor.MoveMode.KeepAnchor
_PROPORTIONAL = QTextBlockFormat.LineHeightTypes.ProportionalHeight.value
_END_OF_BLOCK = QTextCursor.MoveOperation.EndOfBlock
# What Qt's document keeps for itself: frame marks and the mark of an embedded object.
_RESERVED = dict.fromkeys(map(ord, "\0\ufdd0\ufdd1\ufffc"), "\ufffd")


class Look(IntEnum):
    """Whose words they are, as far as the eye can tell."""

    PERSON = 1
    MODEL = 2
    WRITTEN = 3  # a reply that people wrote beforehand
    NOTICE = 4


class Part(IntEnum):
    """What a block of the document is, kept in its format."""

    TEXT = 0
    CODE = 1
    MUTED = 2
    RULE = 3


@dataclass(slots=True)
class Section:
    """A message or a notice. `first` is the number of its first block in the document."""

    look: Look
    first: int
    id: MessageId | None = None
    trim: bool = False  # the notice above the first message that the model still sees


class TranscriptDocument:
    """Owns the content of a QTextDocument. Only the last section can grow."""

    def __init__(self, document: QTextDocument, muted: QColor) -> None:
        self._document = document
        self._muted = muted
        self._sections: list[Section] = []
        self._splitter = ChunkSplitter()
        self._open = False  # the last block is for the text under way, and holds nothing else
        self._shown = ""  # that text, as far as it stands there
        self._width = 0.0
        document.setUndoRedoEnabled(False)
        self._set_outer_margins()

    def __len__(self) -> int:
        return len(self._sections)

    def __iter__(self) -> Iterator[Section]:
        return iter(self._sections)

    def __getitem__(self, index: int) -> Section:
        return self._sections[index]

    # Where things are ----------------------------------------------------------------------

    def index(self, message: MessageId) -> int:
        """The place of this message's section. KeyError when it is not in the transcript."""
        for index in range(len(self._sections) - 1, -1, -1):  # most calls are for the last ones
            if self._sections[index].id == message:
                return index
        raise KeyError(message)

    def index_at(self, block: QTextBlock) -> int:
        """The place of the section that this block belongs to; -1 in an empty transcript."""
        return bisect_right(self._sections, block.blockNumber(), key=lambda s: s.first) - 1

    def first_block(self, index: int) -> QTextBlock:
        return self._document.findBlockByNumber(self._sections[index].first)

    def last_block(self, index: int) -> QTextBlock:
        if index + 1 < len(self._sections):
            return self.first_block(index + 1).previous()
        return self._document.lastBlock()

    def blocks(self, index: int, start: QTextBlock | None = None) -> Iterator[QTextBlock]:
        """The section's blocks, from `start` on if that is one of them or stands below."""
        block, last = self.first_block(index), self.last_block(index).blockNumber()
        if start is not None and start.blockNumber() > block.blockNumber():
            block = start
        while block.isValid() and block.blockNumber() <= last:
            yield block
            block = block.next()

    def plain_text(self, index: int) -> str:
        """What the message says, as it stands there, without time and speed."""
        notice = self._sections[index].look is Look.NOTICE
        lines = [block.text() for block in self.blocks(index) if notice or not muted(block)]
        return "\n".join(lines).replace(_LINE_SEPARATOR, "\n")

    # Changing it ---------------------------------------------------------------------------

    def add(self, look: Look, message: MessageId | None, text: str = "") -> None:
        """A new section at the end."""
        if self._sections:
            self._end_cursor().insertBlock()
        self._sections.append(Section(look, self._document.blockCount() - 1, message))
        self._write(len(self._sections) - 1, text)
        self._start_live()

    def insert_notice(self, text: str, index: int) -> None:
        """A notice before the section at `index`."""
        number = self._sections[index].first
        block = self._document.findBlockByNumber(number)
        QTextCursor(block).insertBlock(block.blockFormat(), block.charFormat())
        self._shift(index, 1)
        self._sections.insert(index, Section(Look.NOTICE, number))
        self._write(index, text)

    def set_trim_line(self, text: str, message: MessageId | None) -> None:
        """The one line above which the model sees nothing, above `message`; a former one goes."""
        for index, section in enumerate(self._sections):
            if section.trim:
                self.remove(index)
                break
        if message is None:
            return
        index = self.index(message)
        self.insert_notice(text, index)
        self._sections[index].trim = True

    def remove(self, index: int) -> None:
        """Drop one section."""
        if index == len(self._sections) - 1:
            self.remove_from(index)
            return
        kept = self.first_block(index + 1)
        block_format, char_format = kept.blockFormat(), kept.charFormat()
        count = self._document.blockCount()
        cursor = QTextCursor(self.first_block(index))
        cursor.beginEditBlock()
        cursor.setPosition(kept.position(), _KEEP)
        cursor.removeSelectedText()
        self._begin_block(cursor, block_format, char_format, here=True)
        cursor.endEditBlock()
        del self._sections[index]
        self._shift(index, self._document.blockCount() - count)

    def append(self, text: str) -> None:
        """More of the last section's reply."""
        chunks = self._splitter.feed(_displayable(text))
        self._show_live(chunks, self._splitter.pending.rstrip("\n"))

    def finish(self, footer: str) -> None:
        """The last section's reply is complete."""
        self._show_live(self._splitter.finish(), "")
        self._open = False
        if footer:
            cursor = self._end_cursor()
            self._begin_block(cursor, self._footer_format(), self._muted_format())
            cursor.insertText(_displayable(footer))

    def set_text(self, index: int, text: str) -> None:
        """The section now reads so, and has no footer."""
        self._write(index, text)
        if index == len(self._sections) - 1:
            self._start_live()

    def remove_from(self, index: int) -> None:
        """Drop this section and all that follow."""
        if index == 0:
            self.clear()
            return
        cursor = QTextCursor(self.last_block(index - 1))
        cursor.movePosition(_END_OF_BLOCK)
        cursor.movePosition(QTextCursor.MoveOperation.End, _KEEP)
        cursor.removeSelectedText()
        del self._sections[index:]
        self._start_live()

    def clear(self) -> None:
        self._sections.clear()
        self._document.clear()
        self._set_outer_margins()
        self._start_live()

    # How it looks ----------------------------------------------------------------------------

    def set_muted(self, colour: QColor) -> None:
        self._muted = colour
        for index in range(len(self._sections)):
            for block in self.blocks(index):
                if muted(block):
                    cursor = QTextCursor(block)
                    cursor.movePosition(_END_OF_BLOCK, _KEEP)
                    cursor.mergeCharFormat(self._muted_format())

    def set_width(self, width: float) -> None:
        """Place the person's messages at the right of a page of this width."""
        if width != self._width:
            self._width = width
            self.place()

    def place(self) -> None:
        """Move the person's messages to the right, after a change of width or of font."""
        cursor = QTextCursor(self._document)
        cursor.beginEditBlock()
        for index, section in enumerate(self._sections):
            if section.look is Look.PERSON:
                self._place_section(index)
        cursor.endEditBlock()

    def _place_section(self, index: int) -> None:
        margin = self._person_margin([block.text() for block in self.blocks(index)])
        for block in self.blocks(index):
            block_format = block.blockFormat()
            if block_format.leftMargin() != margin:
                block_format.setLeftMargin(margin)
                QTextCursor(block).setBlockFormat(block_format)

    def _person_margin(self, lines: Iterable[str]) -> float:
        """The left margin that makes the bubble as narrow as its text, on the right."""
        least = BUBBLE_INDENT + PAD
        room = self._width - least - PAD
        widest = 0.0
        for line in lines:
            if len(line) > room:  # no letter is that narrow: do not measure a whole page
                return least
            widest = max(widest, self._metrics().horizontalAdvance(line) + 2)
        return max(least, self._width - PAD - widest)

    # Writing blocks ----------------------------------------------------------------------------

    def _write(self, index: int, text: str) -> None:
        """Replace the content of a section by `text`, in the way of its look."""
        section = self._sections[index]
        count = self._document.blockCount()
        cursor = QTextCursor(self.first_block(index))
        end = QTextCursor(self.last_block(index))
        end.movePosition(_END_OF_BLOCK)
        cursor.beginEditBlock()
        cursor.setPosition(end.position(), _KEEP)
        cursor.removeSelectedText()
        text = _displayable(text)
        if section.look in (Look.PERSON, Look.NOTICE):
            self._insert_plain(cursor, section.look, text)
        else:
            splitter = ChunkSplitter()
            self._insert_chunks(cursor, section, splitter.feed(text) + splitter.finish(), True)
        cursor.endEditBlock()
        self._shift(index + 1, self._document.blockCount() - count)

    def _insert_plain(self, cursor: QTextCursor, look: Look, text: str) -> None:
        lines = text.split("\n")
        notice = look is Look.NOTICE
        char_format = self._muted_format() if notice else QTextCharFormat()
        margin = self._person_margin(lines)
        for number, line in enumerate(lines):
            block_format = _spaced_block(0 if number else GAP)
            block_format.setLeftMargin(BUBBLE_INDENT if notice else margin)
            block_format.setRightMargin(BUBBLE_INDENT if notice else PAD)
            if notice:
                block_format.setAlignment(Qt.AlignmentFlag.AlignHCenter)
                block_format.setProperty(_PART, int(Part.MUTED))
            self._begin_block(cursor, block_format, char_format, here=number == 0)
            cursor.insertText(line)

    def _insert_chunks(
        self, cursor: QTextCursor, section: Section, chunks: list[Chunk], here: bool
    ) -> None:
        """Draw chunks at the cursor; `here`: the cursor stands in a block that is to be used."""
        top = here and cursor.block().blockNumber() == section.first
        drawn = [block for chunk in chunks for block in blocks(chunk)]
        if here and not drawn:
            self._begin_block(cursor, self._reply_format(top), here=True)
        for block in drawn:
            self._begin_block(cursor, self._block_format(block, top), here=here)
            self._insert_block(cursor, block)
            here = top = False

    def _insert_block(self, cursor: QTextCursor, block: Block) -> None:
        if block.marker:
            cursor.insertText(f"{block.marker} ", QTextCharFormat())
        for run in block.runs:
            cursor.insertText(run.text.replace("\n", _LINE_SEPARATOR), _char_format(block, run))

    def _begin_block(
        self,
        cursor: QTextCursor,
        block_format: QTextBlockFormat,
        char_format: QTextCharFormat | None = None,
        here: bool = False,
    ) -> None:
        char_format = char_format or QTextCharFormat()
        if here:
            cursor.setBlockFormat(block_format)
            cursor.setBlockCharFormat(char_format)
            cursor.setCharFormat(char_format)
        else:
            cursor.insertBlock(block_format, char_format)

    # The reply under way -----------------------------------------------------------------------

    def _start_live(self) -> None:
        """The text to come, if any, starts at the end, in the last block if that is unused."""
        self._splitter = ChunkSplitter()
        self._shown = ""
        last = self._document.lastBlock()
        self._open = bool(self._sections) and not last.text() and last == self.first_block(-1)

    def _show_live(self, chunks: list[Chunk], pending: str) -> None:
        """Draw what is complete for good, and what is under way as plain text after it."""
        cursor = self._end_cursor()
        cursor.beginEditBlock()
        if chunks or not pending.startswith(self._shown):
            if self._open:
                cursor.movePosition(QTextCursor.MoveOperation.StartOfBlock, _KEEP)
                cursor.removeSelectedText()
            self._shown = ""
        if chunks:
            self._insert_chunks(cursor, self._sections[-1], chunks, here=self._open)
            self._open = False
        self._insert_pending(cursor, pending)
        cursor.endEditBlock()

    def _insert_pending(self, cursor: QTextCursor, pending: str) -> None:
        if not self._open and pending:
            block_format = self._reply_format()
            if self._splitter.continues:
                block_format.setTopMargin(0)
            self._begin_block(cursor, block_format)
            self._open = True
        added = pending[len(self._shown) :]
        cursor.insertText(added.replace("\n", _LINE_SEPARATOR), QTextCharFormat())
        self._shown = pending

    # Formats -------------------------------------------------------------------------------------

    def _reply_format(self, top: bool = False) -> QTextBlockFormat:
        block_format = _spaced_block(GAP if top else PARAGRAPH_GAP)
        block_format.setLeftMargin(PAD)
        block_format.setRightMargin(BUBBLE_INDENT + PAD)
        return block_format

    def _footer_format(self) -> QTextBlockFormat:
        block_format = self._reply_format()
        block_format.setProperty(_PART, int(Part.MUTED))
        return block_format

    def _block_format(self, block: Block, top: bool) -> QTextBlockFormat:
        block_format = self._reply_format(top)
        if block.close and not top:
            block_format.setTopMargin(ITEM_GAP if block.kind is BlockKind.ITEM else 0)
        if block.kind is BlockKind.ITEM:
            marker = self._metrics().horizontalAdvance(f"{block.marker} ")
            block_format.setLeftMargin(PAD + LEVEL_INDENT * block.depth)
            block_format.setTextIndent(-marker if block.marker else 0)
        elif block.kind is BlockKind.QUOTE:
            block_format.setLeftMargin(PAD + LEVEL_INDENT * block.depth)
        elif block.kind is BlockKind.CODE:
            block_format.setProperty(_PART, int(Part.CODE))
            block_format.setLineHeight(100, _PROPORTIONAL)  # no gaps in the colour behind it
            block_format.setLeftMargin(PAD + LEVEL_INDENT / 2)
        elif block.kind is BlockKind.RULE:
            block_format.setProperty(_PART, int(Part.RULE))
        return block_format

    def _muted_format(self) -> QTextCharFormat:
        char_format = QTextCharFormat()
        char_format.setForeground(self._muted)
        char_format.setProperty(QTextFormat.Property.FontSizeAdjustment, -1)
        return char_format

    def _metrics(self) -> QFontMetricsF:
        return QFontMetricsF(self._document.defaultFont())

    def _set_outer_margins(self) -> None:
        self._document.setDocumentMargin(0)
        frame = self._document.rootFrame()
        frame_format = frame.frameFormat()
        frame_format.setTopMargin(GAP)
        frame_format.setBottomMargin(GAP + PAD)
        frame.setFrameFormat(frame_format)

    def _end_cursor(self) -> QTextCursor:
        cursor = QTextCursor(self._document)
        cursor.movePosition(QTextCursor.MoveOperation.End)
        return cursor

    def _shift(self, index: int, blocks_added: int) -> None:
        for section in self._sections[index:]:
            section.first += blocks_added


def part(block: QTextBlock) -> Part:
    return Part(block.blockFormat().intProperty(_PART))


def muted(block: QTextBlock) -> bool:
    return part(block) is Part.MUTED


def _spaced_block(top_margin: float) -> QTextBlockFormat:
    block_format = QTextBlockFormat()
    block_format.setTopMargin(top_margin)
    block_format.setLineHeight(LINE_HEIGHT, _PROPORTIONAL)
    return block_format


def _char_format(block: Block, run: Run) -> QTextCharFormat:
    char_format = QTextCharFormat()
    if run.bold or block.kind is BlockKind.HEADING:
        char_format.setFontWeight(QFont.Weight.Bold)
    if block.kind is BlockKind.HEADING and block.depth <= 2:
        char_format.setProperty(QTextFormat.Property.FontSizeAdjustment, 1)
    if run.italic or block.kind is BlockKind.QUOTE:
        char_format.setFontItalic(True)
    if run.struck:
        char_format.setFontStrikeOut(True)
    if run.code or block.kind is BlockKind.CODE:
        fixed = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        char_format.setFontFamilies([fixed.family()])
    return char_format


def _displayable(text: str) -> str:
    """The text without what the document would take for its own marks."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2029", "\n")
    return text.translate(_RESERVED).encode("utf-8", "replace").decode("utf-8")
