"""The terminal's models, in this process; test_download has it in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.gguf_files import LLAMA2_TEMPLATE, chat_model
from tests.support.model_peer import ID, LINKED, ModelPeer, model_peer
from theragen_core import cli, model_profile, model_store, settings
from theragen_core.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
SHORT_PATIENCE = """
import sys
from theragen_core import cli
from theragen_core.cli import models
models.TEMPLATE_S = 1.0
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelPeer]:
    with model_peer(tmp_path_factory.mktemp("served")) as peer:
        yield peer


class Terminal:
    def __init__(self, peer: ModelPeer, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.peer = peer
        self.folder = folder
        self._capsys = capsys
        self.out = self.err = ""

    def run(self, *words: str) -> int:
        where = ["--folder", str(self.folder), "--catalogue", str(self.peer.catalogue)]
        code = cli.main(["models", *words, *where])
        self.out, self.err = self._capsys.readouterr()
        return code

    def rows(self, *words: str) -> list[dict[str, Any]]:
        self.run(*words, "--json")
        assert self.err == ""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def terminal(
    server: ModelPeer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Terminal:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
    server.plan()
    return Terminal(server, tmp_path / "models", capsys)


def test_the_list_says_what_is_here(terminal: Terminal) -> None:
    assert terminal.run("list") == 0
    lines = terminal.out.splitlines()
    assert lines[0] == f"{ID} · Tiny · 0.0 GB · Test Licence · not here"
    assert lines[1].startswith(f"{LINKED} · Linked")
    assert lines[-1] == f"Model folder: {terminal.folder}"
    states = {row["id"]: row["state"] for row in terminal.rows("list")}
    assert states == {ID: "absent", LINKED: "link"}
    assert not terminal.folder.exists()
    assert terminal.peer.requests() == []


def test_the_whole_list_fits_any_terminal() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "theragen_core", "models", "list"],
        cwd=ROOT,
        env={"PYTHONIOENCODING": "ascii", "HOME": "/nonexistent"},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert b"Llama 2 7B Chat" in done.stdout


def test_everything_that_is_known_of_one(terminal: Terminal) -> None:
    assert terminal.run("show", ID) == 0
    assert "https://licence.invalid/" in terminal.out
    assert "the test that made it" in terminal.out
    (row,) = terminal.rows("show", ID)
    assert row["sha256"] == terminal.peer.entry.sha256


def test_download_use_and_removal(terminal: Terminal) -> None:
    assert terminal.run("download", ID, "--accept-licence") == 0
    path = terminal.folder / "tiny.gguf"
    assert terminal.out == f"Ready: Tiny, {path}\n"
    assert "Downloading… " in terminal.err
    (row,) = terminal.rows("show", ID)
    assert (row["state"], row["path"]) == ("present", str(path))

    settings.save(Settings(model=str(path)), settings.default_path())
    assert terminal.run("remove", ID) == 2
    assert "Tiny is the model in use" in terminal.err
    settings.save(Settings(), settings.default_path())
    assert terminal.run("remove", ID) == 0
    assert not path.exists()


def test_progress_as_json(terminal: Terminal) -> None:
    rows = terminal.rows("download", ID, "--accept-licence")
    assert {"event": "progress", "stage": "downloading"}.items() <= rows[0].items()
    assert rows[-1] == {
        "event": "finished",
        "id": ID,
        "path": str(terminal.folder / "tiny.gguf"),
    }
    assert terminal.rows("remove", ID) == [{"event": "finished", "id": ID}]


def test_what_has_arrived_can_be_removed(terminal: Terminal) -> None:
    terminal.peer.plan(cut=1000)
    assert terminal.run("download", ID, "--accept-licence") == 2
    assert "resume" in terminal.err
    assert terminal.rows("show", ID)[0]["state"] == "partial"
    assert terminal.run("remove", ID) == 0
    assert terminal.rows("show", ID)[0]["state"] == "absent"


def test_the_licence_comes_first(terminal: Terminal) -> None:
    assert terminal.run("download", ID) == 2
    assert "https://licence.invalid/" in terminal.err
    assert "--accept-licence" in terminal.err
    assert terminal.peer.requests() == []
    (row,) = terminal.rows("download", ID)
    assert (row["event"], row["fault"]) == ("failed", "licence_not_accepted")


def test_a_file_of_ones_own(terminal: Terminal, tmp_path: Path) -> None:
    starter = model_profile.starter_path()
    assert terminal.run("import", str(starter), "--link") == 0
    (model,) = model_store.installed(terminal.folder)
    assert model.path == starter
    old = tmp_path / "old.gguf"
    old.write_bytes(chat_model())
    assert terminal.run("import", str(old)) == 2
    assert "LLaMA-2 or ChatML" in terminal.err
    assert terminal.run("import", str(old), "--template", "llama2") == 0
    assert [row["id"] for row in terminal.rows("list")][2:] == ["own-old", model.id]


def test_the_name_of_a_file_does_nothing_to_the_terminal(
    terminal: Terminal, tmp_path: Path
) -> None:
    own = tmp_path / "calm\x1b[31m\N{RIGHT-TO-LEFT OVERRIDE}.gguf"
    own.write_bytes(chat_model())
    assert terminal.run("import", str(own)) == 2  # its template is not named
    told = [terminal.err]
    assert terminal.run("import", str(own), "--template", "llama2") == 0
    told.append(terminal.out)
    terminal.run("list")
    told.append(terminal.out)
    assert all("calm[31m" in words for words in told)
    assert not {"\x1b", "\N{RIGHT-TO-LEFT OVERRIDE}"} & set("".join(told))


def test_a_check_says_what_a_file_is(terminal: Terminal) -> None:
    assert terminal.run("check", str(model_profile.starter_path())) == 0
    assert "architecture: llama" in terminal.out
    assert "context: 8192" in terminal.out
    (row,) = terminal.rows("check", str(model_profile.starter_path()))
    assert row["licence"] == "apache-2.0"
    assert not terminal.folder.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("show", "none"),
        ("download", "none", "--accept-licence"),
        ("download", LINKED, "--accept-licence"),
        ("remove", "none"),
        ("check", "none.gguf"),
        ("check", __file__),
        ("import", __file__),
        ("import", str(ROOT)),
    ],
)
def test_bad_input_gets_one_sentence(terminal: Terminal, words: tuple[str, ...]) -> None:
    assert terminal.run(*words) == 2
    assert terminal.out == ""
    sentence = terminal.err.removeprefix("Checking…\n")
    assert sentence.count("\n") == 1
    assert "Traceback" not in sentence


@pytest.mark.parametrize(
    "words", [(), ("download",), ("list", "--silence", "1"), ("check", "a", "--template", "b")]
)
def test_bad_usage(terminal: Terminal, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        terminal.run(*words)
    assert caught.value.code == 2


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "x", "inf"])
def test_a_silence_that_is_no_time(terminal: Terminal, seconds: str) -> None:
    with pytest.raises(SystemExit):
        terminal.run("download", ID, "--silence", seconds)


@pytest.mark.parametrize("word", ["check", "import"])
def test_a_template_without_an_end_has_one(tmp_path: Path, word: str) -> None:
    path = tmp_path / "endless.gguf"
    path.write_bytes(chat_model(tokenizer__chat_template=ENDLESS + LLAMA2_TEMPLATE))
    words = ["models", word, str(path), "--folder", str(tmp_path / "models")]
    done = subprocess.run(
        [sys.executable, "-c", SHORT_PATIENCE, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "The chat template inside endless.gguf cannot be used" in done.stderr
    assert not (tmp_path / "models").exists()


def test_the_model_folder_is_that_of_the_settings(
    terminal: Terminal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.save(Settings(model_folder=str(tmp_path / "mine")), settings.default_path())
    assert cli.main(["models", "list"]) == 0
    assert f"Model folder: {tmp_path / 'mine'}" in capsys.readouterr().out


def test_settings_that_cannot_be_read_are_no_obstacle(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = settings.default_path()
    path.parent.mkdir(parents=True)
    path.write_text("broken")
    assert cli.main(["models", "list"]) == 0
    assert "Your settings could not be read" in capsys.readouterr().err
