"""A conversation, in memory only: who said what, and the other replies that were offered.

Knows nothing of models, windows or files; nothing here can be written to disk by accident,
because no type here has a serialised form.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

MessageId = NewType("MessageId", int)


class Role(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `guidance` is added for the model only and never shown."""

    role: Role
    text: str = field(repr=False)
    guidance: str = field(default="", repr=False)


@dataclass(slots=True)
class Entry:
    """A place in the conversation. A reply may have several variants; one is chosen."""

    id: MessageId
    role: Role
    variants: list[str] = field(repr=False)
    chosen: int = 0
    guidance: str = field(default="", repr=False)

    @property
    def text(self) -> str:
        return self.variants[self.chosen]

    def append(self, text: str) -> None:
        """Add to the end of the chosen text."""
        self.variants[self.chosen] += text

    @property
    def message(self) -> Message:
        return Message(self.role, self.text, self.guidance)


class Conversation:
    """The entries in order. Ids are never reused, so a late event cannot reach a newer message."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._next = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def new_id(self) -> MessageId:
        self._next += 1
        return MessageId(self._next)

    def add(self, role: Role, text: str, id: MessageId | None = None) -> Entry:
        """Append an entry, with an id from `new_id` where one was promised before."""
        entry = Entry(self.new_id() if id is None else id, role, [text])
        self._entries.append(entry)
        return entry

    def get(self, message: MessageId) -> Entry:
        """The entry with this id; KeyError when it is gone."""
        return self._entries[self._index(message)]

    def last(self, role: Role) -> Entry | None:
        return next((entry for entry in reversed(self._entries) if entry.role is role), None)

    def add_variant(self, message: MessageId, text: str) -> Entry:
        """Another text at this place, and the one that is chosen from now on."""
        entry = self.get(message)
        entry.variants.append(text)
        entry.chosen = len(entry.variants) - 1
        return entry

    def truncate(self, first: MessageId) -> list[Entry]:
        """Remove the entry with this id and all that follow; they are returned."""
        start = self._index(first)
        removed = self._entries[start:]
        del self._entries[start:]
        return removed

    def restore(self, entries: Iterable[Entry]) -> None:
        """Put entries back at the end."""
        self._entries.extend(entries)

    def clear(self) -> None:
        self._entries.clear()

    def messages(self, before: MessageId | None = None) -> tuple[Message, ...]:
        """What was said, up to but not including `before`."""
        end = len(self._entries) if before is None else self._index(before)
        return tuple(entry.message for entry in self._entries[:end])

    def _index(self, message: MessageId) -> int:
        for index, entry in enumerate(self._entries):
            if entry.id == message:
                return index
        raise KeyError(message)
