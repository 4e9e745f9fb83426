"""The real host as a child process, spoken to as the window does, without Qt."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from theragen_core import wire
from theragen_core.conversation import Message, Role
from theragen_core.protocol import (
    Command,
    Event,
    Failed,
    Finished,
    Generate,
    GenerateRequest,
    Heartbeat,
    Refused,
    SamplingOptions,
    TurnId,
)


class HostProcess:
    """Send commands, read events. Heartbeats are kept apart, in `beats`."""

    def __init__(self, address_space: int | None = None) -> None:
        """With `address_space`, in bytes, the host gets no more memory than that."""
        command = [sys.executable, "-I", "-m", "desktop", "--engine-host"]
        if address_space is not None:
            command = ["prlimit", f"--as={address_space}", *command]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.beats: list[Heartbeat] = []
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> HostProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()

    def send(self, command: Command) -> None:
        self.send_line(wire.encode(command))

    def send_line(self, line: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def next(self, timeout_s: float = 60) -> Event | None:
        """The next event; None once the process is gone."""
        return self._events.get(timeout=timeout_s)

    def until(self, *kinds: type, timeout_s: float = 60) -> list[Event]:
        """All events up to the first of one of these types, that one included."""
        deadline, events = time.monotonic() + timeout_s, list[Event]()
        while not events or not isinstance(events[-1], kinds):
            event = self.next(max(0.01, deadline - time.monotonic()))
            assert event is not None, "the host has ended"
            events.append(event)
        return events

    def ask(self, turn: int, *texts: str, options: SamplingOptions | None = None) -> list[Event]:
        """One whole turn; texts alternate, beginning and ending with the person's."""
        self.send(generate(turn, *texts, options=options))
        return self.until(Finished, Failed, Refused)

    def wait_for_beats(self, condition: Callable[[list[Heartbeat]], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition(self.beats):
            assert time.monotonic() < deadline, "no such heartbeat"
            time.sleep(0.05)

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            event = wire.decode_event(line)
            if isinstance(event, Heartbeat):
                self.beats.append(event)
            else:
                self._events.put(event)
        self._events.put(None)


def generate(turn: int, *texts: str, options: SamplingOptions | None = None) -> Generate:
    roles = (Role.USER, Role.ASSISTANT)
    messages = tuple(Message(roles[index % 2], text) for index, text in enumerate(texts))
    return Generate(
        GenerateRequest(TurnId(turn), messages, options or SamplingOptions(0.0, 48, seed=1))
    )
