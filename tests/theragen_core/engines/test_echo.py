from __future__ import annotations

import time

from theragen_core.conversation import Message, Role
from theragen_core.engines.base import TurnStats, Watch
from theragen_core.engines.echo import EchoEngine
from theragen_core.protocol import EchoModel, GenerateRequest, Phase, Prefill, TurnId

REQUEST = GenerateRequest(
    TurnId(1),
    (Message(Role.USER, "one"), Message(Role.ASSISTANT, "two"), Message(Role.USER, "three\nfour")),
)


def test_the_newest_message_comes_back_word_by_word() -> None:
    watch, stats = Watch(), TurnStats()
    engine = EchoEngine(EchoModel())
    engine.prefill(Prefill(), watch)

    pieces = list(engine.generate(REQUEST, watch, stats))
    engine.close()

    assert pieces == ["You", " wrote:", " three", "\nfour"]
    assert (stats.written, stats.evaluated, stats.first_visible) == (4, 2, 0)
    assert watch.phase is Phase.IDLE
    assert engine.loaded.name == "Echo (no model)"


def test_stop_is_obeyed_during_a_long_pause() -> None:
    stopped = False
    watch = Watch(should_stop=lambda: stopped)
    pieces = EchoEngine(EchoModel(delay_s=30)).generate(REQUEST, watch, TurnStats())
    assert next(pieces) == "You"
    stopped = True
    started = time.monotonic()

    assert list(pieces) == []

    assert time.monotonic() - started < 5
    assert watch.phase is Phase.IDLE


def test_a_pause_shows_as_progress() -> None:
    watch = Watch()

    list(EchoEngine(EchoModel(delay_s=0.05)).generate(REQUEST, watch, TurnStats()))

    assert watch.steps > 8
