"""How the program starts: with a display, without one, a second time, and what it imports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from theragen_core import __version__

ROOT = Path(__file__).resolve().parents[2]
THERAGEN = [sys.executable, "-m", "desktop"]
START_S = 30

Start = Callable[[], subprocess.Popen[bytes]]


def without_display(**changes: str) -> dict[str, str]:
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return {**kept, **changes}


def theragen(
    *arguments: str, stdin: str = "", environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run(
        [*THERAGEN, *arguments],
        cwd=ROOT,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start the program in the home of this test, and wait until it hears of other starts."""
    # The name of a socket may have a hundred characters; a test's own folder can be longer.
    with TemporaryDirectory() as sockets:
        monkeypatch.setenv("TMPDIR", sockets)
        yield from _start()


def _start() -> Iterator[Start]:
    running: list[subprocess.Popen[bytes]] = []

    def start_one() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(THERAGEN, cwd=ROOT, stderr=subprocess.DEVNULL)
        running.append(process)
        wait_until(someone_answers)
        return process

    yield start_one
    for process in running:
        process.kill()
        process.wait()


CALL = """
import sys
from desktop.single_instance import SingleInstance
sys.exit(not SingleInstance().call_other())
"""


def someone_answers() -> bool:
    return subprocess.run([sys.executable, "-c", CALL], cwd=ROOT).returncode == 0


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


# No display --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "display", [{}, {"DISPLAY": ":87"}, {"WAYLAND_DISPLAY": "wayland-87"}], ids=str
)
def test_without_a_display_it_says_so_and_chats(display: dict[str, str]) -> None:
    done = theragen(stdin="Good morning.\n", environment=without_display(**display))
    assert done.returncode == 0
    assert "no display" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.strip()


def test_a_named_model_is_named_in_the_terminal_too(tmp_path: Path) -> None:
    gone = tmp_path / "gone.gguf"
    done = theragen("--model", str(gone), environment=without_display())
    assert done.returncode == 2
    assert gone.name in done.stderr


# Arguments ---------------------------------------------------------------------------------------


def test_version() -> None:
    done = theragen("--version")
    assert (done.returncode, done.stdout) == (0, f"{__version__}\n")


def test_an_unknown_option_is_refused() -> None:
    done = theragen("--frobnicate")
    assert done.returncode == 2
    assert "--frobnicate" in done.stderr
    assert "Traceback" not in done.stderr


# A second start ----------------------------------------------------------------------------------


def test_a_second_start_leaves_it_to_the_first(start: Start) -> None:
    first = start()
    assert theragen().returncode == 0
    assert first.poll() is None


def test_a_killed_instance_bars_no_other(start: Start) -> None:
    for _ in range(2):
        process = start()
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()


# What is imported --------------------------------------------------------------------------------


def imported_by(*command: str) -> set[str]:
    """The top-level packages that this run of Python imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0
    lines = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def test_a_host_never_imports_qt() -> None:
    imported = imported_by("-m", "desktop", "--engine-host")
    assert "theragen_core" in imported
    assert not {name for name in imported if name.startswith(("PySide", "shiboken"))}


def test_the_window_imports_nothing_heavy_before_it_is_shown() -> None:
    imported = imported_by("-c", "import desktop.app")
    assert "PySide6" in imported
    assert not imported & {"llama_cpp", "jinja2", "markdown_it", "numpy", "torch"}
