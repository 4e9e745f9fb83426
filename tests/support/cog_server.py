"""Cog's own HTTP server, without a container, on a package that `python -m convert cog` wrote."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_START_S = 60
_PLACE_S = 20
_FULL = 409


class CogServer:
    """`log` is the file that holds whatever server and runner printed."""

    def __init__(self, port: int, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.log = log

    def health(self) -> dict[str, Any]:
        """As Replicate asks for it."""
        with _opener().open(f"{self.url}/health-check", timeout=20) as answer:
            told: dict[str, Any] = json.loads(answer.read())
            return told

    def predict(self, **values: Any) -> dict[str, Any]:
        """One prediction to its end; a refusal is returned like an answer.

        Asked again while all places are taken, as Replicate does with what it has in its queue: a
        place is free only some time after the answer of the prediction before is there.
        """
        deadline = time.monotonic() + _PLACE_S
        while True:
            status, told = self._post(values)
            if status != _FULL or time.monotonic() > deadline:
                return told
            time.sleep(0.02)

    def _post(self, values: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        body = json.dumps({"input": values}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/predictions", body, headers)
        try:
            with _opener().open(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


@contextmanager
def cog_server(package: Path, log: Path, concurrency: int = 1) -> Iterator[CogServer]:
    """Running, and set up or failed in that; ended afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PORT": str(port),
        "COG_PREDICT_TYPE_STUB": "run.py:Runner",
        "COG_MAX_CONCURRENCY": str(concurrency),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    # An address of this machine only: the server's default is every address there is.
    command = [sys.executable, "-m", "cog.server.http", "--host", "127.0.0.1"]
    with (
        log.open("wb") as out,
        subprocess.Popen(command, cwd=package, env=env, stdout=out, stderr=out) as process,
    ):
        server = CogServer(port, log)
        try:
            _wait(server, process)
            yield server
        finally:
            process.terminate()
            process.wait(20)


def _wait(server: CogServer, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        assert time.monotonic() < deadline, server.log.read_text()
        assert process.poll() is None, server.log.read_text()
        try:
            if server.health()["status"] != "STARTING":
                return
        except OSError:
            pass
        time.sleep(0.1)
