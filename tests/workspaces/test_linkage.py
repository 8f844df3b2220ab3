"""Two sites find whom they share, and neither learns of the rest."""

from __future__ import annotations

import pytest

from workspaces import linkage
from workspaces.errors import LinkageRefused
from workspaces.linkage import Answer, Answering, Asking, pseudonyms

KEY = b"k" * 32
HERE = pseudonyms((f"patient-{number}" for number in range(300)), KEY)
THERE = pseudonyms((f"patient-{number}" for number in range(200, 450)), KEY)


def test_both_find_the_same_people_in_the_same_order() -> None:
    shared = tuple(sorted(set(HERE) & set(THERE)))
    one, other = Asking(HERE, people=True), Asking(THERE, people=True)
    assert one.common(Answering(THERE, people=True).answer(one.question())) == shared
    assert other.common(Answering(HERE, people=True).answer(other.question())) == shared
    assert len(shared) == 100


def test_the_size_is_learned_without_the_people() -> None:
    asking = Asking(HERE, people=False)
    answer = Answering(THERE, people=False).answer(asking.question())
    assert asking.count(answer) == 100
    with pytest.raises(LinkageRefused, match="number of people alone"):
        asking.common(answer)


def test_who_may_learn_the_size_alone_does_not_learn_the_people() -> None:
    with pytest.raises(LinkageRefused, match="Only the number"):
        Answering(THERE, people=False).answer(Asking(HERE, people=True).question())


def test_few_in_common_are_told_as_none() -> None:
    few = (*HERE[: linkage.FLOOR - 1], *pseudonyms(["x", "y"], KEY))
    counting, naming = Asking(few, people=False), Asking(few, people=True)
    assert counting.count(Answering(HERE, people=False).answer(counting.question())) == 0
    with pytest.raises(LinkageRefused, match="fewer than"):
        naming.common(Answering(HERE, people=True).answer(naming.question()))


def test_nothing_of_a_pseudonym_travels() -> None:
    asking = Asking(HERE, people=True)
    question = asking.question()
    answer = Answering(THERE, people=True).answer(question)
    travelled = question + answer.setup + answer.response
    assert not any(one.encode() in travelled or bytes.fromhex(one) in travelled for one in HERE)
    again = Asking(HERE, people=True).question()
    assert question != again


def test_another_key_makes_other_people_of_them() -> None:
    assert not set(HERE) & set(pseudonyms((f"patient-{n}" for n in range(300)), b"o" * 32))
    assert tuple(sorted(HERE)) == HERE


@pytest.mark.parametrize(
    ("identifiers", "key"), [(["a", "a"], KEY), (["a"], b"short"), (["a"], b"")]
)
def test_a_person_twice_or_a_short_key_is_refused(identifiers: list[str], key: bytes) -> None:
    with pytest.raises(LinkageRefused):
        pseudonyms(identifiers, key)


def test_questions_are_counted_and_sizes_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    answering = Answering(THERE, people=True, most=299)
    for _ in range(linkage.MAX_QUESTIONS):
        with pytest.raises(LinkageRefused, match="about at most 299"):
            answering.answer(Asking(HERE, people=True).question())
    with pytest.raises(LinkageRefused, match="questions"):
        answering.answer(Asking(HERE[:50], people=True).question())
    monkeypatch.setattr(linkage, "MAX_MESSAGE", 100)
    with pytest.raises(LinkageRefused, match="bytes"):
        Answering(THERE, people=True).answer(Asking(HERE, people=True).question())


@pytest.mark.parametrize("raw", [b"", b"\xff\xff\xff", b"\x0a\x03abc", b"\x0a\x21" + b"\x02" * 33])
def test_what_is_no_message_is_refused(raw: bytes) -> None:
    with pytest.raises(LinkageRefused):
        Answering(THERE, people=True).answer(raw)
    asking = Asking(HERE, people=True)
    good = Answering(THERE, people=True).answer(asking.question())
    for answer in (Answer(raw, good.response), Answer(good.setup, raw)):
        with pytest.raises(LinkageRefused):
            asking.common(answer)
