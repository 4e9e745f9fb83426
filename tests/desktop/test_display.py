"""Whether there is a display, with real sockets in its place."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from desktop import display

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asked on Linux only")

Listen = Callable[[str], None]


@pytest.fixture(autouse=True)
def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Stand in for a server at this address."""
    servers: list[socket.socket] = []

    def listen_at(address: str) -> None:
        server = socket.socket(socket.AF_UNIX)
        servers.append(server)
        server.bind(address)
        server.listen()

    yield listen_at
    for server in servers:
        server.close()


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    # A test's own folder can be longer than the name of a socket may be.
    with TemporaryDirectory() as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


def test_nothing_set_is_no_display() -> None:
    assert not display.available()


def test_a_platform_that_was_asked_for_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert display.available()


@pytest.mark.parametrize("name", ["", ":", ":87", ":87.0", "unix:87", "nonsense", ":x", "host:"])
def test_an_x_server_that_does_not_answer_is_none(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", name)
    assert not display.available()


@pytest.mark.parametrize("name", [":9187", ":9187.0", "unix:9187"])
def test_an_x_server_that_answers_is_one(
    name: str, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen("\0/tmp/.X11-unix/X9187")
    monkeypatch.setenv("DISPLAY", name)
    assert display.available()


def test_an_x_server_across_a_network_is_left_to_qt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", "localhost:10.0")
    assert display.available()


def test_wayland_by_name_and_by_path(
    runtime: Path, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-7")
    assert not display.available()
    listen(str(runtime / "wayland-7"))
    assert display.available()
    monkeypatch.setenv("WAYLAND_DISPLAY", str(runtime / "wayland-7"))
    assert display.available()


def test_a_name_too_long_for_a_socket_is_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYLAND_DISPLAY", "w" * 200)
    assert not display.available()
