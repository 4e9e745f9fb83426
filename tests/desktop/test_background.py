from __future__ import annotations

import threading
import weakref

from PySide6.QtCore import QEventLoop, QObject
from pytestqt.qtbot import QtBot

from desktop.background import Job

JOBS = 100


class Receiver(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.got: list[object] = []
        self.threads: set[threading.Thread] = set()

    def work(self) -> None:
        """Work that refers to the parent of its job."""

    def on_done(self, result: object) -> None:
        self.got.append(result)
        self.threads.add(threading.current_thread())


def test_every_result_arrives_in_the_windows_thread(qtbot: QtBot) -> None:
    """A job deletes itself once its result is told, and not while it is."""
    receiver = Receiver()
    for number in range(JOBS):
        job = Job(lambda number=number: (number,), receiver)  # type: ignore[misc]  # a default
        job.done.connect(receiver.on_done)
        job.start()
        qtbot.waitUntil(lambda number=number: len(receiver.got) > number)  # type: ignore[misc]
    assert receiver.got == [(number,) for number in range(JOBS)]
    assert receiver.threads == {threading.main_thread()}
    qtbot.waitUntil(lambda: not receiver.findChildren(Job))


def test_the_work_is_let_go_before_its_result_is_told(qtbot: QtBot) -> None:
    """Whatever it refers to may be the parent, which must not end inside the end of its child."""
    parent = Receiver()
    job = Job(parent.work, parent)
    gone = weakref.ref(parent)
    loop = QEventLoop()
    job.done.connect(loop.quit)
    job.start()
    loop.exec()
    del parent
    assert gone() is None
    qtbot.waitUntil(lambda: not _alive(job))


def test_a_job_whose_receiver_has_gone_ends_quietly(qtbot: QtBot) -> None:
    started, go_on = threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        assert go_on.wait(10)

    receiver = Receiver()
    job = Job(work, receiver)
    job.start()
    assert started.wait(10)
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "background")
    receiver.deleteLater()
    qtbot.waitUntil(lambda: not _alive(job))
    go_on.set()
    thread.join(10)
    assert not thread.is_alive()


def _alive(job: Job) -> bool:
    try:
        job.objectName()
    except RuntimeError:
        return False
    return True
