"""What a policy says in vain is pointed out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from access.policies.decision import Action, DatasetPolicy, EntryRule, Granularity, Level, Window
from access.policies.doubts import doubts
from tests.support.policies import HEART, NOW

OVER = Window(None, NOW)
DORA = frozenset({"dora@https://broker.example"})


def test_a_sound_policy_raises_no_doubt() -> None:
    open_ended = replace(HEART, windows=(OVER, Window(NOW, None)))
    assert list(doubts(HEART, now=NOW)) == list(doubts(open_ended, now=NOW)) == []


@pytest.mark.parametrize(
    ("policy", "doubt"),
    [
        (
            replace(HEART, ceilings={**HEART.ceilings, Level.CONTROLLED: Granularity.BOOLEAN}),
            "ceilings: controlled is below a lower level's and adds nothing",
        ),
        (
            replace(HEART, ceilings={Level.PUBLIC: Granularity.COUNT}, level=Level.REGISTERED),
            "ceilings: no level that may ask gives any answer",
        ),
        (
            replace(HEART, entries={"run": EntryRule(Level.PUBLIC, {})}),
            "entries.run: ceilings: no level that may ask gives any answer",
        ),
        (
            replace(HEART, windows=(Window(None, NOW, frozenset({Action.TRAIN})),)),
            "windows: every window of train is over",
        ),
        (
            replace(HEART, excluded_people=DORA),
            "exclude: dora@https://broker.example sits on the committee",
        ),
        (
            replace(HEART, level=Level.CONTROLLED, committee=()),
            "committee: nobody can approve, and every answer needs a grant",
        ),
        (
            replace(HEART, data_use_for_answers=True),
            "data_use_for_answers: without data_use every answer needs a grant",
        ),
    ],
)
def test_what_is_said_in_vain_is_named(policy: DatasetPolicy, doubt: str) -> None:
    assert list(doubts(policy, now=NOW)) == [doubt]
