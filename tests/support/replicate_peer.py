"""The other end for tests of the cloud: a server process, told what to do and asked what it saw."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class ReplicatePeer:
    """Speaks to tests/support/replicate_server.py, which runs in a process of its own."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def plan(self, **scenario: Any) -> None:
        """What it is to do from now on; its record begins anew."""
        self._ask("/_scenario", json.dumps(scenario).encode())

    def record(self) -> dict[str, Any]:
        return self._ask("/_record")

    def creates(self) -> list[dict[str, Any]]:
        """The requests that ask for a prediction."""
        posts = self.record()["requests"]
        return [r for r in posts if r["method"] == "POST" and r["path"].endswith("/predictions")]

    def _ask(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.url + path, data=body, timeout=10) as answer:
            parsed: dict[str, Any] = json.loads(answer.read())
            return parsed


@contextmanager
def replicate_peer() -> Iterator[ReplicatePeer]:
    """A running server; it ends with its stdin."""
    command = [sys.executable, "-m", "tests.support.replicate_server"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdin
        assert server.stdout
        try:
            yield ReplicatePeer(int(server.stdout.readline()))
        finally:
            server.stdin.close()
            server.wait(5)
