import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from theragen_core import settings
from theragen_core.errors import SettingsError
from theragen_core.faults import Fault
from theragen_core.settings import Settings

CHOSEN = Settings(consent=1, model="/m/a.gguf", temperature=0.5, country="AT", theme="dark")


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "settings.json"
    settings.save(CHOSEN, path)
    assert settings.load(path) == CHOSEN
    assert [file.name for file in path.parent.iterdir()] == ["settings.json"]


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert settings.load(tmp_path / "settings.json") == Settings()
    assert not Settings().consented


def test_only_known_keys_of_the_right_type_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(
        json.dumps(
            {
                "theme": "dark",
                "text_size": "huge",
                "consent": True,
                "temperature": 1,
                "show_stats": 1,
                "unknown": [],
            }
        )
    )
    assert settings.load(path) == replace(Settings(), theme="dark", temperature=1.0)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"null"])
def test_an_unreadable_file_is_kept_aside(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        settings.load(path)
    assert caught.value.fault is Fault.SETTINGS_UNREADABLE
    assert (tmp_path / "settings.json.bad").read_bytes() == content
    settings.save(CHOSEN, path)
    assert settings.load(path) == CHOSEN


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.mkdir()
    with pytest.raises(SettingsError):
        settings.load(path)


def test_a_place_that_takes_no_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SettingsError) as caught:
        settings.save(CHOSEN, tmp_path / "file" / "settings.json")
    assert caught.value.fault is Fault.SETTINGS_UNWRITABLE


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "settings.json"
    settings.save(CHOSEN, path)
    # A full disk, as a limit of the size of files; in a process of its own, since limits stay.
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from theragen_core import settings, errors\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        "try: settings.save(settings.Settings(), Path(sys.argv[1]))\n"
        "except errors.SettingsError as error: sys.exit(error.fault.value)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert Fault.SETTINGS_UNWRITABLE.value in done.stderr
    assert settings.load(path) == CHOSEN
    assert [file.name for file in path.parent.iterdir()] == ["settings.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_the_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "TheraGen" / "settings.json"
    settings.save(CHOSEN, path)
    assert stat.S_IMODE(os.stat(path.parent).st_mode) == 0o700
