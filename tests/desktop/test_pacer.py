from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from desktop.pacer import LAG_S, Pacer

TICK = 0.03


def shown(pacer: Pacer, start: float, seconds: float) -> list[str]:
    ticks = int(seconds / TICK)
    return [pacer.take(start + n * TICK) for n in range(ticks)]


def test_a_burst_flows_on_evenly_in_whole_words() -> None:
    pacer = Pacer()
    text = "It is good that you are here. " * 12
    pacer.feed(text)
    parts = [part for part in shown(pacer, 0.0, LAG_S + 0.1) if part]
    assert "".join(parts) == text
    assert len(parts) > 15
    assert all(len(part) < 40 for part in parts)
    assert all(part.endswith(" ") for part in parts)


def test_nothing_lags_more_than_about_a_second() -> None:
    pacer = Pacer()
    received = displayed = 0
    for n in range(300):  # ten seconds of a fast model
        pacer.feed("word " * 6)
        received += 30
        displayed += len(pacer.take(n * TICK))
        assert received - displayed <= 1000 * (LAG_S + 0.2)  # 1,000 characters a second
    shown(pacer, 9.0, LAG_S + 0.1)
    assert pacer.idle


def test_a_silence_earns_no_burst() -> None:
    pacer = Pacer()
    pacer.feed("one ")
    shown(pacer, 0.0, 1.0)
    shown(pacer, 1.0, 5.0)
    pacer.feed("several words after a long silence " * 10)
    assert len(pacer.take(6.03)) < 60


def test_drain_gives_all_that_waits() -> None:
    pacer = Pacer()
    pacer.feed("one two three")
    assert pacer.drain() == "one two three"
    assert pacer.idle
    assert pacer.drain() == ""


@given(st.lists(st.text(max_size=300), max_size=8), st.floats(0.0, 0.5))
def test_what_goes_in_comes_out_unchanged(pieces: list[str], tick: float) -> None:
    pacer = Pacer()
    out = []
    for n, piece in enumerate(pieces):
        pacer.feed(piece)
        out.append(pacer.take(n * tick))
    assert "".join(out) + pacer.drain() == "".join(pieces)
