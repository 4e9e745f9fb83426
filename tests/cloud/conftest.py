"""The engine in this process, Replicate's part in another one, real sockets between them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.replicate_peer import ReplicatePeer, replicate_peer
from tests.support.replicate_server import END, TOKEN
from theragen_core.conversation import Message, Role
from theragen_core.engines.base import Watch
from theragen_core.engines.replicate import ReplicateEngine, transport
from theragen_core.engines.turn import run_turn
from theragen_core.errors import UserError
from theragen_core.faults import Fault
from theragen_core.protocol import (
    Delta,
    Event,
    Failed,
    Finished,
    GenerateRequest,
    HostedModel,
    Phase,
    SamplingOptions,
    TurnId,
)
from theragen_core.resources import fault_text

CANARY = "a sentence that only this test says"


@pytest.fixture(scope="session")
def server() -> Iterator[ReplicatePeer]:
    with replicate_peer() as peer:
        yield peer


@pytest.fixture(scope="session")
def foreign_server() -> Iterator[ReplicatePeer]:
    """A host that is none of Replicate's."""
    with replicate_peer() as peer:
        yield peer


@pytest.fixture
def peer(server: ReplicatePeer, monkeypatch: pytest.MonkeyPatch) -> ReplicatePeer:
    monkeypatch.setenv("REPLICATE_BASE_URL", server.url)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    server.plan()
    return server


@pytest.fixture
def foreign(foreign_server: ReplicatePeer) -> ReplicatePeer:
    foreign_server.plan()
    return foreign_server


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time limits of half a second instead of half a minute."""
    for name in ("_ANSWER_S", "_STREAM_S", "_CONNECT_S"):
        monkeypatch.setattr(transport, name, 0.5)


@dataclass
class Heard:
    """What came of one turn."""

    text: str = ""
    fault: Fault | None = None
    details: dict[str, str | int] = field(default_factory=dict)
    finished: Finished | None = None
    progress: list[tuple[Phase, int]] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        assert self.fault is not None
        return fault_text(self.fault, self.details)


def messages(*texts: str) -> tuple[Message, ...]:
    roles = (Role.USER, Role.ASSISTANT)
    return tuple(Message(roles[index % 2], text) for index, text in enumerate(texts))


def request(*texts: str, options: SamplingOptions | None = None) -> GenerateRequest:
    said = messages(*(texts or (CANARY,)))
    return GenerateRequest(TurnId(1), said, options or SamplingOptions(seed=1))


def load(name: str = "someone/theragen", token: str = TOKEN, deployment: bool = False) -> Any:
    return ReplicateEngine(HostedModel(name, token, deployment), Watch())


def load_fault(name: str = "someone/theragen", **more: Any) -> UserError:
    """Why it cannot be loaded, with a sentence that can be shown."""
    with pytest.raises(UserError) as raised:
        load(name, **more)
    assert "{" not in fault_text(raised.value.fault, raised.value.details)
    return raised.value


def talk(
    engine: ReplicateEngine,
    *texts: str,
    stop_when: Callable[[Heard], bool] = lambda heard: False,
    options: SamplingOptions | None = None,
) -> Heard:
    """One turn to its end; `stop_when` is the person's finger on Stop."""
    heard, stop = Heard(), threading.Event()

    def should_stop() -> bool:
        if stop_when(heard):
            stop.set()
        return stop.is_set()

    watch = Watch(
        should_stop, report=lambda phase, done, total: heard.progress.append((phase, done))
    )
    for event in run_turn(engine, request(*texts, options=options), watch):
        take(heard, event)
    return heard


def take(heard: Heard, event: Event) -> None:
    match event:
        case Delta(text=piece):
            heard.text += piece
        case Failed(fault=fault, details=details):
            heard.fault, heard.details = fault, details
        case Finished():
            heard.finished = event
        case _:
            pass


def assert_clean(peer: ReplicatePeer, posts: int = 1) -> dict[str, Any]:
    """By the server's own record: nothing against the contract, no POST that was repeated, nothing
    left at work, a deadline on everything, and no word of the person's outside a body."""
    record = peer.record()
    assert record["faults"] == []
    creates = [
        r
        for r in record["requests"]
        if r["method"] == "POST" and r["path"].endswith("/predictions")
    ]
    assert len(creates) == posts
    for create in creates:
        assert create["headers"]["cancel-after"] == "300s"
    assert record["orphans"] == []
    assert all(p["status"] in END for p in record["predictions"])
    for seen in record["requests"]:
        assert TOKEN not in seen["path"] + seen["body"]
        assert CANARY not in seen["path"] + str(seen["headers"])
    return record
