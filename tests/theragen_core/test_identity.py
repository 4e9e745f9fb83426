"""What somebody says of who they are changes nothing; what else is said stays."""

from __future__ import annotations

import pytest

from theragen_core.encoder import MOST_CHARACTERS, Encoder
from theragen_core.identity import neutral

ALIKE = [
    "a gay man", "a Black man", "an Asian man", "a Muslim man", "a white, working-class man",
    "an Irish Catholic man", "a trans man", "an African American man", "an elderly Jewish man",
]  # fmt: skip
ALONE = [
    "I'm gay", "I am a lesbian", "im bi", "I'm non-binary", "I\u2019m trans", "I'm Black",
    "I'm a Muslim", "I am Jewish", "I'm a proud Sikh", "I'm Filipino-American", "I'm an Arab",
    "I'm a wheelchair user", "I'm deaf", "I'm a refugee",
]  # fmt: skip


@pytest.mark.parametrize("who", ALIKE)
def test_a_man_is_a_man(who: str) -> None:
    assert neutral(f"As {who} I feel nobody wants me.") == "As a man I feel nobody wants me."


@pytest.mark.parametrize("who", ALONE)
def test_whoever_speaks_is_a_person(who: str) -> None:
    for rest in (" and I can't go on.", ", nobody cares", ""):
        assert neutral(who + rest).split(" ", 1)[1].removeprefix("am ") == f"a person{rest}"


@pytest.mark.parametrize(
    ("said", "neutrally"),
    [
        ("I came out as trans and dad hit me.", "I came out as a person and dad hit me."),
        ("My Pakistani husband hits me.", "My husband hits me."),
        ("I'm from South Korea and alone here.", "I'm from here and alone here."),
        ("I'm 82 years old and alone.", "I'm an adult and alone."),
        ("I'm 24, and alone.", "I'm an adult, and alone."),
        ("A 45-year-old man shouts at me.", "an adult man shouts at me."),
        ("My 80yo mother fell.", "My adult mother fell."),
    ],
)
def test_where_it_stands_in_a_sentence(said: str, neutrally: str) -> None:
    assert neutral(said) == neutrally


@pytest.mark.parametrize(
    "said",
    [
        "I'm 16 and scared.",
        "I'm 17 years old.",
        "I am 45 minutes late.",
        "I'm 20 weeks pregnant.",
        "We ate at a Thai restaurant.",
        "Everything is black, and I'm black and blue.",
        "I took the white pills in a brown bottle.",
        "I'm blind with rage and deaf to all of it.",
        "I am polish and brush.",
        "The night is as black as coal and I'm white as a sheet.",
        "He's a native speaker.",
        "",
    ],
)
def test_what_is_no_identity_stays(said: str) -> None:
    assert neutral(said) == said


def test_the_encoder_reads_a_message_so_and_a_reply_as_it_is() -> None:
    encoder = Encoder()
    one, other = (f"As a {who} woman I want to sleep and not wake up." for who in ("Sikh", "gay"))
    assert (encoder.encode(one)[0] == encoder.encode(other)[0]).all()
    behind = (encoder.encode("It will pass.", said, reply=True)[0] for said in (one, other))
    assert (next(behind) == next(behind)).all()
    shaming, fair = (encoder.encode(f"You are {w}.", one, reply=True)[0] for w in ("gay", "tired"))
    assert not (shaming == fair).all()


@pytest.mark.timeout(20)
def test_an_immense_message_takes_bounded_time() -> None:
    for unit in ("black ", "I'm a gay man. ", "a ", "i'm a the only proud ", "I'm from A B C D "):
        assert len(neutral((unit * MOST_CHARACTERS)[:MOST_CHARACTERS])) <= MOST_CHARACTERS
