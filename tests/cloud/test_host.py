"""The same through the real host process: Stop, the end of the window, and its death."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.conftest import CANARY, assert_clean
from tests.support.host_process import HostProcess, generate
from tests.support.replicate_peer import ReplicatePeer
from tests.support.replicate_server import TOKEN, told
from theragen_core.faults import Fault
from theragen_core.protocol import (
    NO_TURN,
    Cancel,
    Delta,
    Failed,
    Finished,
    HostedModel,
    Load,
    Loaded,
    Phase,
    Progress,
    Shutdown,
    TurnId,
)

ROOT = Path(__file__).resolve().parents[2]
SLOW = [{"event": "output", "data": "Some words ", "id": "1"}, {"until_cancelled": 20}]


@pytest.fixture
def host(peer: ReplicatePeer) -> Iterator[HostProcess]:
    with HostProcess() as process:
        process.send(Load(HostedModel("someone/theragen", TOKEN)))
        loaded = process.until(Loaded, Failed)[-1]
        assert isinstance(loaded, Loaded)
        assert "someone/theragen" in loaded.name
        yield process


def wait_for(condition: Callable[[], Any], limit_s: float = 5) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def test_a_turn(host: HostProcess, peer: ReplicatePeer) -> None:
    events = host.ask(1, CANARY)
    assert "".join(e.text for e in events if isinstance(e, Delta)) == "Good to hear."
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.tokens > 0
    assert finished.evaluated > 0
    assert_clean(peer)


def test_stop_is_obeyed_and_cancels(host: HostProcess, peer: ReplicatePeer) -> None:
    peer.plan(stream=SLOW)
    host.send(generate(1, CANARY))
    host.until(Delta)
    begun = time.monotonic()
    host.send(Cancel(TurnId(1)))
    finished = host.until(Finished)[-1]
    assert time.monotonic() - begun < 0.3
    assert isinstance(finished, Finished)
    assert finished.stopped
    wait_for(lambda: peer.record()["predictions"][0]["cancels"] == 1)
    assert_clean(peer)


def test_a_cold_start_is_progress_and_no_hang(host: HostProcess, peer: ReplicatePeer) -> None:
    peer.plan(stream=[{"sleep": 4.2}, *told("Awake.")])
    events = host.ask(1, CANARY)
    waits = [e for e in events if isinstance(e, Progress) and e.phase is Phase.WAKING]
    assert [w.done for w in waits] == [3, 4]
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize("politely", [True, False])
def test_the_end_of_the_window_cancels(
    host: HostProcess, peer: ReplicatePeer, politely: bool
) -> None:
    peer.plan(stream=SLOW)
    host.send(generate(1, CANARY))
    host.until(Delta)
    if politely:
        host.send(Shutdown())
    else:
        assert host.process.stdin
        host.process.stdin.close()
    assert host.process.wait(3) == 0
    assert_clean(peer)


def test_an_idle_host_ends_at_once(host: HostProcess) -> None:
    begun = time.monotonic()
    host.send(Shutdown())
    host.process.wait(3)
    assert time.monotonic() - begun < 0.5


WINDOW = """
import sys, time
from tests.support.host_process import HostProcess, generate
from tests.support.replicate_server import TOKEN
from theragen_core.protocol import Delta, HostedModel, Load, Loaded
host = HostProcess()
host.send(Load(HostedModel("someone/theragen", TOKEN)))
host.until(Loaded)
host.send(generate(1, "Hello."))
host.until(Delta)
print("talking", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such kill")
def test_a_window_that_is_killed_leaves_nothing_at_work(peer: ReplicatePeer) -> None:
    peer.plan(stream=SLOW)
    window = subprocess.Popen([sys.executable, "-c", WINDOW], cwd=ROOT, stdout=subprocess.PIPE)
    with window:
        assert window.stdout
        assert window.stdout.readline() == b"talking\n"
        window.kill()
    wait_for(lambda: peer.record()["predictions"][0]["cancels"] == 1)
    assert_clean(peer)


def test_a_model_that_could_not_be_had_is_tried_again_with_the_next_turn(
    peer: ReplicatePeer,
) -> None:
    peer.plan(model={"status": 503}, times=2)
    with HostProcess() as host:
        host.send(Load(HostedModel("someone/theragen", TOKEN)))
        failed = host.until(Failed)[-1]
        assert isinstance(failed, Failed)
        assert (failed.turn, failed.fault) == (NO_TURN, Fault.CLOUD_SERVER_ERROR)
        host.send(generate(1, CANARY))
        host.until(Failed)
        again = host.until(Failed)[-1]
        assert isinstance(again, Failed)
        assert (again.turn, again.fault) == (TurnId(1), Fault.CLOUD_SERVER_ERROR)
        assert isinstance(host.ask(2, CANARY)[-1], Finished)
    assert_clean(peer)


def test_without_a_token_none_is_looked_for_in_the_environment(
    peer: ReplicatePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLICATE_API_TOKEN", TOKEN)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    with HostProcess() as host:
        host.send(Load(HostedModel("someone/theragen")))
        failed = host.until(Failed)[-1]
        assert isinstance(failed, Failed)
        assert failed.fault is Fault.CLOUD_TOKEN_MISSING
    assert peer.record()["requests"] == []
