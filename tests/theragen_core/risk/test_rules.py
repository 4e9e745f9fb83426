"""Sentences written for these tests: none is anybody's, and none says how."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theragen_core import risk
from theragen_core.conversation import Message, Role
from theragen_core.protocol import Tier, Topic
from theragen_core.resources import read_json
from theragen_core.risk.combination import MEANS_WITH_DISTRESS
from theragen_core.risk.rules import speaks_of_another

IMMINENT = """
Years ago I decided that I would end it here, and tomorrow I will kill myself.
when i was a kid i was happy and now im going to kill myself
I'm going to kill myself tonight.
I am going to end my life.
I've decided to end it all after work.
I will kill myself tomorrow morning
im gonna kill myself when they are asleep
Tonight I am ending my life.
I'm about to jump off the bridge
I plan to hang myself this weekend.
I have a plan to kill myself and nobody knows.
I've got a plan for how to end my life
I know exactly how I'm going to do it.
I wrote my goodbye letters and I feel calm.
By the time you read this I will be gone.
I bought a rope to hang myself.
I have been saving pills so I can die
I just took a whole bottle of pills.
i swallowed all the tablets an hour ago
I took an overdose just now
I have cut my wrists and it won't stop
I tried to kill myself last night.
I'm standing on a bridge and I want to jump.
I want to die tonight, I'm ready.
I won't be alive tomorrow.
I said I wasn't serious but I'm going to kill myself today.
I'll k1ll myself tonight
I am going to u n a l i v e myself tonight
I’m g\u043eing t\u043e kill mys\u0435lf t\u043enight
My sister just took a whole bottle of pills.
My friend is going to kill himself tonight
I took the whole bottle of pills the doctor prescribed for my back
I took too many pills with dinner
I swallowed 40 tablets with lunch
I took a whole bottle of tylenol for my headache and more, I feel sick
I'm writing my suicide note and I'm going to kill myself tonight
I am writing a goodbye letter to my family
I'm going to kill myself with a kitchen knife
I'm going to kill myself at work tomorrow
I'm going to kill myself playing russian roulette
I swallowed bleach just now
She's not breathing
my friend won't wake up
he is unconscious
he's choking me right now
the bleeding won't stop
My flatmate smoked something and is turning blue
He has a gun and is outside
"""

ACTIVE = """
All day long my brain tells me to just kill myself
The voices are telling me to hurt myself again
There's something in my head that whispers kill yourself
The voices keep telling me to stab my brother
A voice says I should hurt the baby
God wants me to punish my wife
I want to kill myself.
I keep thinking about killing myself.
I've been thinking about ending my life.
I feel suicidal.
I am suicidal again
I have suicidal thoughts every evening.
Lately I think about suicide when I drive home.
I wanna kill myself
I want to k i l l myself
I don't eat, I want to hurt myself
I never told anyone I cut myself every night
My wife left me 3 months ago and I want to kill myself
Nobody cares, I do not matter, I want to kill myself
in this game called life I want to kill myself
I want to unalive myself
i want to k\u0131ll myself
I want to kill my self
I want to commit sewerslide
I want to k*ll myself
Part of me wants it to stop, and I am thinking of taking my own life.
I feel like killing myself when he shouts.
Sometimes I imagine jumping off a building.
I can't promise I won't kill myself.
I don't trust myself alone tonight
I survived an attempt years ago, and I am suicidal again.
I overdosed last year and I want to try again
What is the most painless way to die?
How can I kill myself?
I have the urge to cut myself.
I want to hurt myself so badly right now
I cut myself again yesterday.
I relapsed and started cutting again.
I keep hurting myself when I feel nothing.
I attempted suicide two days ago.
I almost killed myself last night
I feel unsafe around myself
I used to laugh about it, now I want to kill myself
I watched a sad movie and now I want to kill myself
"""

CONCERN = """
When I was seventeen I took the whole bottle, and I was lucky.
Decades ago, in a week like this week, I was ready to end my life.
I want to die.
I wish I was dead.
I wish I had never been born.
I don't want to live anymore.
I don't want to be here anymore.
I hope I don't wake up tomorrow
I'm not okay, I want to die
without him I want to die
I don't have anyone, I want to die
I never sleep and I want to die
I was raped in high school and I think about dying every day
I was abused when I was a kid and I want to die
I want to crash my car and die tonight
I took all of my prescribed sleeping pills
my dad hits me
he is hitting me
There is no reason to live.
There's nothing left to live for
I am tired of living.
Life isn't worth living without her.
Everyone would be better off without me.
Nobody would miss me
No one would care if I died.
I can't go on like this
What's the point of living?
I just want it all to end.
Goodbye everyone, thank you for trying.
I said my goodbyes today
I'd rather be dead
I might do something stupid tonight
I cannot do this anymore, goodbye
I'm done. I have the pills here.
There is nothing left for me.
I w@nt to d1e
My brother says he wants to die.
My friend is suicidal and I don't know what to do.
My daughter has been cutting herself.
A classmate told me she wants to kill herself
I'm worried my dad will hurt himself
Asking for a friend: she said she wants to end her life.
I lost my job today. Which bridges around here are the tallest?
She left me. How many sleeping pills are too many?
missed my train again, kms lol
This homework makes me want to kill myself lol
"""

DISTRESS = """
Years ago my head kept telling me to hurt myself.
I'm not suicidal, just tired.
I never wanted to die, and I feel lonely
When I was a kid, I wanted to die, and I was scared
my dad was unconscious for two minutes in 2019 and I was scared
I don't want to kill myself, I want to sleep.
I never wanted to die, I only feel sad
I used to be suicidal when I was a teenager.
Years ago I wanted to kill myself, I have recovered since.
I left a goodbye letter in 2011 and my brother has it.
I spent my thirties wanting to die, in and out of hospital.
My cousin was suicidal years back and she is doing well.
I'm in recovery and no longer cutting myself
I have been depressed for weeks.
I feel so lonely since the move.
My grandmother died and I cannot stop crying.
I'm having a panic attack
My uncle killed himself last spring.
We lost a friend to suicide.
The lyrics say I want to kill myself, and I love that album.
In my novel the character says he is going to kill himself tonight.
I hate my life right now
I am overwhelmed at work.
He broke up with me.
I can't sleep and I can't cope.
"""

NONE = """
My head never tells me to hurt myself
The voices never told me to hurt anyone
The radio tells me to keep the children in and drive safely
God told me to forgive my brother
I hit my head and hurt myself a bit, nothing bad
My mind is going in circles and I cut myself a slice of cake
I took all my meds with breakfast
I took all my tablets on time
I burned myself on the stove
my phone is about to die
my son won't wake up for school
he hit me up with a question
my brother beats me at chess
the sky is turning blue
I'm writing a goodbye letter to my colleagues because I retire
This exam is killing me.
How do I kill a process on port 8080?
I died laughing
I almost died of embarrassment in class.
We could not shoot a goal all season.
I ran 10 kms this morning.
I keep dying in this level.
I had to kill myself in the game to respawn.
That was political suicide for the minister.
I shot myself in the foot with that email.
I cut myself shaving this morning.
I hurt myself at the gym
I burned myself on the stove.
I could overdose on chocolate right now
My phone is dead.
We watched Suicide Squad.
That cake is to die for.
I'd rather die than wear that hat.
Today we went bungee jumping off a bridge and loved it
How do I end a thread in Python?
Where can I buy a rope for climbing?
How tall is the Golden Gate bridge?
I took my tablets with breakfast as prescribed.
What a lovely day.
Can you help me plan a birthday?
The plants are dying in this heat.
I want to live in Portugal.
My team got killed on Saturday.
"""

CASES = [
    pytest.param(tier, sentence, id=f"{tier.name.lower()}-{number}")
    for tier, sentences in (
        (Tier.IMMINENT, IMMINENT),
        (Tier.ACTIVE, ACTIVE),
        (Tier.CONCERN, CONCERN),
        (Tier.DISTRESS, DISTRESS),
        (Tier.NONE, NONE),
    )
    for number, sentence in enumerate(sentences.strip().splitlines())
]

HOSTILE = {
    "empty": "",
    "blank": " \n\t ",
    "huge": "i want to sleep and not to think " * 4000,
    "one_word": "a" * 100_000,
    "leet": "a1" * 60_000,
    "spaced": "k i l l " * 15_000,
    "negations": "not never " * 12_000,
    "almost": "i am going to " * 9_000,
    "expanding": "\ufdfa" * 100_000,
    "binary": bytes(range(256)).decode("latin-1") * 400,
    "right_to_left": "\u202e\u05d0\u05d1\u05d2 \u0627\u0644 " * 5_000,
    "emoji": "\U0001f600\u200d\U0001f602" * 5_000,
    "surrogates": "\ud800\udfff" * 1_000,
    "accents": "e\u0301" * 30_000,
}


def said(*texts: str) -> list[Message]:
    return [Message(Role.USER, text) for text in texts]


@pytest.mark.parametrize(("tier", "sentence"), CASES)
def test_tier_of_a_sentence(tier: Tier, sentence: str) -> None:
    assert risk.assess(said(sentence)).tier is tier


def test_there_are_enough_sentences() -> None:
    assert len(CASES) >= 120


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.timeout(20)
def test_hostile_input_is_answered_in_bounded_time(name: str) -> None:
    assert risk.assess(said(HOSTILE[name])).tier in Tier


@given(st.text(st.characters(), max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_is_answered(text: str) -> None:
    assert risk.assess_message(text).tier in Tier


@pytest.mark.parametrize("place", ["beginning", "middle", "end"])
def test_a_statement_is_found_inside_a_long_message(place: str) -> None:
    filler = "we had soup and then we went for a walk " * 300
    text = {
        "beginning": "I want to kill myself " + filler,
        "middle": filler + "I want to kill myself " + filler,
        "end": filler + "I want to kill myself",
    }[place]
    assert risk.assess(said(text)).tier is Tier.ACTIVE


def test_beginning_and_end_of_an_immense_message_are_read() -> None:
    filler = "soup. " * 40_000
    assert risk.assess(said("I want to kill myself. " + filler)).tier is Tier.ACTIVE
    assert risk.assess(said(filler + " I want to kill myself")).tier is Tier.ACTIVE


@pytest.mark.parametrize(
    "written",
    [
        "ki\u200bll",
        "k\u0456ll",
        "kíll",
        "KILL",
        "k1ll",
        "k.i.l.l",
        "ki11",
        "\uff4b\uff49\uff4c\uff4c",
        "k_i_l_l",
    ],
)
def test_disguised_spelling_is_read(written: str) -> None:
    assert "kill" in risk.normalise(f"to {written} time")


def test_numbers_and_exclamations_are_not_taken_for_letters() -> None:
    assert risk.normalise("Room 101, 30 people!") == "room 101, 30 people!"


def test_only_the_person_counts() -> None:
    replies = [
        Message(Role.ASSISTANT, "I want to kill myself"),
        Message(Role.SYSTEM, "I want to die"),
    ]
    assert risk.assess(replies).tier is Tier.NONE
    assert risk.assess([]).tier is Tier.NONE


def test_one_denial_does_not_reset() -> None:
    talk = said("I'm going to kill myself tonight", "I was only joking, I'm fine")
    assert risk.assess(talk).tier is Tier.IMMINENT


def test_risk_fades_slowly_and_at_last_is_gone() -> None:
    later = ["We talked about the garden."] * 12
    tiers = [risk.assess(said("I want to kill myself", *later[:n])).tier for n in range(12)]
    assert tiers == [3, 3, 3, 2, 2, 2, 1, 1, 1, 0, 0, 0]


def test_the_gravest_message_decides() -> None:
    talk = said("I feel lonely", "I want to kill myself", "I feel sad")
    assessment = risk.assess(talk)
    assert assessment.tier is Tier.ACTIVE
    assert assessment.cues[0] == "wish_to_act"


def test_distress_in_one_message_and_means_in_the_next() -> None:
    assessment = risk.assess(said("She left me last week", "How high is the bridge downtown?"))
    assert assessment.tier is Tier.CONCERN
    assert MEANS_WITH_DISTRESS in assessment.cues
    assert Topic.SUICIDE in assessment.topics


def test_topics() -> None:
    assert risk.assess_message("I want to kill myself").topics == {Topic.SUICIDE}
    assert risk.assess_message("I have the urge to cut myself").topics >= {Topic.SELF_HARM}
    assert risk.assess_message("I'm not suicidal").topics == set()


@pytest.mark.parametrize(
    ("sentence", "someone_else"),
    [
        ("My friend wants to kill himself", True),
        ("My friend wants to kill himself and I want to die too", False),
        ("My sister just took a whole bottle of pills", True),
        ("Just took a whole bottle of pills", False),
        ("I want to die", False),
        ("The weather is fine", False),
    ],
)
def test_worry_about_someone_else(sentence: str, someone_else: bool) -> None:
    assert risk.is_about_someone_else(risk.assess_message(sentence)) is someone_else


@pytest.mark.parametrize(
    ("sentence", "another"),
    [
        ("My roommate says he's going to shoot his boss tomorrow, he has a gun", True),
        ("my student told me her uncle touches her", True),
        ("I'm so worried about my brother, he hears voices", True),
        ("I think my friend is being beaten by her boyfriend. What should I do?", True),
        ("my dad hits me", False),
        ("my dad says I'm worthless and I want to die", False),
        ("my wife left and I have the pills here", False),
        ("he has a knife", False),
    ],
)
def test_whether_someone_near_is_spoken_of(sentence: str, another: bool) -> None:
    assert speaks_of_another(sentence) is another


def test_an_assessment_names_rules_and_repeats_no_words() -> None:
    names = {cue["name"] for cue in read_json("cues.json")["cues"]} | {MEANS_WITH_DISTRESS}
    for case in CASES:
        for cue in risk.assess_message(str(case.values[1])).cues:
            assert re.sub("/.*", "", cue) in names


def test_every_rule_refers_to_frames_that_exist() -> None:
    data = read_json("cues.json")
    assert {frame for cue in data["cues"] for frame in cue["lowered"]} <= data["frames"].keys()
