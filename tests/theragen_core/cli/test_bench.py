"""The measuring command on the real starter model, with fewer turns than usual."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from theragen_core import cli
from theragen_core.cli import bench
from theragen_core.model_profile import starter_path


@pytest.mark.timeout(400)  # some hundred tokens, on a busy machine
def test_it_prints_one_object_and_later_turns_read_only_what_is_new(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "TURNS", 4)
    monkeypatch.setattr(bench, "TOKENS", 8)
    assert cli.main(["bench"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"] == str(starter_path())
    assert found["threads"] >= 1
    assert len(found["ttft_s"]) == len(found["evaluated_tokens"]) == 4
    assert all(evaluated < 40 for evaluated in found["evaluated_tokens"])
    for name in ("load_s", "prefill_tok_s", "decode_tok_s"):
        assert found[name] > 0
    assert found["peak_rss"] > 50 * 2**20


def test_a_file_that_is_no_model_gets_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "notes.gguf"
    path.write_text("not a model")
    assert cli.main(["bench", "--model", str(path)]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
