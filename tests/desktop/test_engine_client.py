"""The client with real children: the host with the real starter model, and misbehaving programs."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import cast

import psutil
import pytest
from pytestqt.qtbot import QtBot

from desktop.engine_client import EngineClient, host_command
from tests.support.host_process import generate
from theragen_core.faults import Fault
from theragen_core.model_profile import starter_path
from theragen_core.protocol import (
    Cancel,
    Delta,
    EchoModel,
    Event,
    Finished,
    Load,
    Loaded,
    LocalModel,
    SamplingOptions,
    TurnId,
)

STARTER = Load(LocalModel(starter_path()))
LONG_REPLY = SamplingOptions(0.8, 2000, seed=5)


class Ear:
    """Keeps what a client tells."""

    def __init__(self, client: EngineClient) -> None:
        self.events: list[Event] = []
        self.deaths: list[Fault] = []
        client.received.connect(self._on_received)
        client.died.connect(self.deaths.append)

    def _on_received(self, event: object) -> None:
        self.events.append(cast(Event, event))

    def heard(self, kind: type) -> Callable[[], bool]:
        return lambda: any(isinstance(event, kind) for event in self.events)


@pytest.fixture
def client(qtbot: QtBot) -> Iterator[EngineClient]:
    client = EngineClient(host_command())
    yield client
    client.stop()


@pytest.fixture
def ear(client: EngineClient) -> Ear:
    return Ear(client)


@pytest.fixture
def replying(qtbot: QtBot, client: EngineClient, ear: Ear) -> EngineClient:
    """In the middle of a long reply of the real model."""
    client.start(STARTER)
    client.send(generate(1, "Tell me a very long story.", options=LONG_REPLY))
    qtbot.waitUntil(ear.heard(Delta), timeout=30_000)
    return client


def test_a_real_reply_arrives(qtbot: QtBot, client: EngineClient, ear: Ear) -> None:
    client.start(STARTER)
    client.send(generate(1, "Good morning."))
    qtbot.waitUntil(ear.heard(Finished), timeout=30_000)
    assert isinstance(next(e for e in ear.events if isinstance(e, Loaded)).name, str)
    assert ear.deaths == []


def test_cancel_reaches_a_child_that_is_writing(
    qtbot: QtBot, replying: EngineClient, ear: Ear
) -> None:
    replying.send(Cancel(TurnId(1)))
    qtbot.waitUntil(ear.heard(Finished), timeout=2000)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV])
def test_a_crash_is_told_within_a_second(
    qtbot: QtBot, replying: EngineClient, ear: Ear, how: signal.Signals
) -> None:
    os.kill(replying.process_id, how)
    qtbot.waitUntil(lambda: ear.deaths == [Fault.ENGINE_CRASHED], timeout=1000)
    assert not replying.alive


def test_a_stopped_child_is_told_within_five_seconds_and_killed(
    qtbot: QtBot, replying: EngineClient, ear: Ear
) -> None:
    child = psutil.Process(replying.process_id)
    child.suspend()
    qtbot.waitUntil(lambda: ear.deaths == [Fault.ENGINE_HUNG], timeout=5000)
    child.wait(2)


def test_after_a_crash_a_new_child_answers(qtbot: QtBot, replying: EngineClient, ear: Ear) -> None:
    os.kill(replying.process_id, signal.SIGKILL)
    qtbot.waitUntil(lambda: bool(ear.deaths), timeout=1000)
    replying.start(STARTER)
    replying.send(generate(2, "Good morning."))
    qtbot.waitUntil(ear.heard(Finished), timeout=30_000)


def test_starting_again_kills_the_old_child_and_is_no_death(
    qtbot: QtBot, replying: EngineClient, ear: Ear
) -> None:
    old = psutil.Process(replying.process_id)
    replying.start(Load(EchoModel()))
    old.wait(2)
    ear.events.clear()
    qtbot.waitUntil(ear.heard(Loaded), timeout=10_000)
    assert ear.deaths == []


# A child that misbehaves, as a program of a few lines in its place.

BEAT = '{"v": 1, "type": "Heartbeat", "phase": "%s", "steps": 1}'
CHILDREN = {
    "not our protocol": ("print('hello', flush=True); time.sleep(60)", Fault.ENGINE_BUG),
    "ends at once": ("sys.exit(0)", Fault.ENGINE_CRASHED),
    "beats, but its native code stands still": (
        f"while True: print('{BEAT % 'writing'}', flush=True); time.sleep(0.4)",
        Fault.ENGINE_HUNG,
    ),
}


@pytest.mark.parametrize(("code", "fault"), CHILDREN.values(), ids=CHILDREN.keys())
def test_children_that_misbehave(qtbot: QtBot, code: str, fault: Fault) -> None:
    client = EngineClient([sys.executable, "-c", f"import sys, time\n{code}"])
    ear = Ear(client)
    client.start(Load(EchoModel()))
    qtbot.waitUntil(lambda: ear.deaths == [fault], timeout=6000)
    assert not client.alive


def test_a_program_that_is_not_there(qtbot: QtBot) -> None:
    client = EngineClient(["/no/such/program"])
    ear = Ear(client)
    client.start(Load(EchoModel()))
    qtbot.waitUntil(lambda: ear.deaths == [Fault.ENGINE_NOT_STARTED], timeout=2000)


@pytest.mark.parametrize("phase", ["idle", "loading"])
def test_phases_without_steps_are_never_called_hung(qtbot: QtBot, phase: str) -> None:
    code = f"import time\nwhile True: print('{BEAT % phase}', flush=True); time.sleep(0.1)"
    client = EngineClient([sys.executable, "-c", code])
    ear = Ear(client)
    client.start(Load(EchoModel()))
    qtbot.wait(2500)  # more than enough beats for a hang
    assert ear.deaths == []
    client.stop()


def test_a_flood_of_events_leaves_the_window_its_turns(qtbot: QtBot) -> None:
    line = '{"v": 1, "type": "Delta", "turn": 1, "text": "word "}'
    code = f"import sys, time\nsys.stdout.write('{line}\\n' * 50000); sys.stdout.flush()"
    client = EngineClient([sys.executable, "-c", f"{code}\ntime.sleep(60)"])
    ear = Ear(client)
    client.start(Load(EchoModel()))
    slices = 0
    deadline = time.monotonic() + 30
    while len(ear.events) < 50_000 and time.monotonic() < deadline:
        before = len(ear.events)
        qtbot.wait(1)
        slices += len(ear.events) > before
    assert len(ear.events) == 50_000
    assert slices > 10  # not all in one go
    client.stop()
