from __future__ import annotations

from pathlib import Path

import pytest

from desktop.model_choice import chosen_model, sampling
from theragen_core.model_profile import starter_path
from theragen_core.protocol import LocalModel, SamplingOptions, TemplateChoice
from theragen_core.settings import Settings

CHOSEN = Settings(model="/models/some-7b.gguf", template="llama2")


def test_the_starter_unless_another_is_chosen() -> None:
    assert chosen_model(Settings()) == LocalModel(starter_path())


def test_a_chosen_file_with_its_template() -> None:
    assert chosen_model(CHOSEN) == LocalModel(Path(CHOSEN.model), TemplateChoice.LLAMA2)


def test_a_file_named_for_this_run_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the host works in another folder
    named = chosen_model(CHOSEN, Path("named.gguf"))
    assert named.path == tmp_path / "named.gguf"


def test_an_unknown_template_is_left_to_the_file() -> None:
    settings = Settings(model="/models/some-7b.gguf", template="nonsense")
    assert chosen_model(settings).template is TemplateChoice.FROM_FILE


def test_the_starter_knows_its_own_template() -> None:
    assert chosen_model(Settings(template="llama2")).template is TemplateChoice.FROM_FILE


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        (Settings(), SamplingOptions(None, None)),
        (Settings(temperature=0.0, max_tokens=64), SamplingOptions(0.0, 64)),
        (Settings(temperature=0.7), SamplingOptions(0.7, None)),
        (Settings(temperature=float("nan")), SamplingOptions(None, None)),
    ],
)
def test_automatic_is_left_to_the_model(settings: Settings, options: SamplingOptions) -> None:
    assert sampling(settings) == options
