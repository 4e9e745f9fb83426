"""The shipped encoder, run for real."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from theragen_core.encoder import (
    FOLDER,
    MOST_ANSWERED,
    MOST_WINDOWS,
    REMEMBERED,
    WINDOW,
    Encoder,
    EncoderUnavailable,
    Tokens,
)

CLS, SEP = 0, 2


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder()


def test_a_text_is_a_vector_of_length_one_and_always_the_same(encoder: Encoder) -> None:
    (first,) = encoder.encode("I walked along the river.")
    (again,) = Encoder().encode("I walked along the river.")
    (other,) = encoder.encode("The printer is out of paper.")
    assert first.shape == (768,)
    assert np.linalg.norm(first) == pytest.approx(1, abs=1e-3)
    assert np.array_equal(first, again)
    assert float(first @ other) < 0.999


def test_sums_of_products_do_not_overflow_on_any_processor(encoder: Encoder) -> None:
    """Only a processor without VNNI can show it, so the option is looked at as well."""
    chosen = encoder._session.get_session_options()
    assert chosen.get_session_config_entry("session.x64quantprecision") == "1"
    (pills,), (tablets,), (soup,) = map(
        encoder.encode,
        (
            "I counted the pills and I want to take all of them.",
            "I laid out my tablets, I'm going to swallow the whole lot.",
            "We had pea soup at my aunt's, and it was very good.",
        ),
    )
    assert float(pills @ tablets) > 0.8
    assert float(pills @ soup) < 0.3


def test_what_was_read_is_remembered_as_vectors_and_not_for_ever(encoder: Encoder) -> None:
    encoder._known.clear()
    before = encoder.encode("tea and cake " * 300)
    longer = encoder.encode("tea and cake " * 300 + "and then home")
    assert longer[0] is before[0]
    for number in range(REMEMBERED):
        encoder._known.setdefault(bytes([number % 256, number // 256]), before[0])
    encoder.encode("something new")
    assert len(encoder._known) < REMEMBERED


def test_a_reply_is_read_behind_what_it_answers(encoder: Encoder) -> None:
    (alone,) = encoder.encode("Yes, do that.", reply=True)
    (answer,) = encoder.encode("Yes, do that.", "May I sleep now?", reply=True)
    assert not np.array_equal(alone, answer)


@pytest.mark.parametrize("words", [0, 1, 50, 126, 127, 300, 3_000, 100_000])
def test_any_length_is_read_in_a_bounded_number_of_windows(words: int) -> None:
    windows = Tokens().windows("tea " * words)
    assert 1 <= len(windows) <= MOST_WINDOWS
    assert all(len(window) <= WINDOW for window in windows)
    assert all((window[0], window[-1]) == (CLS, SEP) for window in windows)


def test_windows_overlap_and_miss_nothing_in_between() -> None:
    text = " ".join(str(number) for number in range(300))
    read = [set(window) for window in Tokens().windows(text)]
    assert all(left & right - {CLS, SEP} for left, right in pairwise(read))
    assert set().union(*read) - {CLS, SEP} == set(Tokens()._ids(text))


def test_of_what_is_answered_the_end_is_read() -> None:
    (window,) = Tokens().windows("yes", "one two three " * 100, reply=True)
    assert len(window) == 1 + MOST_ANSWERED + 1 + 1 + 1
    assert window.count(SEP) == 2


def test_typographic_apostrophes_are_plain_ones() -> None:
    assert Tokens().windows("I\N{RIGHT SINGLE QUOTATION MARK}m") == Tokens().windows("I'm")


@pytest.mark.parametrize(
    "text", ["", "\0\ud800\u200b", "\U0001f600" * 500, "\u202e\u05d0", "x" * 5_000]
)
def test_odd_texts_are_read(encoder: Encoder, text: str) -> None:
    assert encoder.encode(text.encode("utf-8", "replace").decode())


@pytest.mark.parametrize("damage", ["missing", "flipped", "empty"])
def test_other_weights_are_never_run(tmp_path: Path, damage: str) -> None:
    weights = tmp_path / "encoder.onnx"
    if damage != "missing":
        shutil.copy(FOLDER / "encoder.onnx", weights)
        data = bytearray(weights.read_bytes())
        data[len(data) // 2] ^= 1
        weights.write_bytes(b"" if damage == "empty" else bytes(data))
    with pytest.raises(EncoderUnavailable):
        Encoder(weights)
