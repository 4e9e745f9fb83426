from __future__ import annotations

from pathlib import Path

import pytest

from desktop.arguments import Arguments, parse
from theragen_core import __version__


def test_nothing_said_is_the_usual_start() -> None:
    assert parse([]) == Arguments(model=None)


def test_a_model_file_is_named() -> None:
    assert parse(["--model", "a b.gguf"]) == Arguments(Path("a b.gguf"))


@pytest.mark.parametrize("wrong", [["--model"], ["--modell", "x"], ["a.gguf"]])
def test_what_is_not_understood_ends_with_code_2(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(wrong)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip() == __version__
