"""Markdown as a reply streams it: cut into chunks, each turned into blocks of styled text.

Knows no Qt and draws nothing. HTML, images and links are not read as such: their source stays
visible as text, so nothing that a model writes can load or open anything.

A chunk is bounded in length, so that the work for each piece of a reply does not depend on how
long the reply has become.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

CHUNK_LIMIT = 2_000  # characters, after which a paragraph or a piece of code is cut softly

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_SOFT_END = re.compile(r".*[.!?…。]\s+|.*\s", re.DOTALL)


class BlockKind(StrEnum):
    PARAGRAPH = "paragraph"
    HEADING = "heading"
    ITEM = "item"
    QUOTE = "quote"
    CODE = "code"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Run:
    """Text in one style; a line break inside a block is a newline."""

    text: str = field(repr=False)
    bold: bool = False
    italic: bool = False
    struck: bool = False
    code: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph on the page. `depth` counts the lists or quotes around it, or is the heading's
    level; `marker` is the bullet or number of a list item; `close` joins it to the block above.
    """

    kind: BlockKind
    runs: tuple[Run, ...]
    depth: int = 0
    marker: str = ""
    close: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of source that is complete; `continues` when the one before was cut softly."""

    source: str = field(repr=False)
    code: bool = False
    continues: bool = False


# Cutting -------------------------------------------------------------------------------------


class ChunkSplitter:
    """Takes a reply in pieces cut anywhere, and gives back chunks as they become complete."""

    def __init__(self) -> None:
        self._lines = ""  # complete lines of the chunk under way
        self._line = ""  # the line under way
        self._fence = ""  # the mark that will close the code under way
        self.continues = False  # the chunk under way goes on where the last one was cut

    @property
    def pending(self) -> str:
        """The source of the chunk under way."""
        return self._lines + self._line

    def feed(self, text: str) -> list[Chunk]:
        chunks: list[Chunk] = []
        *lines, rest = text.split("\n")
        for line in lines:
            chunks += self._end_line(self._line + line)
        self._line += rest
        chunks += self._cut_long_line()
        return chunks

    def finish(self) -> list[Chunk]:
        """What remains when the reply has ended."""
        self._lines, self._line = self.pending, ""
        return self._complete()

    def _end_line(self, line: str) -> list[Chunk]:
        self._line = ""
        if self._fence:
            return self._end_code_line(line)
        if fence := _FENCE.match(line):
            chunks = self._complete()
            self._fence = fence[1]
            return chunks
        if not line.strip():
            return self._complete()
        self._lines += line + "\n"
        return self._complete(softly=True) if len(self._lines) > CHUNK_LIMIT else []

    def _end_code_line(self, line: str) -> list[Chunk]:
        if line.strip().startswith(self._fence) and not line.strip(" " + self._fence[0]):
            chunks = self._complete()
            self._fence = ""
            return chunks
        self._lines += line + "\n"
        return self._complete(softly=True) if len(self._lines) > CHUNK_LIMIT else []

    def _cut_long_line(self) -> list[Chunk]:
        chunks = []
        while len(self._line) > CHUNK_LIMIT:
            end = _soft_end(self._line[:CHUNK_LIMIT])
            head, rest = self._line[:end], self._line[end:]
            self._lines += head
            chunks += self._complete(softly=True)
            self._line = rest
        return chunks

    def _complete(self, softly: bool = False) -> list[Chunk]:
        source, self._lines = self._lines.strip("\n"), ""
        continues, self.continues = self.continues, softly
        return [Chunk(source, bool(self._fence), continues)] if source.strip() else []


def _soft_end(text: str) -> int:
    """Where to cut: after the last sentence, else after the last word, else at the end."""
    found = _SOFT_END.match(text)
    return found.end() if found else len(text)


# Reading -------------------------------------------------------------------------------------


def blocks(chunk: Chunk) -> tuple[Block, ...]:
    """The chunk's blocks, in the order of the page."""
    found = _code_blocks(chunk.source) if chunk.code else _Reader().read(chunk.source)
    if not found:  # the parser drops what is nested too deeply; a reader should not miss it
        found = [Block(BlockKind.PARAGRAPH, (Run(chunk.source),))]
    if chunk.continues and found:
        first = found[0]
        found[0] = Block(first.kind, first.runs, first.depth, first.marker, close=True)
    return tuple(found)


def _code_blocks(source: str) -> list[Block]:
    lines = source.split("\n")
    return [Block(BlockKind.CODE, (Run(line),), close=n > 0) for n, line in enumerate(lines)]


@cache
def _parser() -> MarkdownIt:
    # Imported at the first reply: the window's start does not wait for it.
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("strikethrough")
    return parser.disable(["image", "link", "autolink", "reference", "code"])


class _Reader:
    """One walk over the parser's tokens."""

    def __init__(self) -> None:
        self._lists = 0
        self._quotes = 0
        self._heading = 0
        self._marker = ""
        self._blocks: list[Block] = []

    def read(self, source: str) -> list[Block]:
        for token in _parser().parse(source):
            self._read(token)
        return self._blocks

    def _read(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                self._lists += 1
            case "bullet_list_close" | "ordered_list_close":
                self._lists -= 1
            case "list_item_open":
                self._marker = f"{token.info}{token.markup}" if token.info else "•"
            case "blockquote_open":
                self._quotes += 1
            case "blockquote_close":
                self._quotes -= 1
            case "heading_open":
                self._heading = int(token.tag[1:])
            case "heading_close":
                self._heading = 0
            case "hr":
                self._blocks.append(Block(BlockKind.RULE, ()))
            case "fence":
                self._blocks += _code_blocks(token.content.rstrip("\n"))
            case "inline":
                self._blocks.append(self._block(tuple(_runs(token.children or []))))

    def _block(self, runs: tuple[Run, ...]) -> Block:
        marker, self._marker = self._marker, ""
        if self._heading:
            return Block(BlockKind.HEADING, runs, self._heading)
        if self._lists:
            close = bool(self._blocks) and self._blocks[-1].kind is BlockKind.ITEM
            return Block(BlockKind.ITEM, runs, self._lists, marker, close)
        if self._quotes:
            return Block(BlockKind.QUOTE, runs, self._quotes)
        return Block(BlockKind.PARAGRAPH, runs)


def _runs(tokens: list[Token]) -> Iterator[Run]:
    bold = italic = struck = 0
    for token in tokens:
        match token.type:
            case "strong_open" | "strong_close":
                bold += token.nesting
            case "em_open" | "em_close":
                italic += token.nesting
            case "s_open" | "s_close":
                struck += token.nesting
            case "softbreak" | "hardbreak":
                yield Run("\n")
            case _:
                code = token.type == "code_inline"
                if token.content:
                    yield Run(token.content, bold > 0, italic > 0, struck > 0, code)
