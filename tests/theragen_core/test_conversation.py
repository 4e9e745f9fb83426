import pytest

from theragen_core.conversation import Conversation, Message, MessageId, Role


@pytest.fixture
def conversation() -> Conversation:
    talk = Conversation()
    talk.add(Role.USER, "one")
    talk.add(Role.ASSISTANT, "two")
    talk.add(Role.USER, "three")
    return talk


def test_messages_are_in_order(conversation: Conversation) -> None:
    assert [m.text for m in conversation.messages()] == ["one", "two", "three"]
    third = list(conversation)[2].id
    assert [m.text for m in conversation.messages(before=third)] == ["one", "two"]


def test_ids_are_never_used_again(conversation: Conversation) -> None:
    before = {entry.id for entry in conversation}
    conversation.clear()
    assert len(conversation) == 0
    assert conversation.add(Role.USER, "new").id not in before


def test_an_id_can_be_promised_before_the_text_is_there(conversation: Conversation) -> None:
    promised = conversation.new_id()
    with pytest.raises(KeyError):
        conversation.get(promised)
    assert conversation.add(Role.ASSISTANT, "late", id=promised).id == promised


def test_the_last_message_of_a_role(conversation: Conversation) -> None:
    last = conversation.last(Role.ASSISTANT)
    assert last is not None
    assert last.text == "two"
    assert conversation.last(Role.SYSTEM) is None


def test_variants_are_kept_and_the_new_one_counts(conversation: Conversation) -> None:
    reply = list(conversation)[1]
    conversation.add_variant(reply.id, "another")
    reply.append(" way")
    assert reply.variants == ["two", "another way"]
    assert conversation.messages()[1] == Message(Role.ASSISTANT, "another way")
    reply.chosen = 0
    assert conversation.messages()[1].text == "two"


def test_truncating_gives_back_what_went(conversation: Conversation) -> None:
    second = list(conversation)[1].id
    gone = conversation.truncate(second)
    assert [entry.text for entry in gone] == ["two", "three"]
    assert [m.text for m in conversation.messages()] == ["one"]
    conversation.restore(gone)
    assert [m.text for m in conversation.messages()] == ["one", "two", "three"]


def test_unknown_ids_are_errors(conversation: Conversation) -> None:
    with pytest.raises(KeyError):
        conversation.truncate(MessageId(99))


def test_no_repr_shows_a_persons_words(conversation: Conversation) -> None:
    shown = repr(list(conversation)) + repr(conversation.messages())
    assert "one" not in shown
