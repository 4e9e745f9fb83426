"""The guard's client with the real guard, and with programs that misbehave in its place."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence

import psutil
import pytest
from pytestqt.qtbot import QtBot

from desktop import guard_client
from desktop.engine_client import EngineClient, host_command
from desktop.guard_client import GuardClient
from theragen_core.conversation import Message, Role
from theragen_core.protocol import Assess, Assessed, Review, Reviewed, Tier, TurnId

START_MS = 30_000
GRAVE = Assess(TurnId(1), (Message(Role.USER, "I want to kill myself."),))


class Ear:
    """Keeps what a guard tells."""

    def __init__(self, guard: GuardClient) -> None:
        self.events: list[object] = []
        self.ready = self.lost = 0
        guard.received.connect(self.events.append)
        guard.ready.connect(self._on_ready)
        guard.lost.connect(self._on_lost)

    def _on_ready(self) -> None:
        self.ready += 1

    def _on_lost(self) -> None:
        self.lost += 1


@pytest.fixture
def guard(qtbot: QtBot) -> Iterator[GuardClient]:
    guard = GuardClient(EngineClient(host_command("guard")))
    yield guard
    guard.stop()


@pytest.fixture
def ear(guard: GuardClient) -> Ear:
    return Ear(guard)


def test_it_assesses_and_reviews(qtbot: QtBot, guard: GuardClient, ear: Ear) -> None:
    guard.start()
    guard.send(GRAVE)
    guard.send(Review(TurnId(1), 3, "That sounds hard."))
    qtbot.waitUntil(lambda: len(ear.events) == 2, timeout=START_MS)
    assessed, reviewed = ear.events
    assert isinstance(assessed, Assessed)
    assert (assessed.assessment.tier, assessed.by_rules_alone) == (Tier.ACTIVE, False)
    assert reviewed == Reviewed(TurnId(1), 3)
    assert (ear.ready, ear.lost) == (1, 0)


def test_a_killed_guard_is_told_and_another_one_comes(
    qtbot: QtBot, guard: GuardClient, ear: Ear
) -> None:
    guard.start()
    qtbot.waitUntil(lambda: ear.ready == 1, timeout=START_MS)
    os.kill(guard.process_id, signal.SIGKILL)
    qtbot.waitUntil(lambda: ear.lost == 1, timeout=1000)
    qtbot.waitUntil(lambda: ear.ready == 2, timeout=START_MS)
    guard.send(GRAVE)
    qtbot.waitUntil(lambda: len(ear.events) == 1, timeout=START_MS)


def test_a_guard_that_is_silent_is_given_up(qtbot: QtBot, guard: GuardClient, ear: Ear) -> None:
    guard.start()
    qtbot.waitUntil(lambda: ear.ready == 1, timeout=START_MS)
    child = psutil.Process(guard.process_id)
    child.suspend()
    guard.send(GRAVE)
    qtbot.waitUntil(lambda: ear.lost == 1, timeout=guard_client.TALK_PATIENCE_MS + 1000)
    child.wait(2)


def test_restart_replaces_the_child(qtbot: QtBot, guard: GuardClient, ear: Ear) -> None:
    guard.start()
    qtbot.waitUntil(lambda: ear.ready == 1, timeout=START_MS)
    old = psutil.Process(guard.process_id)
    guard.restart()
    old.wait(2)
    qtbot.waitUntil(lambda: ear.ready == 2, timeout=START_MS)
    assert ear.lost == 0


BY_RULES = (
    'print(\'{"v": 1, "type": "Assessed", "turn": 0, "assessment": {"type": "RiskAssessment",'
    ' "tier": 0, "topics": [], "cues": [], "own": 0}, "by_rules_alone": true}\', flush=True)'
)


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (["/no/such/program"], guard_client.STARTS),
        ([sys.executable, "-c", "import sys; sys.exit(0)"], guard_client.STARTS),
    ],
)
def test_one_that_cannot_start_is_lost_and_not_started_for_ever(
    qtbot: QtBot, program: Sequence[str], told: int
) -> None:
    guard = GuardClient(EngineClient(program))
    ear = Ear(guard)
    guard.start()
    qtbot.waitUntil(lambda: ear.lost == told, timeout=5000)
    qtbot.wait(300)
    assert ear.lost == told
    guard.send(GRAVE)  # nobody will answer, and that is told at once
    assert ear.lost == told + 1


def test_one_without_its_encoder_says_so(qtbot: QtBot) -> None:
    guard = GuardClient(
        EngineClient([sys.executable, "-c", f"{BY_RULES}; import time; time.sleep(9)"])
    )
    ear = Ear(guard)
    guard.start()
    qtbot.waitUntil(lambda: len(ear.events) == 1, timeout=5000)
    assert isinstance(ear.events[0], Assessed)
    assert ear.events[0].by_rules_alone
    assert ear.ready == 0
    guard.stop()
