"""The token in a real keyring, in none, in a locked one, and beside ones that would leak it."""

from __future__ import annotations

import base64
import json
import sys
import textwrap
from pathlib import Path

import pytest

from tests.support import secret_service
from tests.support.secret_service import (
    run_beside_keyring,
    run_beside_nothing,
    run_without_bus,
)

TOKEN = "r8_a-token-that-is-nobodys"

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the Secret Service is Linux's"),
    pytest.mark.skipif(
        bool(secret_service.missing()),
        reason=f"not installed: {', '.join(secret_service.missing())}",
    ),
]

# What happens is printed as [step, is there a token, trouble].
STEPS = """
import json
from theragen_core.credentials import TokenStore
told = []
def tell(step, stored):
    told.append([step, stored.token == {token!r}, stored.trouble])
store = TokenStore(limit_s=5)
{steps}
print(json.dumps(told))
"""
SAVE_AND_REMOVE = """
tell("before", store.load())
tell("save", store.save({token!r}))
tell("again", TokenStore().load())
tell("remove", store.remove())
tell("after", TokenStore().load())
"""


def script(steps: str) -> str:
    body = textwrap.dedent(steps).replace("{token!r}", repr(TOKEN))
    return STEPS.replace("{steps}", body).replace("{token!r}", repr(TOKEN))


def told(printed: str) -> dict[str, tuple[bool, str | None]]:
    return {step: (there, trouble) for step, there, trouble in json.loads(printed)}


def files_with_token(folder: Path) -> list[Path]:
    """Files that hold the token in a form that anyone can read."""
    raw = TOKEN.encode()
    forms = [raw, TOKEN.encode("utf-16-le"), raw.hex().encode()]
    # Base64 of a text depends on what stands before it; three parts of it are always found whole.
    forms += [base64.b64encode(raw[start:])[: (len(raw) - start) // 3 * 4] for start in range(3)]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if any(form in path.read_bytes() for form in forms)]


@pytest.fixture
def empty_home(home: Path) -> Path:
    return home


def test_a_keyring_keeps_it_until_it_is_removed(empty_home: Path) -> None:
    heard = told(run_beside_keyring(script(SAVE_AND_REMOVE), empty_home))
    assert heard == {
        "before": (False, None),
        "save": (True, None),
        "again": (True, None),
        "remove": (False, None),
        "after": (False, None),
    }
    assert files_with_token(empty_home) == []


def test_a_saved_token_is_replaced_by_the_next(empty_home: Path) -> None:
    steps = """
    store.save("r8_first")
    tell("second", store.save({token!r}))
    tell("again", TokenStore().load())
    """
    heard = told(run_beside_keyring(script(steps), empty_home))
    assert heard == {"second": (True, None), "again": (True, None)}
    assert files_with_token(empty_home) == []


FOR_THIS_RUN = """
tell("save", store.save({token!r}))
tell("this run", store.load())
assert store.for_this_run == {token!r}
tell("another run", TokenStore(limit_s=5).load())
tell("remove", store.remove())
tell("after", store.load())
"""


def test_without_a_bus_it_is_kept_for_this_run(empty_home: Path) -> None:
    heard = told(run_without_bus(script(FOR_THIS_RUN), empty_home))
    assert heard == {
        "save": (True, "missing"),
        "this run": (True, None),
        "another run": (False, "missing"),
        "remove": (False, None),
        "after": (False, "missing"),
    }
    assert files_with_token(empty_home) == []


def test_on_a_bus_without_a_keyring_it_is_kept_for_this_run(empty_home: Path) -> None:
    heard = told(run_beside_nothing(script(FOR_THIS_RUN), empty_home))
    assert heard["save"] == (True, "missing")
    assert heard["this run"] == (True, None)
    assert files_with_token(empty_home) == []


def test_a_locked_keyring_is_said_to_be_locked(empty_home: Path) -> None:
    heard = told(run_beside_keyring(script(FOR_THIS_RUN), empty_home, unlocked=False))
    assert heard["save"] == (True, "locked")
    assert heard["this run"] == (True, None)
    assert heard["another run"] == (False, "locked")
    assert heard["remove"] == (False, "locked")
    assert files_with_token(empty_home) == []


STOPPED = """
import os, signal, time
import psutil
bus = os.environ["DBUS_SESSION_BUS_ADDRESS"]
(ring,) = [
    p for p in psutil.process_iter(["name", "status"])
    if p.info["name"].startswith("gnome-keyring-d") and p.info["status"] != psutil.STATUS_ZOMBIE
    and p.environ().get("DBUS_SESSION_BUS_ADDRESS") == bus
]
ring.suspend()
slow = TokenStore(limit_s=0.5)
begun = time.monotonic()
tell("save", slow.save({token!r}))
assert time.monotonic() - begun < 2
ring.resume()
time.sleep(1)
tell("late", TokenStore().load())
"""


def test_a_keyring_that_does_not_answer_is_given_up_and_keeps_nothing(empty_home: Path) -> None:
    heard = told(run_beside_keyring(script(STOPPED), empty_home))
    assert heard == {"save": (True, "slow"), "late": (False, None)}


# Back ends that would keep it where anyone can read ---------------------------------------------

CONTROL = f"""
import keyring
keyring.set_password("TheraGen", "Replicate", {TOKEN!r})
"""


def test_keyrings_alt_is_not_used(empty_home: Path) -> None:
    heard = told(run_without_bus(script(FOR_THIS_RUN), empty_home))
    assert heard["save"] == (True, "missing")
    assert files_with_token(empty_home) == []
    # The search finds something where keyring is left to choose.
    run_without_bus(CONTROL, empty_home)
    assert files_with_token(empty_home) != []


HOSTILE = """
from pathlib import Path
from keyring.backend import KeyringBackend

class Keyring(KeyringBackend):
    priority = 99
    def set_password(self, service, username, password):
        Path.home().joinpath("stolen").write_text(password)
    def get_password(self, service, username):
        stolen = Path.home().joinpath("stolen")
        return stolen.read_text() if stolen.exists() else None
    def delete_password(self, service, username):
        pass
"""


@pytest.mark.parametrize("name", ["hostile.Keyring", "keyring.backends.null.Keyring", "nonsense"])
def test_a_back_end_named_in_the_environment_is_not_used(empty_home: Path, name: str) -> None:
    folder = empty_home / "planted"
    folder.mkdir()
    (folder / "hostile.py").write_text(HOSTILE)
    env = {"PYTHON_KEYRING_BACKEND": name, "PYTHONPATH": str(folder)}
    heard = told(run_beside_keyring(script(SAVE_AND_REMOVE), empty_home, env=env))
    assert heard["save"] == heard["again"] == (True, None)
    assert files_with_token(empty_home) == []
    if name.startswith("hostile"):
        run_without_bus(CONTROL, empty_home, env=env)
        assert files_with_token(empty_home) == [empty_home / "stolen"]


def test_a_back_end_named_in_a_file_is_not_used(empty_home: Path) -> None:
    folder = empty_home / ".config" / "python_keyring"
    folder.mkdir(parents=True)
    (folder / "hostile.py").write_text(HOSTILE)
    (folder / "keyringrc.cfg").write_text(
        f"[backend]\ndefault-keyring=hostile.Keyring\nkeyring-path={folder}\n"
    )
    heard = told(run_beside_keyring(script(SAVE_AND_REMOVE), empty_home))
    assert heard["save"] == heard["again"] == (True, None)
    assert files_with_token(empty_home) == []
    run_without_bus(CONTROL, empty_home)
    assert files_with_token(empty_home) == [empty_home / "stolen"]


def test_no_repr_shows_it(empty_home: Path) -> None:
    steps = """
    stored = store.save({token!r})
    assert {token!r} not in repr([store, stored])
    tell("done", stored)
    """
    assert told(run_without_bus(script(steps), empty_home))["done"][0]


def test_the_program_is_not_slower_for_it(empty_home: Path) -> None:
    """Nothing of all this is imported before it is wanted."""
    check = """
import sys
import theragen_core.credentials, theragen_core.host, desktop.app
print([m for m in ("keyring", "replicate", "httpx", "httpx_sse") if m in sys.modules])
"""
    assert run_without_bus(check, empty_home) == "[]"
