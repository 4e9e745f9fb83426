"""The whole application, its real host, and a server in Replicate's place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QMessageBox

from desktop.cloud_dialog import CloudDialog
from tests.e2e.conftest import MakePerson, Person
from tests.support.replicate_peer import ReplicatePeer, replicate_peer
from tests.support.replicate_server import TOKEN, told
from theragen_core.model_profile import starter_path
from theragen_core.resources import text
from theragen_core.settings import CONSENT_VERSION, Settings, load

LOCAL = Settings(consent=CONSENT_VERSION, country="GB")
CLOUD = Settings(
    consent=CONSENT_VERSION, country="GB", use_replicate=True, hosted="someone/theragen"
)
DANGER = "I want to kill myself."


@pytest.fixture(scope="module")
def server() -> Iterator[ReplicatePeer]:
    with replicate_peer() as peer:
        yield peer


@pytest.fixture
def peer(server: ReplicatePeer, monkeypatch: pytest.MonkeyPatch) -> ReplicatePeer:
    monkeypatch.setenv("REPLICATE_BASE_URL", server.url)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    server.plan()
    return server


def badge(person: Person) -> str:
    return person.window._badge.accessibleName()


def open_page(person: Person) -> CloudDialog:
    person.window.actions_.replicate.trigger()
    return next(
        w for w in QApplication.topLevelWidgets() if isinstance(w, CloudDialog) and w.isVisible()
    )


def goes_to_replicate(person: Person, token: str = TOKEN) -> None:
    """Fill the page in and save it, up to the question if there is one."""
    page, left = open_page(person), list[int]()
    page.finished.connect(left.append)
    page.use.setChecked(True)
    page.name.setText("someone/theragen")
    page.token.setText(token)
    page.save.click()
    person.waits_until(lambda: bool(left))


def answers(person: Person, text_id: str) -> None:
    box = next(
        w for w in QApplication.topLevelWidgets() if isinstance(w, QMessageBox) and w.isVisible()
    )
    next(b for b in box.buttons() if b.text() == text(text_id)).click()


def waits_for_model(person: Person) -> None:
    person.waits_until(lambda: person.app.presenter.model_loaded)


def test_to_replicate_and_back_with_one_click(
    make_person: MakePerson, peer: ReplicatePeer, settings_path: Path, home: Path
) -> None:
    person = make_person(LOCAL)
    person.app.complete()
    assert "stays on this computer" in badge(person)
    goes_to_replicate(person)
    assert "until you close TheraGen" in person.fault()  # there is no keyring here
    assert "sent to Replicate" in badge(person)
    assert "sent to Replicate" in person.window.greeting._words.text()
    waits_for_model(person)
    assert person.asks("It rained all week.") == "Good to hear."
    assert load(settings_path).use_replicate
    written = [path for place in (home, settings_path.parent) for path in place.rglob("*")]
    assert settings_path in written
    for path in filter(Path.is_file, written):
        for secret in (TOKEN, "rained all week"):
            assert secret.encode() not in path.read_bytes(), path
    person.window._use_local.click()
    assert "stays on this computer" in badge(person)
    assert not load(settings_path).use_replicate
    waits_for_model(person)
    person.asks("And today?")
    assert len(peer.creates()) == 1
    assert not person.window._use_local.isVisible()


@pytest.mark.parametrize("answer", ["switch_fresh", "switch_send", "switch_stay"])
def test_a_running_conversation_is_asked_about(
    make_person: MakePerson, peer: ReplicatePeer, answer: str
) -> None:
    person = make_person(LOCAL)
    person.asks("It rained all week.")
    goes_to_replicate(person)
    assert "stays on this computer" in badge(person)  # until it is answered
    answers(person, f"cloud.{answer}")
    if answer == "switch_stay":
        assert "stays on this computer" in badge(person)
        assert peer.creates() == []
        return
    assert "sent to Replicate" in badge(person)
    waits_for_model(person)
    assert person.asks("And today?") == "Good to hear."
    (made,) = peer.record()["predictions"]
    assert ("rained" in made["input"]["prompt"]) == (answer == "switch_send")


def test_it_starts_there_if_that_was_chosen_and_asks_for_a_token(
    make_person: MakePerson, peer: ReplicatePeer
) -> None:
    person = make_person(CLOUD)
    assert "sent to Replicate" in badge(person)
    person.waits_until(lambda: "no Replicate token" in person.fault())
    assert person.window._banner_button.defaultAction() is person.window.actions_.replicate
    assert peer.record()["requests"] == []


def test_a_model_named_on_the_command_line_stays_on_this_computer(
    make_person: MakePerson, peer: ReplicatePeer
) -> None:
    person = make_person(CLOUD, starter_path())
    assert "stays on this computer" in badge(person)
    person.asks("Good morning.")
    assert peer.record()["requests"] == []


def test_if_it_fails_this_computer_is_offered_and_not_taken(
    make_person: MakePerson, peer: ReplicatePeer
) -> None:
    person = make_person(LOCAL)
    person.app.complete()
    goes_to_replicate(person)
    waits_for_model(person)
    broken = [{"event": "output", "data": "Some words that came. ", "id": "1"}]
    peer.plan(stream=broken)
    person.sends("It rained all week.")
    person.waits_until(lambda: "broke off" in person.fault())
    assert "Some words that came." in person.transcript()
    assert text("status.unfinished") in person.transcript()
    assert "sent to Replicate" in badge(person)
    other = person.window._banner_other
    assert other.isVisible()
    peer.plan()
    person.window._banner_button.click()  # try again
    assert person.waits_for_reply() == "Good to hear."
    assert not other.isVisible()


def test_a_cold_start_is_shown_with_its_seconds_and_stop_ends_it(
    make_person: MakePerson, peer: ReplicatePeer
) -> None:
    person = make_person(LOCAL)
    person.app.complete()
    goes_to_replicate(person)
    waits_for_model(person)
    peer.plan(stream=[{"until_cancelled": 30}])
    person.sends("It rained all week.")
    person.waits_until(lambda: "starting… 3 s" in person.window._status.text())
    person.window.actions_.stop.trigger()
    person.waits_until(lambda: peer.record()["predictions"][0]["cancels"] == 1)
    assert peer.record()["orphans"] == []


def test_danger_stays_here_until_there_is_a_yes(
    make_person: MakePerson, peer: ReplicatePeer
) -> None:
    person = make_person(LOCAL)
    person.app.complete()
    goes_to_replicate(person)
    waits_for_model(person)
    person.asks(DANGER)
    assert peer.creates() == []
    person.asks("I went for a walk.")
    assert "not sent to Replicate" in person.transcript()
    person.window.actions_.include.trigger()
    answers(person, "cloud.include_no")
    person.asks("And home.")
    person.window.actions_.include.trigger()
    answers(person, "cloud.include_yes")
    person.asks("It is late.")
    prompts = [p["input"]["prompt"] for p in peer.record()["predictions"]]
    assert [DANGER in prompt for prompt in prompts] == [False, False, True]


@pytest.mark.parametrize("way", ["close", "forget", "use_local"])
def test_leaving_in_the_middle_of_a_reply_cancels_it(
    make_person: MakePerson, peer: ReplicatePeer, way: str
) -> None:
    person = make_person(LOCAL)
    person.app.complete()
    goes_to_replicate(person)
    waits_for_model(person)
    peer.plan(stream=[*told("Some words. And more. ")[:1], {"until_cancelled": 30}])
    person.sends("It rained all week.")
    person.waits_until(lambda: "Some words." in person.transcript())
    if way == "close":
        person.window.close()
    elif way == "forget":
        person.window.actions_.forget.trigger()
    else:
        person.window._use_local.click()
    assert peer.record()["predictions"][0]["cancels"] == 1
    assert peer.record()["orphans"] == []
