from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from pytestqt.qtbot import QtBot

from desktop.single_instance import SingleInstance


@pytest.fixture(autouse=True)
def sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    # A test's own folder can be longer than the name of a socket may be.
    with TemporaryDirectory() as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


@pytest.fixture
def first(qtbot: QtBot) -> Iterator[SingleInstance]:
    instance = SingleInstance()
    assert instance.acquire()
    instance.listen()
    yield instance
    instance.release()


def test_a_second_start_calls_the_first(first: SingleInstance, qtbot: QtBot) -> None:
    second = SingleInstance()
    with qtbot.waitSignal(first.called, timeout=5000):
        assert not second.acquire()
        assert second.call_other()


def test_every_call_is_heard(first: SingleInstance, qtbot: QtBot) -> None:
    for _ in range(3):
        with qtbot.waitSignal(first.called, timeout=5000):
            assert SingleInstance().call_other()


def test_another_person_has_an_instance_of_their_own(
    first: SingleInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "another"))
    other = SingleInstance()
    assert other.acquire()
    assert not other.call_other()
    other.release()


def test_once_released_the_next_may_start(first: SingleInstance) -> None:
    first.release()
    third = SingleInstance()
    assert not third.call_other()
    assert third.acquire()
    third.release()


def test_a_folder_that_takes_no_lock_bars_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    monkeypatch.setattr("desktop.single_instance._runtime_folder", lambda: str(gone))
    assert SingleInstance().acquire()
