from collections.abc import Callable
from types import SimpleNamespace

import pytest

from theragen_core.conversation import MessageId, Role
from theragen_core.faults import Fault
from theragen_core.protocol import (
    NO_TURN,
    Assess,
    Assessed,
    Cancel,
    Command,
    Delta,
    Event,
    Failed,
    Finished,
    Generate,
    GenerateRequest,
    Phase,
    Prefill,
    Progress,
    Refused,
    Review,
    Reviewed,
    RiskAssessment,
    SamplingOptions,
    Tier,
    Topic,
    Trimmed,
    TurnId,
)
from theragen_core.resources import text as resource_text
from theragen_core.resources import wordings
from theragen_core.session import (
    REMINDER_EVERY,
    Append,
    Ask,
    ChatSession,
    Drop,
    Outcome,
    Outcomes,
    Replace,
    ReturnText,
    ShowCrisis,
    ShowProgress,
    ShowTrimmed,
    ShowWarning,
    TurnEnded,
    TurnFailed,
)


@pytest.fixture
def session() -> ChatSession:
    seeds = iter(range(100, 200))
    return ChatSession(country="GB", new_seed=lambda: next(seeds))


def request_in(outcomes: Outcomes) -> GenerateRequest:
    (request,) = (
        outcome.command.request
        for outcome in outcomes
        if isinstance(outcome, Ask) and isinstance(outcome.command, Generate)
    )
    return request


def kinds(outcomes: Outcomes) -> list[type[Outcome]]:
    return [type(outcome) for outcome in outcomes]


def finished(turn: TurnId) -> Finished:
    return Finished(turn, 3, 9, 0.5, 0.1)


def take_turn(session: ChatSession, text: str, *pieces: str) -> Outcomes:
    """Submit and let an engine answer with these pieces; everything that came of it."""
    outcomes = session.submit(text)
    turn = request_in(outcomes).turn
    for piece in pieces:
        outcomes += session.receive(Delta(turn, piece))
    return outcomes + session.receive(finished(turn))


def texts(session: ChatSession) -> list[str]:
    return [entry.text for entry in session.conversation]


def ids(session: ChatSession) -> list[MessageId]:
    return [entry.id for entry in session.conversation]


def test_a_turn_from_message_to_reply(session: ChatSession) -> None:
    outcomes = take_turn(session, "Hello there.", "Good ", "morning. ", "How are you?")
    question, reply = ids(session)
    assert outcomes[0] == Append(question, Role.USER, "Hello there.")
    shown = [o.text for o in outcomes if isinstance(o, Append) and o.message == reply]
    assert "".join(shown) == "Good morning. How are you?"
    assert isinstance(outcomes[-1], TurnEnded)
    assert outcomes[-1].finished == finished(TurnId(1))
    assert texts(session) == ["Hello there.", "Good morning. How are you?"]
    assert not session.busy


def test_the_whole_conversation_goes_with_each_turn(session: ChatSession) -> None:
    take_turn(session, "One.", "Two.")
    request = request_in(session.submit("Three."))
    assert [m.text for m in request.messages] == ["One.", "Two.", "Three."]
    assert request.options.seed == 101


def test_a_sentence_is_shown_once_it_is_complete(session: ChatSession) -> None:
    turn = request_in(session.submit("Hello.")).turn
    assert session.receive(Delta(turn, "I am here")) == ()
    shown = session.receive(Delta(turn, ". And I am"))
    assert kinds(shown) == [Append]
    assert shown[0].text.strip() == "I am here."  # type: ignore[union-attr]


def test_empty_messages_and_messages_during_a_reply_do_nothing(session: ChatSession) -> None:
    assert session.submit(" \u200b\n ") == ()
    session.submit("Hello.")
    assert session.submit("Again.") == ()
    assert session.regenerate() == ()
    assert texts(session) == ["Hello."]


def test_the_cleaned_text_is_what_counts(session: ChatSession) -> None:
    request = request_in(session.submit("  Hel\u200blo\x00\r\n "))
    assert request.messages[-1].text == "Hello"


# Stop, regenerate, variants, editing


def test_stop_keeps_what_was_shown_and_discards_what_was_held(session: ChatSession) -> None:
    turn = request_in(session.submit("Hello.")).turn
    session.receive(Delta(turn, "A whole sentence. And half of"))
    assert session.stop() == (Ask(Cancel(turn)), TurnEnded(ids(session)[1], stopped=True))
    assert session.receive(Delta(turn, " another.")) == ()
    assert session.receive(finished(turn)) == ()
    assert texts(session)[1].strip() == "A whole sentence."


def test_stop_before_the_first_word(session: ChatSession) -> None:
    turn = request_in(session.submit("Hello.")).turn
    assert session.stop() == (Ask(Cancel(turn)), TurnEnded(None, stopped=True))
    assert texts(session) == ["Hello."]
    assert session.stop() == ()


def test_regenerate_offers_another_reply_and_keeps_the_first(session: ChatSession) -> None:
    take_turn(session, "Hello.", "First.")
    reply = ids(session)[1]
    request = request_in(session.regenerate())
    assert [m.text for m in request.messages] == ["Hello."]
    assert request.options.seed == 101
    assert texts(session)[1] == "First."  # until the other one begins
    outcomes = session.receive(Delta(request.turn, "Second. "))
    assert outcomes == (Replace(reply, "Second. ", 1, 2),)
    session.receive(finished(request.turn))
    assert session.choose(reply, 0) == (Replace(reply, "First.", 0, 2),)
    assert texts(session) == ["Hello.", "First."]
    assert session.choose(reply, 2) == ()


def test_regenerate_answers_a_message_that_has_no_reply(session: ChatSession) -> None:
    assert session.regenerate() == ()
    session.submit("Hello.")
    session.stop()
    request = request_in(session.regenerate())
    session.receive(Delta(request.turn, "Now then. "))
    assert texts(session) == ["Hello.", "Now then. "]


def test_a_regeneration_that_fails_leaves_the_first_reply(session: ChatSession) -> None:
    take_turn(session, "Hello.", "First.")
    turn = request_in(session.regenerate()).turn
    (failed,) = session.receive(Failed(turn, Fault.ENGINE_BUG))
    assert failed == TurnFailed(None, Fault.ENGINE_BUG)
    assert texts(session) == ["Hello.", "First."]


def test_editing_replaces_a_message_and_all_after_it(session: ChatSession) -> None:
    take_turn(session, "One.", "Two.")
    take_turn(session, "Three.", "Four.")
    first = ids(session)[0]
    outcomes = session.submit("Uno.", replaces=first)
    assert outcomes[0] == Drop(first)
    assert [m.text for m in request_in(outcomes).messages] == ["Uno."]


# What engines report


def test_progress_and_trimming_are_shown_once(session: ChatSession) -> None:
    take_turn(session, "One.", "Two.")
    turn = request_in(session.submit("Three.")).turn
    progress = session.receive(Progress(turn, Phase.READING, 5, 9))
    assert progress == (ShowProgress(Phase.READING, 5, 9),)
    assert session.receive(Trimmed(turn, 0)) == ()
    assert session.receive(Trimmed(turn, 2)) == (ShowTrimmed(ids(session)[2]),)
    assert session.receive(Trimmed(turn, 2)) == ()
    assert session.receive(Trimmed(turn, 0)) == (ShowTrimmed(None),)


def test_a_refused_message_goes_back(session: ChatSession) -> None:
    turn = request_in(session.submit("Far too long.")).turn
    question = ids(session)[0]
    outcomes = session.receive(Refused(turn, 900, 500))
    assert outcomes == (Drop(question), ReturnText("Far too long.", 900, 500))
    assert texts(session) == []
    assert not session.busy


def test_a_refused_edit_loses_nothing(session: ChatSession) -> None:
    take_turn(session, "One.", "Two.")
    before = ids(session)
    turn = request_in(session.submit("Far too long.", replaces=before[0])).turn
    outcomes = session.receive(Refused(turn, 900, 500))
    assert texts(session) == ["One.", "Two."]
    assert ids(session) == before
    assert [o.message for o in outcomes if isinstance(o, Append)] == before
    assert outcomes[-1] == ReturnText("Far too long.", 900, 500, replaces=before[0])


def test_an_empty_reply_is_a_failure(session: ChatSession) -> None:
    outcomes = take_turn(session, "Hello.")
    assert outcomes[-1] == TurnFailed(None, Fault.EMPTY_REPLY)
    assert not session.busy


@pytest.mark.parametrize("reply", [(), ("user: hello there. ",)])
def test_nobody_in_need_is_left_without_words(session: ChatSession, reply: tuple[str, ...]) -> None:
    outcomes = take_turn(session, "I wish I was dead.", *reply)
    assert isinstance(outcomes[-1], TurnEnded)
    assert texts(session)[1] in wordings("replies.concern")
    assert not session.busy


@pytest.mark.parametrize(
    "end",
    [
        lambda session, turn: session.receive(Failed(turn, Fault.ENGINE_BUG)),
        lambda session, turn: session.fail(Fault.ENGINE_BUG),
    ],
)
def test_a_partial_reply_survives_a_failure(
    session: ChatSession, end: Callable[[ChatSession, TurnId], Outcomes]
) -> None:
    turn = request_in(session.submit("Hello.")).turn
    session.receive(Delta(turn, "A sentence. And half of"))
    outcomes = end(session, turn)
    assert outcomes[-1] == TurnFailed(ids(session)[1], Fault.ENGINE_BUG)
    assert texts(session)[1] == "A sentence. And half of"
    assert session.fail(Fault.ENGINE_BUG) == ()


def test_events_of_other_turns_are_dropped(session: ChatSession) -> None:
    turn = request_in(session.submit("Hello.")).turn
    stale = TurnId(turn + 1)
    events: list[Event] = [Delta(stale, "No. "), finished(stale), Failed(stale, Fault.ENGINE_BUG)]
    assert [session.receive(event) for event in events] == [(), (), ()]
    assert session.receive(Assessed(turn, RiskAssessment(Tier.NONE))) == ()
    assert session.busy


def test_an_event_of_a_turn_that_is_not_for_a_session_changes_nothing(session: ChatSession) -> None:
    turn = request_in(session.submit("Hello.")).turn
    assert session.receive(SimpleNamespace(turn=turn)) == ()  # type: ignore[arg-type]
    assert session.busy


def test_a_reply_that_goes_round_in_circles_is_ended(session: ChatSession) -> None:
    turn = request_in(session.submit("Hello.")).turn
    outcomes = session.receive(Delta(turn, "I hear you, and I am here. " * 6))
    assert Ask(Cancel(turn)) in outcomes
    assert any(isinstance(outcome, ShowWarning) for outcome in outcomes)
    assert isinstance(outcomes[-1], TurnEnded)
    assert not session.busy
    assert texts(session)[1].count("I hear you") < 6


def test_forgetting_leaves_nothing(session: ChatSession) -> None:
    take_turn(session, "Hello.", "Good morning.")
    turn = request_in(session.submit("More.")).turn
    session.forget()
    assert session.receive(Delta(turn, "Late. ")) == ()
    assert texts(session) == []
    assert session.regenerate() == ()


# Safety


@pytest.mark.parametrize("text", ["I am going to kill myself tonight.", "I want to kill myself."])
def test_an_explicit_statement_gets_help_and_a_written_reply(
    session: ChatSession, text: str
) -> None:
    outcomes = session.submit(text)
    assert kinds(outcomes) == [Append, ShowCrisis, Append, TurnEnded]
    crisis = outcomes[1]
    assert isinstance(crisis, ShowCrisis)
    assert crisis.tier >= Tier.ACTIVE
    assert crisis.resources.country == "GB"
    assert "116 123" in texts(session)[1]
    assert not session.busy


def test_another_written_reply_is_worded_differently(session: ChatSession) -> None:
    session.submit("I want to kill myself.")
    first = texts(session)[1]
    outcomes = session.regenerate()
    assert kinds(outcomes) == [ShowCrisis, Replace, TurnEnded]
    assert texts(session)[1] != first


def test_concern_shows_help_and_guides_the_model(session: ChatSession) -> None:
    outcomes = session.submit("I wish I was dead.")
    assert kinds(outcomes) == [Append, ShowCrisis, Ask]
    request = request_in(outcomes)
    assert request.messages[-1].text == "I wish I was dead."
    assert request.messages[-1].guidance
    # The guidance stays with its message, so that the model's memory of the turn holds.
    session.receive(Delta(request.turn, "I am glad you told me."))
    session.receive(finished(request.turn))
    later = request_in(session.submit("Thank you."))
    assert later.messages[0].guidance == request.messages[-1].guidance


# With a guard that reads between the lines

NOTHING = RiskAssessment(Tier.NONE)
CONCERN = RiskAssessment(Tier.CONCERN, frozenset({Topic.SUICIDE}), ("learned",), Tier.CONCERN)
ACTIVE = RiskAssessment(Tier.ACTIVE, frozenset({Topic.SUICIDE}), ("learned",), Tier.ACTIVE)


@pytest.fixture
def guarded(session: ChatSession) -> ChatSession:
    session.guarded = True
    return session


def asked_in(outcomes: Outcomes) -> list[Command]:
    return [outcome.command for outcome in outcomes if isinstance(outcome, Ask)]


def begin(session: ChatSession, text: str, assessment: RiskAssessment = NOTHING) -> Outcomes:
    """Submit, and let the guard answer so."""
    (command,) = asked_in(session.submit(text))
    assert isinstance(command, Assess)
    return session.receive(Assessed(command.turn, assessment))


def test_a_message_is_assessed_before_it_is_answered(guarded: ChatSession) -> None:
    outcomes = guarded.submit("Hello.")
    assert kinds(outcomes) == [Append, Ask]
    (command,) = asked_in(outcomes)
    assert isinstance(command, Assess)
    assert [m.text for m in command.messages] == ["Hello."]
    assert guarded.busy
    assert guarded.receive(Assessed(TurnId(command.turn + 1), ACTIVE)) == ()
    request = request_in(guarded.receive(Assessed(command.turn, NOTHING)))
    assert request.turn == command.turn
    assert guarded.receive(Assessed(command.turn, ACTIVE)) == ()


def test_what_the_guard_sees_counts(guarded: ChatSession) -> None:
    outcomes = begin(guarded, "After Friday it will not matter.", ACTIVE)
    assert kinds(outcomes) == [ShowCrisis, Append, TurnEnded]
    outcomes = begin(guarded, "So much for that.", CONCERN)
    assert kinds(outcomes) == [ShowCrisis, Ask]
    assert request_in(outcomes).messages[-1].guidance


def test_help_by_rules_comes_at_once_and_not_twice(guarded: ChatSession) -> None:
    outcomes = guarded.submit("I wish I was dead.")
    assert kinds(outcomes) == [Append, ShowCrisis, Ask]
    (command,) = asked_in(outcomes)
    assert isinstance(command, Assess)
    assert kinds(guarded.receive(Assessed(command.turn, CONCERN))) == [Ask]


def test_imminent_danger_waits_for_nobody(guarded: ChatSession) -> None:
    outcomes = guarded.submit("I am going to kill myself tonight.")
    assert kinds(outcomes) == [Append, ShowCrisis, Append, TurnEnded]


def test_stop_while_a_message_is_assessed(guarded: ChatSession) -> None:
    (command,) = asked_in(guarded.submit("Hello."))
    assert isinstance(command, Assess)
    assert guarded.stop() == (TurnEnded(None, stopped=True),)
    assert guarded.receive(Assessed(command.turn, ACTIVE)) == ()
    assert not guarded.busy


def test_what_nobody_has_read_yet_does_not_go_to_the_cloud(guarded: ChatSession) -> None:
    guarded.cloud = True
    guarded.submit("The pills are counted.")
    guarded.stop()
    request = request_in(begin(guarded, "What is a good soup?"))
    assert [m.text for m in request.messages] == ["What is a good soup?"]
    assert guarded.left_out == (ids(guarded)[0],)


def test_an_earlier_reply_does_not_take_the_place_of_emergency_words(guarded: ChatSession) -> None:
    request = request_in(begin(guarded, "So much for that."))
    for event in (Delta(request.turn, "I see."), finished(request.turn), Reviewed(request.turn, 0)):
        guarded.receive(event)
    (command,) = asked_in(guarded.regenerate())
    assert isinstance(command, Assess)
    imminent = RiskAssessment(Tier.IMMINENT, ACTIVE.topics, ACTIVE.cues, Tier.IMMINENT)
    guarded.receive(Assessed(command.turn, imminent))
    reply = ids(guarded)[1]
    assert guarded.choose(reply, 0) == ()
    assert "I see." not in texts(guarded)


def test_a_sentence_is_shown_once_it_is_judged(guarded: ChatSession) -> None:
    turn = request_in(begin(guarded, "Hello.")).turn
    (review,) = asked_in(guarded.receive(Delta(turn, "I hear you. And ")))
    assert review == Review(turn, 0, "I hear you. ", "", "Hello.", NOTHING)
    (shown,) = guarded.receive(Reviewed(turn, 0))
    assert isinstance(shown, Append)
    assert shown.text == "I hear you. "
    (review,) = asked_in(guarded.receive(finished(turn)))
    assert review == Review(turn, 1, "And ", "I hear you. ", "Hello.", NOTHING)
    outcomes = guarded.receive(Reviewed(turn, 1))
    assert kinds(outcomes) == [Append, TurnEnded]
    assert not guarded.busy


def test_a_blocked_reply_makes_room_for_written_words(guarded: ChatSession) -> None:
    turn = request_in(begin(guarded, "It was a long day.")).turn
    guarded.receive(Delta(turn, "I hear you. Some harm. "))
    guarded.receive(Reviewed(turn, 0))
    outcomes = guarded.receive(Reviewed(turn, 1, ("method",)))
    assert outcomes[0] == Ask(Cancel(turn))
    ended = outcomes[-1]
    assert isinstance(ended, TurnEnded)
    assert ended.reasons == ("method",)
    assert texts(guarded)[1] == "I hear you. \n\n" + wordings("replies.calm")[0]
    assert guarded.receive(Delta(turn, "More. ")) == ()


def test_a_reply_that_is_blocked_at_once_is_written_words_alone(guarded: ChatSession) -> None:
    turn = request_in(begin(guarded, "After Friday it will not matter.", CONCERN)).turn
    guarded.receive(Delta(turn, "Some harm."))
    guarded.receive(finished(turn))
    outcomes = guarded.receive(Reviewed(turn, 0, ("encouragement",)))
    assert kinds(outcomes) == [Append, TurnEnded]  # the model is done: nothing to cancel
    assert texts(guarded)[1] == wordings("replies.concern")[0]


def test_what_a_later_sentence_makes_harmful_is_taken_back_and_that_is_said(
    guarded: ChatSession,
) -> None:
    turn = request_in(begin(guarded, "It was a long day.")).turn
    guarded.receive(Delta(turn, "One half. Other half. "))
    guarded.receive(Reviewed(turn, 0))
    outcomes = guarded.receive(Reviewed(turn, 1, ("method",), joint=True))
    assert kinds(outcomes) == [Replace, Ask, Append, TurnEnded]
    reply = texts(guarded)[1]
    assert reply.startswith(resource_text("help.taken_back"))
    assert "half" not in reply


def test_a_failed_engine_leaves_only_what_was_judged(guarded: ChatSession) -> None:
    turn = request_in(begin(guarded, "Hello.")).turn
    guarded.receive(Delta(turn, "One. Two"))
    assert asked_in(guarded.fail(Fault.ENGINE_CRASHED)) != []
    guarded.receive(Reviewed(turn, 0))
    outcomes = guarded.receive(Reviewed(turn, 1))
    assert outcomes[-1] == TurnFailed(ids(guarded)[1], Fault.ENGINE_CRASHED)
    assert texts(guarded)[1] == "One. Two"


def test_a_guard_that_is_lost_while_a_message_waits(guarded: ChatSession) -> None:
    guarded.submit("I want to kill myself.")
    outcomes = guarded.lose_guard()
    assert kinds(outcomes) == [ShowWarning, ShowCrisis, Append, TurnEnded]
    assert outcomes[0] == ShowWarning("help.rules_alone")
    assert not guarded.guarded
    assert guarded.lose_guard() == ()


def test_a_guard_that_is_lost_while_a_sentence_waits(guarded: ChatSession) -> None:
    turn = request_in(begin(guarded, "Hello.")).turn
    guarded.receive(Delta(turn, "I hear you. "))
    outcomes = guarded.lose_guard()
    assert kinds(outcomes) == [ShowWarning, ShowCrisis, Append]
    assert guarded.receive(finished(turn))[-1] == TurnEnded(ids(guarded)[1], finished(turn))


def test_a_guard_without_its_encoder_is_a_lost_guard(guarded: ChatSession) -> None:
    assert kinds(guarded.receive(Assessed(NO_TURN, NOTHING, True))) == [ShowCrisis]
    (command,) = asked_in(guarded.submit("Hello."))
    assert isinstance(command, Generate)


def test_that_is_not_what_i_meant(guarded: ChatSession) -> None:
    begin(guarded, "That exam will be the end of me.", ACTIVE)
    outcomes = guarded.correct()
    (command,) = asked_in(outcomes)
    assert isinstance(command, Assess)
    assert command.corrected == 2
    outcomes = guarded.receive(Assessed(command.turn, CONCERN))
    request = request_in(outcomes)
    guarded.receive(Delta(request.turn, "I see. "))
    outcomes = guarded.receive(Reviewed(request.turn, 0))
    assert outcomes == (Replace(ids(guarded)[1], "I see. ", 1, 2),)
    assert guarded.correct() == ()  # not while a reply is under way


def test_by_rules_a_correction_lowers_to_concern(session: ChatSession) -> None:
    session.submit("I am going to kill myself tonight.")
    assert request_in(session.correct()).messages[-1].guidance
    session.stop()
    assert kinds(session.submit("I want to kill myself.")) == [
        Append,
        ShowCrisis,
        Append,
        TurnEnded,
    ]


def test_a_refused_edit_leaves_a_correction_as_it_was(guarded: ChatSession) -> None:
    begin(guarded, "After Friday it will not matter.", ACTIVE)
    (command,) = asked_in(guarded.correct())
    assert isinstance(command, Assess)
    turn = request_in(guarded.receive(Assessed(command.turn, CONCERN))).turn
    guarded.receive(Delta(turn, "I see."))
    guarded.receive(finished(turn))
    guarded.receive(Reviewed(turn, 0))
    (command,) = asked_in(guarded.submit("Far too long.", replaces=ids(guarded)[0]))
    assert isinstance(command, Assess)
    turn = request_in(guarded.receive(Assessed(command.turn, NOTHING))).turn
    guarded.receive(Refused(turn, 900, 500))
    (command,) = asked_in(guarded.submit("And so on."))
    assert isinstance(command, Assess)
    assert command.corrected == 2


def test_an_edit_takes_a_correction_back(session: ChatSession) -> None:
    session.submit("I am going to kill myself tonight.")
    first = ids(session)[0]
    session.correct()
    session.stop()
    outcomes = session.submit("I am going to kill myself.", replaces=first)
    assert kinds(outcomes) == [Drop, Append, ShowCrisis, Append, TurnEnded]


# Notices


def test_hard_things_that_were_asked_for_are_announced_once(session: ChatSession) -> None:
    outcomes = take_turn(session, "What is domestic violence?", "It is a way to hold power. ")
    assert outcomes[2] == ShowWarning("help.heavy")
    outcomes = take_turn(session, "And what is sexual violence?", "It is another. ")
    assert ShowWarning("help.heavy") not in outcomes


def test_a_reply_may_be_heavy_by_itself(session: ChatSession) -> None:
    outcomes = take_turn(session, "Tell me of that film.", "It is about a massacre. ")
    assert ShowWarning("help.heavy") in outcomes


def test_the_notice_can_be_switched_off_and_never_goes_before_crisis_help(
    session: ChatSession,
) -> None:
    outcomes = take_turn(session, "I wish I was dead. What is suicide?", "It is a death. ")
    assert ShowWarning("help.heavy") not in outcomes
    session.forget()
    session.trigger_warnings = False
    outcomes = take_turn(session, "What is domestic violence?", "It is a way to hold power. ")
    assert ShowWarning("help.heavy") not in outcomes


def test_now_and_then_a_reminder_that_this_is_an_ai(session: ChatSession) -> None:
    outcomes = [take_turn(session, "Hello.", "Good day.") for _ in range(REMINDER_EVERY)]
    reminded = [ShowWarning("help.reminder") in turn for turn in outcomes]
    assert reminded == [False] * (REMINDER_EVERY - 1) + [True]


# Reading ahead


def read_ahead(session: ChatSession, *arguments: object) -> list[str]:
    """The texts that are to be read."""
    ((prefill, *_),) = [
        [o.command for o in session.read_ahead(*arguments) if isinstance(o, Ask)]  # type: ignore[arg-type]
    ]
    assert isinstance(prefill, Prefill)
    return [message.text for message in prefill.messages]


def test_whole_words_of_a_draft_are_read_behind_what_was_said(session: ChatSession) -> None:
    assert read_ahead(session, "") == []
    assert read_ahead(session, "Goo") == []
    take_turn(session, "One.", "Two.")
    assert read_ahead(session, "") == ["One.", "Two."]
    assert read_ahead(session, " I fe\u200bel so tir") == ["One.", "Two.", "I feel so"]
    assert read_ahead(session, "I feel so tired", None, True) == ["One.", "Two.", "I feel so tired"]
    assert read_ahead(session, "Another one", ids(session)[0]) == ["Another"]


@pytest.mark.parametrize("ending", ["", " ", " so"])
def test_a_pasted_text_without_spaces_holds_nothing_up(session: ChatSession, ending: str) -> None:
    pasted = "a" * 1_000_000
    expected = [] if not ending else [pasted]
    assert read_ahead(session, pasted + ending) == expected


def test_a_request_begins_with_what_was_read_ahead(session: ChatSession) -> None:
    session.options = SamplingOptions(0.5, 99)
    take_turn(session, "One.", "Two.")
    (ahead,) = session.read_ahead("Three and ")
    request = request_in(session.submit("Three and four."))
    assert isinstance(ahead, Ask)
    assert isinstance(ahead.command, Prefill)
    assert ahead.command.messages[:-1] == request.messages[:-1]
    assert ahead.command.options.max_tokens == request.options.max_tokens


def test_nothing_is_read_ahead_during_a_turn_or_for_a_model_elsewhere(session: ChatSession) -> None:
    session.submit("One.")
    assert session.read_ahead("Two ") == ()
    session.stop()
    session.cloud = True
    assert session.read_ahead("Two ", None, True) == ()


def test_the_guard_reads_a_draft_in_a_pause_and_nothing_comes_of_it(session: ChatSession) -> None:
    session.guarded = True
    assert len(session.read_ahead("I feel bad ")) == 1
    _, asked = session.read_ahead("I feel bad", None, True)
    assert isinstance(asked, Ask)
    assert isinstance(asked.command, Assess)
    grave = RiskAssessment(Tier.IMMINENT, own=Tier.IMMINENT)
    assert session.receive(Assessed(asked.command.turn, grave)) == ()
    session.submit("I feel bad.")
    assert session.receive(Assessed(asked.command.turn, grave)) == ()
    assert session.busy
