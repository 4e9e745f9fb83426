from __future__ import annotations

import pytest

from desktop.help_view import HelpLine, HelpNumber, HelpView
from theragen_core.directory import Method

AMBULANCE, POLICE = HelpNumber("Ambulance", "000 1"), HelpNumber("Police", "0002")
ONE, TWO = HelpNumber("Emergency", "0003", unsure=True), HelpNumber("Emergency", "0004", True)
PAGE = "https://line.example/"


def test_the_first_number_stands_for_all_where_it_is_known() -> None:
    assert HelpView(emergency=(AMBULANCE, POLICE)).foremost == (AMBULANCE,)
    assert HelpView(emergency=(AMBULANCE, ONE)).foremost == (AMBULANCE,)
    assert HelpView().foremost == ()


def test_a_number_of_which_it_is_not_known_who_answers_is_never_alone() -> None:
    assert HelpView(emergency=(ONE, TWO, POLICE)).foremost == (ONE, TWO)


@pytest.mark.parametrize(
    ("methods", "urls"),
    [
        ((Method.CALL,), ["tel:+00123"]),
        ((Method.TEXT,), ["sms:+00123"]),
        ((Method.CALL, Method.TEXT), ["tel:+00123", "sms:+00123"]),
        ((Method.CHAT,), [PAGE]),
        ((Method.CALL, Method.CHAT), ["tel:+00123", PAGE]),
    ],
)
def test_every_method_has_its_link(methods: tuple[Method, ...], urls: list[str]) -> None:
    line = HelpLine("A line", "+00 (12) 3", methods=methods, page=PAGE)
    assert [link.url for link in line.links()] == urls
    assert all("A line" in link.name for link in line.links())


def test_a_line_without_a_number_has_its_chat_alone() -> None:
    line = HelpLine("A line", methods=(Method.CALL, Method.CHAT), page=PAGE)
    assert [link.url for link in line.links()] == [PAGE]


def test_a_text_begins_with_the_keyword() -> None:
    line = HelpLine("A line", "00 1", methods=(Method.TEXT,), keyword="HELLO YOU")
    (shown,), (said,) = line.links(), line.links(with_number=True)
    assert shown.url == said.url == "sms:001?body=HELLO%20YOU"
    assert shown.name == said.name == "Text A line: the word HELLO YOU to 00 1"
    assert shown.words == "Text"
    assert said.words == "Text HELLO YOU to 00 1"


def test_a_keyword_is_for_texts_alone() -> None:
    line = HelpLine("A line", "001", methods=(Method.CALL, Method.TEXT), keyword="HELLO")
    assert [link.url for link in line.links()] == ["tel:001", "sms:001?body=HELLO"]


def test_the_country_is_named_where_it_is_known() -> None:
    countries = (("XA", "A country"),)
    assert HelpView("XA", countries).country_name == "A country"
    assert HelpView("", countries).country_name == ""
    assert HelpView("XB", countries).country_name == ""


def test_a_page_is_linked_once() -> None:
    assert [link.url for link in HelpLine("A", "1", page=PAGE).page_links()] == [PAGE]
    assert HelpLine("A", "1").page_links() == ()
    assert HelpLine("A", methods=(Method.CHAT,), page=PAGE).page_links() == ()


def test_an_extension_is_no_part_of_what_is_dialled() -> None:
    (link,) = HelpLine("A", "009 ext. 8").links()
    assert link.url == "tel:009"
    assert "ext. 8" in link.name


def test_a_link_can_say_the_number() -> None:
    assert AMBULANCE.links()[0].words == "Call"
    assert AMBULANCE.links(with_number=True)[0].words == "Call 000 1"
