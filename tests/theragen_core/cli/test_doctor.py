from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.gguf_files import chat_model
from tests.support.synthetic_llama import Shape, write_sparse
from theragen_core import backends, cli, hardware, model_profile, model_store, settings
from theragen_core.backends import Device, Probe
from theragen_core.hardware import Hardware
from theragen_core.protocol import TemplateChoice
from theragen_core.settings import Settings

STARTER = model_profile.starter_path().name


@pytest.fixture
def folder(home: Path) -> Path:
    """The model folder of an empty home."""
    path = home / ".local/share/TheraGen/models"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer with little memory free."""
    machine = Hardware(cores=2, total_memory=2**31, free_memory=230 * 2**20)
    monkeypatch.setattr(hardware, "probe", lambda: machine)


def with_card(monkeypatch: pytest.MonkeyPatch, shared: bool = False) -> None:
    card = Device("Vulkan0", "A card", "Vulkan", 2**33, 2**32, shared)
    found = Probe("1.2 abc", ("Vulkan", "CPU"), ("avx2",), (card,))
    monkeypatch.setattr(backends, "probe", lambda: found)


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.main(["doctor", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_this_computer_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = doctor(capsys)

    assert (code, err) == (0, "")
    assert f"{STARTER}: fits. 8192 tokens of context, on the processor" in out
    assert "Back ends: CPU" in out
    assert "Memory: " in out


def test_models_of_the_chosen_folder_and_from_elsewhere_are_shown(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder, elsewhere = tmp_path / "mine", write_sparse(tmp_path / "far.gguf", Shape(64, 64, 2))
    folder.mkdir()
    write_sparse(folder / "near.gguf", Shape(64, 64, 2))
    for _ in model_store.add(elsewhere, folder, TemplateChoice.LLAMA2, copy=False):
        pass
    settings.save(Settings(model_folder=str(folder)), settings.default_path())

    _, out, _ = doctor(capsys)

    assert "near.gguf: " in out
    assert "far.gguf: " in out


def test_json_has_every_part_of_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = doctor(capsys, "--json", "--context", "1024", "--kv-type", "q8_0")

    found = json.loads(out)
    plan = found["models"][0]["plan"]
    assert code == 0
    assert found["models"][0]["fits"]
    assert (plan["context"], plan["kv_type"], plan["gpu_layers"]) == (1024, "q8_0", 0)
    assert sum(plan["ram"].values()) == plan["ram_total"]
    assert found["hardware"]["total_memory"] >= found["hardware"]["free_memory"] > 0
    assert found["llama_cpp"]["back_ends"] == ["CPU"]
    assert found["llama_cpp"]["failure"] == ""


def test_the_models_of_the_folder_are_shown(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sparse(folder / "mine.gguf", Shape())

    _, out, _ = doctor(capsys)

    assert "mine.gguf: fits. 2048 tokens" in out


@pytest.mark.usefixtures("small")
def test_what_is_short_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    large = write_sparse(tmp_path / "large.gguf", Shape(2048, 5632, 22, vocabulary=32_000))

    code, out, err = doctor(capsys, "--model", str(large))

    assert (code, err) == (0, "")
    assert "instead of 8192" in out
    assert "large.gguf: This model needs about" in out
    assert "230 MiB are free" in out


@pytest.mark.parametrize("shared", [True, False])
def test_a_graphics_processor_is_shown_and_used(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    with_card(monkeypatch, shared)

    code, out, _ = doctor(capsys)

    assert code == 0
    assert "Vulkan0: A card, by Vulkan, 4096 of 8192 MiB free" in out
    assert ("shared with" in out) == shared
    assert "31 of 31 layers on the graphics processor" in out


def test_a_driver_that_crashes_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "probe", lambda: Probe(failure="SIGSEGV"))

    code, out, _ = doctor(capsys)

    assert code == 0
    assert "could not be asked (SIGSEGV)" in out
    assert f"{STARTER}: fits." in out


def test_an_older_processor_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("flags\t\t: fpu sse\n")
    monkeypatch.setattr(hardware, "_CPUINFO", cpuinfo)
    with_card(monkeypatch)

    assert "lacks avx2" in doctor(capsys)[1]


def test_a_file_that_is_no_model_is_a_fault(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cut = tmp_path / "cut\x1b[31m.gguf"
    cut.write_bytes(chat_model()[:100])

    code, out, err = doctor(capsys, "--model", str(cut), "--model", str(tmp_path / "none.gguf"))

    assert code == 2
    assert f"{STARTER}: fits." in out
    assert "\x1b" not in out + err
    assert "is incomplete: 100 of" in err
    assert "none.gguf is not there any more" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--batch", "64", "--ubatch", "128"), "micro-batch of 128"),
        (("--gpu-layers", "3"), "no graphics processor"),
        (("--kv-type", "q8_0", "--no-flash-attention"), "needs flash attention"),
        (("--context", "9000"), "at most 8192 tokens"),
    ],
)
def test_options_that_clash_are_explained_once(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    code, _, err = doctor(capsys, *arguments)

    assert code == 2
    assert words in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--context", "many"),
        ("--context", "12"),
        ("--gpu-layers", "-1"),
        ("--threads", "0"),
        ("--kv-type", "q9"),
        ("--batch", "0"),
        ("extra",),
    ],
)
def test_bad_usage(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["doctor", *arguments])

    assert caught.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
