from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theragen_core.cloud_consent import outgoing
from theragen_core.conversation import Message, Role
from theragen_core.protocol import (
    Assess,
    Assessed,
    Delta,
    Finished,
    Generate,
    GenerateRequest,
    RiskAssessment,
    Tier,
    Trimmed,
)
from theragen_core.resources import text
from theragen_core.session import (
    Ask,
    ChatSession,
    Drop,
    Outcomes,
    ShowTrimmed,
    ShowWarning,
)

NONE, CONCERN, ACTIVE, IMMINENT = Tier.NONE, Tier.CONCERN, Tier.ACTIVE, Tier.IMMINENT
DANGER = "I want to kill myself."


def said(*texts: str) -> tuple[Message, ...]:
    roles = (Role.USER, Role.ASSISTANT)
    return tuple(Message(roles[index % 2], words) for index, words in enumerate(texts))


def test_ordinary_words_go_out_as_they_are() -> None:
    messages = said("one", "two", "three")
    out = outgoing(messages, [NONE, NONE, CONCERN], agreed=False)
    assert out.messages == messages
    assert out.sent == (0, 1, 2)
    assert out.left_out == ()


@pytest.mark.parametrize("tier", [ACTIVE, IMMINENT])
def test_danger_stays_here_with_its_answer(tier: Tier) -> None:
    messages = said("one", "two", "danger", "written", "five")
    out = outgoing(messages, [NONE, NONE, tier, NONE, NONE], agreed=False)
    assert [m.text for m in out.messages] == ["one", "two", "five"]
    assert out.sent == (0, 1, 4)
    assert out.left_out == (2, 3)


def test_a_yes_sends_all() -> None:
    messages = said("danger", "written", "three")
    out = outgoing(messages, [IMMINENT, NONE, NONE], agreed=True)
    assert out.messages == messages
    assert out.left_out == ()


def test_danger_that_is_the_newest_message_stays_here_too() -> None:
    out = outgoing(said("one", "two", "danger"), [NONE, NONE, ACTIVE], agreed=False)
    assert out.left_out == (2,)


def test_several_replies_to_danger_stay_here() -> None:
    messages = (*said("danger", "written"), Message(Role.ASSISTANT, "more"), *said("next"))
    out = outgoing(messages, [ACTIVE, NONE, NONE, NONE], agreed=False)
    assert [m.text for m in out.messages] == ["next"]


def test_tiers_that_do_not_fit_are_a_bug_and_not_a_leak() -> None:
    with pytest.raises(ValueError, match="shorter"):
        outgoing(said("one", "two"), [NONE], agreed=False)


@given(st.lists(st.tuples(st.sampled_from([Role.USER, Role.ASSISTANT]), st.sampled_from(Tier))))
def test_whatever_was_said_no_danger_goes_out_without_a_yes(
    entries: list[tuple[Role, Tier]],
) -> None:
    messages = tuple(Message(role, str(index)) for index, (role, _) in enumerate(entries))
    tiers = [tier for _, tier in entries]
    out = outgoing(messages, tiers, agreed=False)
    assert sorted((*out.sent, *out.left_out)) == list(range(len(messages)))
    assert out.messages == tuple(messages[index] for index in out.sent)
    assert not any(entries[i][0] is Role.USER and entries[i][1] >= ACTIVE for i in out.sent)


# In a session -------------------------------------------------------------------------------------


def cloud_session() -> ChatSession:
    session = ChatSession("GB")
    session.cloud = True
    return session


def requested(outcomes: Outcomes) -> GenerateRequest:
    (command,) = [o.command for o in outcomes if isinstance(o, Ask)]
    assert isinstance(command, Generate)
    return command.request


def words(outcomes: Outcomes) -> list[str]:
    return [message.text for message in requested(outcomes).messages]


def answer(session: ChatSession, outcomes: Outcomes, reply: str = "I hear you.") -> Outcomes:
    turn = requested(outcomes).turn
    return (
        *session.receive(Delta(turn, reply)),
        *session.receive(Finished(turn, 3, 9, seconds=1.0, first_token_s=0.5)),
    )


def notices(outcomes: Outcomes) -> list[str]:
    return [o.text_id for o in outcomes if isinstance(o, ShowWarning)]


def test_in_the_cloud_danger_is_answered_here_and_left_out_later() -> None:
    session = cloud_session()
    answer(session, session.submit("It rained all week."))
    assert not any(isinstance(o, Ask) for o in session.submit(DANGER))
    later = session.submit("I went for a walk.")
    assert words(later) == ["It rained all week.", "I hear you.", "I went for a walk."]
    assert notices(later) == ["status.left_out"]
    assert "not sent" in text("status.left_out")
    answer(session, later)
    assert len(session.left_out) == 2
    again = session.submit("And home.")  # told once
    assert notices(again) == []
    assert DANGER not in words(again)


def test_a_yes_sends_it_from_then_on() -> None:
    session = cloud_session()
    session.submit(DANGER)
    session.cloud_agreed = True
    later = session.submit("I went for a walk.")
    assert words(later)[0] == DANGER
    assert notices(later) == []
    assert session.left_out == ()


def test_on_this_computer_nothing_is_left_out() -> None:
    session = ChatSession("GB")
    session.submit(DANGER)
    assert words(session.submit("I went for a walk."))[0] == DANGER


def test_a_conversation_that_moves_to_the_cloud_leaves_its_danger_here() -> None:
    session = ChatSession("GB")
    session.submit(DANGER)
    answer(session, session.submit("I went for a walk."))
    session.cloud = True
    assert DANGER not in words(session.submit("And home."))


def test_a_new_conversation_asks_for_a_yes_of_its_own() -> None:
    session = cloud_session()
    session.submit(DANGER)
    session.cloud_agreed = True
    session.forget()
    assert not session.cloud_agreed
    session.submit(DANGER)
    assert DANGER not in words(session.submit("I went for a walk."))


def test_a_message_that_replaces_danger_goes_out() -> None:
    session = cloud_session()
    (shown, *_) = [o for o in session.submit(DANGER) if hasattr(o, "message")]
    outcomes = session.submit("I had a bad day.", replaces=shown.message)
    assert any(isinstance(o, Drop) for o in outcomes)
    assert words(outcomes) == ["I had a bad day."]


def test_what_the_model_no_longer_sees_is_counted_in_the_whole_conversation() -> None:
    session = cloud_session()
    session.submit(DANGER)
    answer(session, session.submit("One."))
    outcomes = session.submit("Two.")
    turn = requested(outcomes).turn
    (trimmed,) = session.receive(Trimmed(turn, 2))
    assert isinstance(trimmed, ShowTrimmed)
    assert trimmed.first_visible is not None
    assert session.conversation.get(trimmed.first_visible).text == "Two."


def test_what_only_the_guard_noticed_stays_here_too() -> None:
    session = ChatSession("GB", guarded=True)
    session.cloud = True

    def assessed(outcomes: Outcomes, tier: Tier) -> Outcomes:
        (asked,) = [o.command for o in outcomes if isinstance(o, Ask)]
        assert isinstance(asked, Assess)
        return session.receive(Assessed(asked.turn, RiskAssessment(tier, own=tier)))

    hinted = "I have put everything in order for them."
    assert not any(isinstance(o, Ask) for o in assessed(session.submit(hinted), ACTIVE))
    later = assessed(session.submit("I went for a walk."), NONE)
    assert hinted not in words(later)
    assert notices(later) == ["status.left_out"]
