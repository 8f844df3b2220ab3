"""A Beacon is looked at before it joins: what keeps it out is told from what will be missing."""

from __future__ import annotations

import pytest

from portal.asking.calls import Calls
from portal.nodes.validator import Report, check
from portal.settings import Limits
from tests.support import foreign_beacons
from tests.support.foreign_beacons import Replayed
from tests.support.loopback import served, unused_address

pytestmark = [pytest.mark.live, pytest.mark.anyio]


async def _report(replayed: Replayed | None) -> Report:
    calls = Calls(Limits())
    try:
        if replayed is None:
            return await check(calls, unused_address())
        async with served(replayed.app()) as address:
            return await check(calls, f"{address}/api/")
    finally:
        await calls.close()


def _failed(report: Report) -> set[str]:
    return {one.check for one in report.findings if not one.ok}


async def test_a_beacon_that_lacks_only_the_optional_may_join_and_is_told_what_is_missing() -> None:
    report = await _report(foreign_beacons.bento())
    assert report.may_join
    assert {"map", "configuration", "entry_types"} <= _failed(report)
    assert "shown as «about»" in report.in_words
    assert "It may join." in report.in_words


async def test_one_that_drops_the_terms_of_a_question_may_not_join() -> None:
    node = foreign_beacons.bento()
    answer = dict(node.posts["individuals"])
    answer["meta"] = {"receivedRequestSummary": {"filters": []}}
    forgetful = Replayed(gets=node.gets, posts={"individuals": answer})
    report = await _report(forgetful)
    assert not report.may_join
    (question,) = (one for one in report.findings if one.check == "question")
    assert "answered without the terms" in question.words


@pytest.mark.parametrize("name", ["id", "version"])
async def test_one_without_a_name_or_of_another_version_may_not_join(name: str) -> None:
    node = foreign_beacons.bento()
    said = {"id": "x", "name": "X", "apiVersion": "v2.0.0"}
    said |= {"id": ""} if name == "id" else {"apiVersion": "1.0.1"}
    report = await _report(Replayed(gets={"info": {"response": said}}, posts=node.posts))
    assert not report.may_join
    assert name in _failed(report)


async def test_one_that_does_not_answer_may_not_join() -> None:
    report = await _report(None)
    assert not report.may_join
    assert "does not accept connections" in report.in_words
