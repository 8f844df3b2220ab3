"""A decision that another policy would take otherwise, in words: no code is left to the reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from access.policies import policy, weighing
from access.policies.decision import Action, Outcome, Reason
from access.policies.replay import Change, Told
from gateway.replay_in_words import ACTIONS, REASONS, line, told
from portal.catalogues import say


def _reasons() -> Iterator[Reason]:
    """Every reason that the policy engine knows beforehand."""
    for module in (policy, weighing):
        for value in vars(module).values():
            for one in value.values() if isinstance(value, Mapping) else (value,):
                if isinstance(one, Reason):
                    yield one


def test_every_reason_and_action_has_its_words() -> None:
    assert {one.code for one in _reasons()} == set(REASONS)
    assert set(ACTIONS) == set(Action)


@pytest.mark.parametrize(
    ("one", "english", "german"),
    [
        (
            Told(Outcome.DENY, None, ("needs_grant",), (), ()),
            "refused; they need a grant",
            "verweigert; sie brauchen eine Bewilligung",
        ),
        (
            Told(Outcome.PERMIT, "count", ("public",), (), ()),
            "answered with a count; it answers anyone",
            "mit einer Anzahl beantwortet; er antwortet allen",
        ),
        (
            Told(Outcome.PERMIT, None, ("grant",), ("DUO:1",), ("ws-1",)),
            "permitted; they hold a grant; owing DUO:1; in workspace ws-1 alone",
            "erlaubt; sie haben eine Bewilligung; schuldig DUO:1; nur im Arbeitsbereich ws-1",
        ),
        (
            Told(Outcome.REVIEW, None, ("of_a_later_version",), (), ()),
            "left to a person; of_a_later_version",
            "einem Menschen überlassen; of_a_later_version",
        ),
    ],
)
def test_what_was_told_is_said_in_both_languages(one: Told, english: str, german: str) -> None:
    assert told(one) == english
    assert say("de", told(one)) == german


def test_a_line_says_what_was_asked_for() -> None:
    no, yes = (Told(outcome, None, (), (), ()) for outcome in (Outcome.DENY, Outcome.PERMIT))
    change = Change("isle", Action.DISCOVER, ("individual", "run"), no, yes, 3)
    found = line(change)
    assert (found.dataset, found.count) == ("isle", 3)
    assert found.what == "questions of individual and run"
    assert say("de", found.what) == "Fragen nach individual und run"
    assert (found.before, found.after) == ("refused", "permitted")
