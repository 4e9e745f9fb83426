"""Which help is shown, as values: numbers, lines and exercises. Knows no widget.

All that can be pressed is a Link: call, text, chat or page, each with its name for screen readers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from theragen_core.directory import FINDER_URL, Method
from theragen_core.resources import text


@dataclass(frozen=True, slots=True)
class Link:
    """An address that opens on a press only; `words` to see, `name` to hear."""

    url: str
    words: str
    name: str


@dataclass(frozen=True, slots=True)
class HelpNumber:
    """An emergency number; `unsure` where it is not known which service answers it."""

    label: str
    number: str
    unsure: bool = False
    checked_at: date | None = None

    def links(self, with_number: bool = False) -> tuple[Link, ...]:
        return (_dial(Method.CALL, self.label, self.number, with_number),)


@dataclass(frozen=True, slots=True)
class HelpLine:
    """People to talk to; `note` says when, and what to write. A chat alone has no number.

    `keyword` is the first word of a text to them, where one is needed.
    """

    name: str
    number: str = ""
    note: str = ""
    methods: tuple[Method, ...] = (Method.CALL,)
    page: str = ""
    checked_at: date | None = None
    keyword: str = ""

    def links(self, with_number: bool = False) -> tuple[Link, ...]:
        """The ways to these people, in the order in which the directory has them."""
        ways = (Method.CALL, Method.TEXT) if self.number else ()
        found = [self._link(method, with_number) for method in self.methods if method in ways]
        if Method.CHAT in self.methods and self.page:
            name = text("window.help_chat_name", label=self.name)
            found.append(Link(self.page, text("window.help_chat"), name))
        return tuple(found)

    def _link(self, method: Method, with_number: bool) -> Link:
        if method is Method.TEXT and self.keyword:
            return _first_word(self.name, self.keyword, self.number, with_number)
        return _dial(method, self.name, self.number, with_number)

    def page_links(self) -> tuple[Link, ...]:
        """The line's page, unless the chat is there and leads to it anyway."""
        if not self.page or Method.CHAT in self.methods:
            return ()
        name = text("window.help_page_name", label=self.name)
        return (Link(self.page, text("window.help_page"), name),)


@dataclass(frozen=True, slots=True)
class HelpView:
    """What can be offered. Codes of countries are ISO 3166; "" stands for none known."""

    country: str = ""
    countries: tuple[tuple[str, str], ...] = ()  # (code, name)
    emergency: tuple[HelpNumber, ...] = ()
    lines: tuple[HelpLine, ...] = ()
    exercises: tuple[tuple[str, str], ...] = ()  # (title, words)
    sources: tuple[str, ...] = ()  # of the numbers above
    finder: str = FINDER_URL

    @property
    def country_name(self) -> str:
        return dict(self.countries).get(self.country, "")

    @property
    def foremost(self) -> tuple[HelpNumber, ...]:
        """What to offer where room is short: the first number, or all that may be meant by it.

        A number that may be the police's is never offered alone, as if it were the ambulance's.
        """
        if not self.emergency or not self.emergency[0].unsure:
            return self.emergency[:1]
        return tuple(entry for entry in self.emergency if entry.unsure)

    def finder_link(self) -> Link:
        return Link(self.finder, text("window.help_finder"), text("window.help_finder_name"))


def _dial(method: Method, label: str, number: str, with_number: bool) -> Link:
    scheme, act = ("sms:", "help_text") if method is Method.TEXT else ("tel:", "help_call")
    words = text(f"window.{act}_number", number=number) if with_number else text(f"window.{act}")
    name = text(f"window.{act}_name", label=label, number=number)
    return Link(scheme + _dialled(number), words, name)


def _first_word(label: str, keyword: str, number: str, with_number: bool) -> Link:
    """A text that begins with this word; the address has it too (RFC 5724)."""
    said = {"keyword": keyword, "number": number}
    words = text("window.help_text")
    if with_number:
        words = text("window.help_text_keyword_number", **said)
    name = text("window.help_text_keyword_name", label=label, **said)
    return Link(f"sms:{_dialled(number)}?body={quote(keyword)}", words, name)


def _dialled(number: str) -> str:
    """An extension is keyed in after the call is answered, and is no part of the address."""
    return "".join(sign for sign in number.partition("ext")[0] if sign in "+*#0123456789")
