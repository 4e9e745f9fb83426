"""A model of one's own, from the page about models to a reply."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from desktop.model_card import STARTER, ModelCard
from desktop.question import Question
from tests.e2e.conftest import CONSENTED, MakePerson, Person
from theragen_core import model_profile
from theragen_core.protocol import LocalModel
from theragen_core.settings import load


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return Path(shutil.copy(model_profile.starter_path(), tmp_path / "Mine.gguf"))


def open_models(person: Person) -> None:
    person.window.actions_.models.trigger()
    # Qt shows what is added to a layout one turn later.
    person.waits_until(lambda: any(card.isVisible() for card in cards(person).values()))


def cards(person: Person) -> dict[str, ModelCard]:
    desk = person.app.models
    return desk.page.cards if desk is not None and desk.page is not None else {}


def add(person: Person, path: Path) -> None:
    assert person.app.models is not None
    person.app.models.ask_how_to_add(path)
    question = next(
        w for w in QApplication.topLevelWidgets() if isinstance(w, Question) and w.isVisible()
    )
    question.choices["manager.add_link"].click()
    person.waits_until(lambda: "own-mine" in cards(person))


def use(person: Person, model_id: str) -> None:
    cards(person)[model_id].buttons["use"].click()
    person.waits_until(lambda: person.app.presenter.model_loaded)


def test_a_model_of_ones_own_is_added_used_and_left_again(
    person: Person, own: Path, settings_path: Path
) -> None:
    person.waits_until(lambda: person.app.presenter.model_loaded)
    open_models(person)
    assert "In use" in cards(person)[STARTER].state.text()
    add(person, own)
    use(person, "own-mine")

    assert person.app.presenter.model == LocalModel(own)
    assert load(settings_path).model == str(own)
    assert "In use" in cards(person)["own-mine"].state.text()
    assert person.app.models is not None
    assert person.app.models.page is not None
    person.app.models.page.accept()
    assert person.asks("Hello, how are you?")

    open_models(person)
    use(person, STARTER)
    assert load(settings_path).model == ""
    assert person.app.presenter.model == LocalModel(model_profile.starter_path())


def test_a_model_of_this_computer_ends_the_use_of_replicate(
    make_person: MakePerson, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    person = make_person(replace(CONSENTED, use_replicate=True, hosted="someone/model"))
    person.waits_until(lambda: "no Replicate token" in person.fault())
    open_models(person)
    add(person, own)
    assert "In use" not in cards(person)[STARTER].state.text()
    use(person, "own-mine")
    assert not person.app.session.cloud
    assert person.app.presenter.model == LocalModel(own)


def test_a_file_named_on_the_command_line_is_left_for_a_chosen_model(
    make_person: MakePerson, own: Path
) -> None:
    person = make_person(model=own)
    person.waits_until(lambda: person.app.presenter.model_loaded)
    open_models(person)
    assert "use" in {a for a, b in cards(person)[STARTER].buttons.items() if b.isVisible()}
    use(person, STARTER)
    assert person.app.presenter.model == LocalModel(model_profile.starter_path())
