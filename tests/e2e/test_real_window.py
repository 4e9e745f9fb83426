"""The program as a person meets it: a process of its own, a real display, real keys."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.processes import wait_for_end
from tests.support.x_display import XDisplay, missing, x_display
from theragen_core.settings import CONSENT_VERSION, Settings, load, save

ROOT = Path(__file__).resolve().parents[2]
REPLY_S = 60
POLL_S = 0.3  # each look costs processor time that the model wants too

pytestmark = pytest.mark.skipif(
    bool(missing()), reason=f"needs {' and '.join(missing())} for real key events"
)


class Program:
    """TheraGen on a display, and whoever sits before it."""

    def __init__(self, display: XDisplay, log: Path) -> None:
        self.display = display
        command = [sys.executable, "-m", "desktop"]
        with log.open("wb") as file:
            self._popen = subprocess.Popen(
                command, cwd=ROOT, env=display.environment, stdout=file, stderr=file
            )
        self.process = psutil.Process(self._popen.pid)
        display.focus("^TheraGen$")

    def transcript(self) -> str:
        """What "Copy all" gives."""
        self.display.press("ctrl+shift+c")
        return self.display.clipboard()

    def sends(self, words: str) -> str:
        """Type a message and send it; the transcript with it."""
        self.display.type(words)
        self.waits_for(lambda: self._enters(words))
        return self.transcript()

    def _enters(self, words: str) -> bool:
        """Enter, once more while the last words of a reply still flow, as a person would."""
        self.display.press("Return")
        return words in self.transcript()

    def asks(self, words: str) -> str:
        """Send a message; the transcript once a reply to it has begun."""
        self.sends(words)
        self.waits_for(lambda: "TheraGen:\n" in self.transcript().partition(words)[2])
        return self.transcript()

    def waits_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + REPLY_S
        while not condition():
            assert self._popen.poll() is None, "the program has ended"
            assert time.monotonic() < deadline
            time.sleep(POLL_S)

    def host(self) -> psutil.Process:
        """The process that runs the model."""
        self.waits_for(lambda: len(self._hosts()) == 1)
        return self._hosts()[0]

    def _hosts(self) -> list[psutil.Process]:
        return [p for p in self.process.children() if "--engine-host" in p.cmdline()]

    def exit_code(self) -> int:
        return self._popen.wait(10)

    def end(self) -> None:
        self._popen.kill()
        self._popen.wait()


@pytest.fixture(scope="module")
def display() -> Iterator[XDisplay]:
    with x_display() as screen:
        yield screen


Start = Callable[[], Program]


@pytest.fixture
def start(display: XDisplay, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start the program with all its folders, and what it prints, in the home of this test."""
    monkeypatch.setenv("TMPDIR", str(home))
    running: list[Program] = []

    def start_one() -> Program:
        running.append(Program(display, home / "printed"))
        return running[-1]

    yield start_one
    for program in running:
        program.end()


@pytest.fixture
def consented(home: Path) -> None:
    save(Settings(consent=CONSENT_VERSION, country="GB"), settings_file(home))


def settings_file(home: Path) -> Path:
    return home / ".config" / "TheraGen" / "settings.json"


def is_busy(process: psutil.Process) -> bool:
    """Whether it computes, rather than waits."""
    return process.cpu_percent(interval=0.2) > 30


def files_with(words: str, folder: Path) -> list[Path]:
    """The files in which these words stand, as UTF-8 or as UTF-16."""
    forms = (words.encode(), words.encode("utf-16-le"), words.encode("utf-16-be"))
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if any(form in path.read_bytes() for form in forms)]


def test_from_consent_to_quit_by_keyboard(start: Start, home: Path) -> None:
    program = start()
    program.display.press("space", "Tab", "space")  # the tick, on to the button, begin
    assert program.asks("I walked along the quiet harbour.").startswith("You:\nI walked")
    assert load(settings_file(home)).consented

    hosts = [program.host()]
    program.display.press("F5")
    wait_for_end(hosts[0])
    assert "quiet harbour" in program.transcript()

    hosts.append(program.host())
    program.display.type("a draft about the harbour")
    program.display.press("ctrl+shift+Delete")
    wait_for_end(hosts[1])
    assert program.transcript() == ""
    assert program.sends("Good morning.").startswith("You:\nGood morning.")

    hosts.append(program.host())
    program.display.press("ctrl+q")
    assert program.exit_code() == 0
    wait_for_end(hosts[2])
    assert len(set(hosts)) == 3


@pytest.mark.usefixtures("consented")
def test_no_process_survives_a_window_killed_in_the_middle_of_a_reply(start: Start) -> None:
    program = start()
    program.asks("Good morning.")
    host = program.host()
    program.waits_for(lambda: not is_busy(host))
    program.sends("Please tell me a very long story about the sea.")
    children = program.process.children(recursive=True)
    program.process.kill()
    assert host in children
    for child in children:
        wait_for_end(child)


@pytest.mark.usefixtures("consented")
def test_no_word_of_a_conversation_reaches_a_file(start: Start, home: Path) -> None:
    sentence, draft = "My zinc heron hums at noon.", "The amber kettle sulks on Mondays."
    program = start()
    reply = program.asks(sentence).partition("TheraGen:\n")[2].strip()
    program.display.type(draft)
    for _ in ("while it runs", "after it was killed"):
        assert files_with("consent", home) == [settings_file(home)]  # words in files are found
        for words in (sentence, draft, reply):
            assert files_with(words, home) == []
        program.end()
