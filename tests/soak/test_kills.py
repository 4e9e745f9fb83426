"""The engine is killed at random moments of everything it does; the window and its words stay."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable

import pytest
from pytestqt.qtbot import QtBot

from tests.e2e.conftest import Person
from tests.soak.conftest import LONG, Ear
from theragen_core.faults import Fault
from theragen_core.protocol import NO_TURN, Delta, Phase, Progress, SamplingOptions
from theragen_core.resources import fault_text

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

QUESTION = "Good morning."
LONG_MESSAGE = "We bought apples, bread and a lamp for the kitchen. " * 45  # some 500 tokens
SHORT_REPLY = SamplingOptions(temperature=0.0, max_tokens=3)  # sure of each of its words
LONG_REPLY = SamplingOptions(temperature=0.8, max_tokens=400)
SIGNALS = ("SIGSEGV", "SIGABRT", "SIGKILL", "SIGSTOP")
TOLD_WITHIN_S = {"SIGSTOP": 5.0}
JUST_NOW_S = 1.0
SOMETIME_MS = 60_000


class Round:
    """One kill: bring the engine into a phase, kill it there, look, and go on."""

    def __init__(self, person: Person, qtbot: QtBot, draw: random.Random) -> None:
        self._person, self._qtbot, self._draw = person, qtbot, draw
        self._app = person.app
        self._ear = Ear(person.app.engine)
        self._sent = QUESTION

    def loading(self) -> None:
        self._person.window.actions_.restart.trigger()
        self._until(lambda: self._app.engine.process_id > 0)
        self._pause(300)

    def idle(self) -> None:
        self._pause(300)

    def reading(self) -> None:
        self._say(LONG_MESSAGE.strip(), SHORT_REPLY)
        self._until(lambda: any(map(_is_reading, self._ear.events)))
        self._pause(300)

    def writing(self) -> None:
        self._say("Please tell me a very long story.", LONG_REPLY)
        self._until(lambda: self._ear.newest(Delta) is not None)
        self._pause(300)

    def kill(self, how: str) -> float:
        """Seconds until the person was told."""
        window, engine = self._person.window, self._app.engine
        before, loading = self._person.transcript(), not self._app.presenter.model_loaded
        window.clear_fault()
        os.kill(engine.process_id, signal.Signals[how])
        killed = time.monotonic()
        self._until(lambda: bool(self._person.fault()))
        told = time.monotonic() - killed
        cause = Fault.ENGINE_HUNG if how == "SIGSTOP" else Fault.ENGINE_CRASHED
        # What the engine had said before may still have been on its way to the window.
        causes = (cause, Fault.ENGINE_DIED_LOADING) if loading else (cause,)
        assert self._person.fault() in map(fault_text, causes)
        assert window.isVisible()
        assert not engine.alive
        self._until(lambda: not self._person.is_generating())  # the guard sees what had come
        assert self._person.transcript().startswith(before.rstrip())
        assert self._sent in self._person.transcript()
        return told

    def go_on(self) -> None:
        """Any of the ways to go on after a fault, in the same conversation."""
        self._app.session.options = SHORT_REPLY
        actions = self._person.window.actions_
        if self._draw.random() < 0.5:
            actions.restart.trigger()
        if self._draw.random() < 0.5:
            actions.try_again.trigger()
        else:
            self._person.sends("Thank you.")
        assert self._person.is_generating()
        assert self._person.waits_for_reply().strip()
        assert self._person.fault() == ""

    def answer(self) -> str:
        """What is answered to the same question in a new conversation."""
        self._app.presenter.start_over()
        self._app.session.options = SHORT_REPLY
        self._sent = QUESTION
        reply = self._person.asks(QUESTION)
        assert self._person.fault() == ""
        return reply

    def reset(self) -> None:
        self._ear.clear()

    def _say(self, words: str, options: SamplingOptions) -> None:
        self._app.session.options = options
        self._sent = words
        self._person.window.composer.submitted.emit(words)

    def _until(self, condition: Callable[[], bool]) -> None:
        self._person.waits_until(condition, SOMETIME_MS)

    def _pause(self, most_ms: int) -> None:
        self._qtbot.wait(self._draw.randrange(most_ms))


def _is_reading(event: object) -> bool:
    return isinstance(event, Progress) and event.phase is Phase.READING and event.turn != NO_TURN


@pytest.mark.parametrize("kills", [8, pytest.param(200, marks=LONG)])
def test_whatever_kills_the_engine(person: Person, qtbot: QtBot, kills: int) -> None:
    person.app.session.new_seed = lambda: 1
    trial = Round(person, qtbot, random.Random(3))
    right = trial.answer()
    phases = (trial.loading, trial.idle, trial.reading, trial.writing)
    slowest = dict.fromkeys(SIGNALS, 0.0)
    for number in range(kills):
        how = SIGNALS[(number + number // len(phases)) % len(SIGNALS)]
        trial.reset()
        phases[number % len(phases)]()
        told = trial.kill(how)
        slowest[how] = max(slowest[how], told)
        trial.go_on()
        assert trial.answer() == right
        print(f"{number + 1} of {kills}: {how}, told after {told:.2f} s", flush=True)
    print(f"slowest: {slowest}")
    assert all(told <= TOLD_WITHIN_S.get(how, JUST_NOW_S) for how, told in slowest.items())
